"""What users hold, as they hold it: one test an object, skipped with its name where the library is not installed."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import equipoise as eq
from equipoise._grouping import grouped

#: A row of TRL's preference format as its documentation has them, with text and with messages.
TRL = [
    {"prompt": "The sky is", "chosen": " blue.", "rejected": " green."},
    {"prompt": "The sky is", "chosen": " blue.", "rejected": " a sea."},
    {"prompt": "The sky is", "chosen": " a sea.", "rejected": " green."},
]
TRL_MESSAGES = [
    {
        "prompt": [{"role": "user", "content": "What color is the sky?"}],
        "chosen": [{"role": "assistant", "content": "It is blue."}],
        "rejected": [{"role": "assistant", "content": "It is green."}],
    }
]


@pytest.fixture
def columns(battles):
    words = {"a": "model_a", "b": "model_b"}
    a, b, winner = zip(*battles, strict=True)
    return {"model_a": list(a), "model_b": list(b), "winner": [words[w] for w in winner]}


def test_hugging_face_data_set(columns, battles):
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    held = datasets.Dataset.from_dict(columns)
    wanted = eq.Game.battles(battles)
    assert eq.Game.battles(held.data.table) == wanted
    assert eq.Game.battles(held) == wanted


@pytest.mark.filterwarnings("ignore::equipoise.EquipoiseWarning")
def test_trl_rows_in_a_data_set():
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    assert eq.Game.battles(datasets.Dataset.from_list(TRL)) == eq.Game.battles(TRL)


@pytest.mark.filterwarnings("ignore::equipoise.EquipoiseWarning")
def test_trl_rows():
    game = eq.Game.battles(TRL)
    assert game.n == 3
    blue = int(np.argmax(game.P.sum(axis=1)))
    assert eq.solve(game).policy[blue] == 1.0, "it won every comparison"
    assert game.P[blue].tolist().count(1.0) == 2


@pytest.mark.filterwarnings("ignore::equipoise.EquipoiseWarning")
def test_trl_rows_with_messages(tmp_path):
    import json

    file = tmp_path / "preferences.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in TRL_MESSAGES))
    game = eq.Game.battles(file)
    assert sorted(game.P[0].tolist() + game.P[1].tolist()) == [0.0, 0.5, 0.5, 1.0]


def test_pandas_with_categories_and_index(columns, battles):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame(columns).astype("category")
    frame["winner"] = frame["winner"].cat.add_categories(["tie"])  # a category that no row has
    frame.index = pandas.Index([f"battle-{k}" for k in range(len(frame))], name="battle")
    assert eq.Game.battles(frame) == eq.Game.battles(battles)
    frame["prompt_id"] = pandas.Categorical([None] * len(frame))  # a dictionary without a value
    frame["judge"] = pandas.Categorical([None if k % 2 else "j" for k in range(len(frame))])
    assert eq.Game.battles(frame) == eq.Game.battles(battles)
    grouped_frame = frame.set_index("model_a", append=True).reset_index("model_a")
    assert eq.Game.battles(grouped_frame) == eq.Game.battles(battles)


def test_duckdb_relation(columns, battles):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    held = pyarrow.table(columns)
    relation = duckdb.sql("SELECT * FROM held")
    assert eq.Game.battles(relation) == eq.Game.battles(battles)
    assert len(grouped(relation, {}).fetchall()) == 6, "three pairs, two outcomes"


def test_polars_lazy_is_counted_by_polars(columns, battles):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.LazyFrame(columns)
    assert grouped(frame, {}).height == 6
    assert eq.Game.battles(frame) == eq.Game.battles(battles)


def ibis_table(table):
    """An Arrow table as a table of a DuckDB database that ibis talks to."""
    ibis = pytest.importorskip("ibis", reason="ibis is not installed")
    database = ibis.duckdb.connect()
    database.con.register("held", table)
    database.con.execute("CREATE TABLE battles AS SELECT * FROM held")
    return database.table("battles")


def lazies(frame):
    """A polars frame as what is counted by its engine."""
    yield frame.lazy()
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    yield duckdb.sql("SELECT * FROM frame")
    if importlib.util.find_spec("ibis") is not None:
        yield ibis_table(frame.to_arrow())


def test_ibis_table_is_counted_by_its_engine(columns, battles):
    ibis = pytest.importorskip("ibis", reason="ibis is not installed")
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    wanted = eq.Game.battles(battles)
    table = ibis_table(pyarrow.table(columns))
    assert grouped(table, {}).num_rows == 6, "three pairs, two outcomes"
    assert eq.Game.battles(table) == wanted
    assert eq.Game.battles(table.filter(table.model_a != "nobody")) == wanted, "an expression"
    assert eq.Game.battles(ibis.memtable(pyarrow.table(columns))) == wanted


def test_counting_keeps_the_game_to_the_bit():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    rng = np.random.default_rng(5)
    n = 5000
    left = rng.integers(0, 9, n)
    right = (left + rng.integers(1, 9, n)) % 9
    frame = polars.DataFrame(
        {
            "day": rng.integers(0, 30, n),
            "Left": [f"m{k}" for k in left],
            "right": [f"m{k}" for k in right],
            "verdict": rng.choice(["L", "R", "draw"], n),
            "question": rng.integers(0, 4, n),
            "times": rng.integers(1, 5, n),
        }
    )
    told = {"a": "Left", "b": "right", "outcome": "verdict", "outcomes": {"L": "a", "R": "b", "draw": "tie"}}
    for more in ({}, {"weight": "times"}, {"context": "question", "per_context": True, "smoothing": 0.5}, {"ties": "drop"}):
        wanted = eq.Game.battles(frame, **told, **more)
        for lazy in lazies(frame):
            assert eq.Game.battles(lazy, **told, **more) == wanted, (more, type(lazy))


def weighted(weights):
    """Four battles of one pair with these weights, as a polars frame."""
    polars = pytest.importorskip("polars", reason="polars is not installed")
    columns = {"item_a": ["x"] * 4, "item_b": ["y"] * 4, "outcome": ["a", "b", "a", "b"]}
    return polars.DataFrame(columns).with_columns(polars.Series("weight", weights, dtype=polars.Int32))


@pytest.mark.parametrize("weights", [[2, None, None, 1], [None] * 4, [0, 1, None, 3]])
def test_a_row_without_a_weight_counts_once_whoever_counts(weights):
    frame = weighted(weights)
    wins = [sum(1 if w is None else w for w in weights[k::2]) for k in (0, 1)]
    share = wins[0] / sum(wins)
    assert eq.Game.battles(frame).P[0, 1] == pytest.approx(share, abs=1e-15)
    for lazy in lazies(frame):
        assert grouped(lazy, {}) is not lazy, "the engine counts"
        assert eq.Game.battles(lazy) == eq.Game.battles(frame), type(lazy)


def test_a_negative_weight_is_refused_whoever_counts():
    frame = weighted([2, -1, 5, 5])  # whose sums are positive
    with pytest.raises(eq.EquipoiseError) as eager:
        eq.Game.battles(frame)
    for lazy in lazies(frame):
        assert grouped(lazy, {}) is lazy
        with pytest.raises(type(eager.value), match="weight"):
            eq.Game.battles(lazy)


def test_what_must_be_read_row_by_row_is():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    fractions = polars.DataFrame({"item_a": ["x", "x"], "item_b": ["y", "y"], "outcome": ["a", "b"], "weight": [0.1, 0.3]})
    counts = polars.DataFrame({"item_a": ["x"], "item_b": ["y"], "wins_a": [3], "wins_b": [1], "ties": [0]})
    both = polars.DataFrame({"item_a": ["x"], "model_a": ["u"], "item_b": ["y"], "outcome": ["a"]})
    for frame in (fractions, counts, both):
        for lazy in lazies(frame):
            assert grouped(lazy, {}) is lazy
    for frame in (fractions, counts):
        for lazy in lazies(frame):
            assert eq.Game.battles(lazy) == eq.Game.battles(frame)
    for lazy in lazies(fractions.drop("outcome")):
        with pytest.raises(eq.DataError, match="outcome"):
            eq.Game.battles(lazy)


def test_pref_voting_profile():
    profiles = pytest.importorskip("pref_voting.profiles", reason="pref_voting is not installed")
    from pref_voting.profiles_with_ties import ProfileWithTies

    profile = profiles.Profile([[0, 1, 2], [1, 2, 0], [2, 0, 1]], rcounts=[4, 3, 2], cmap={0: "a", 1: "b", 2: "c"})
    game = eq.interop.pref_voting(profile)
    assert list(game.labels) == ["a", "b", "c"]
    assert np.allclose(game.margins, np.asarray(profile.margin_matrix) / (2 * 9), atol=1e-16)
    graph = eq.interop.pref_voting(profile.margin_graph())
    assert np.allclose(graph.margins, np.asarray(profile.margin_matrix) / (2 * 5), atol=1e-16)
    same = eq.solve(graph).policy
    assert np.allclose(same, eq.solve(game).policy, atol=1e-12)
    assert np.allclose(same, [5 / 9, 1 / 9, 3 / 9]), "margins 3, 5, 1 round the cycle: the opposite edge of each"
    tied = eq.interop.pref_voting(ProfileWithTies([{0: 1, 1: 1, 2: 2}, {2: 1, 0: 2, 1: 3}], [3, 1]))
    assert np.allclose(tied.margins, [[0, 0.125, 0.25], [-0.125, 0, 0.25], [-0.25, -0.25, 0]])
    with pytest.raises(eq.InputError, match="pref_voting"):
        eq.interop.pref_voting(type("Other", (), {"candidates": [0]})())


def test_open_spiel_matrix_game():
    pyspiel = pytest.importorskip("pyspiel", reason="open_spiel is not installed")
    biased = eq.interop.open_spiel(pyspiel.load_matrix_game("matrix_brps"))
    assert list(biased.labels) == ["Rock", "Paper", "Scissors"]
    assert np.allclose(eq.solve(biased).policy, [1 / 16, 10 / 16, 5 / 16]), "payoffs 25, 50, 5: the opposite one of each, over 80"
    pennies = eq.interop.open_spiel(pyspiel.load_matrix_game("matrix_mp"))
    assert np.allclose(eq.solve(pennies).policy, 1 / 4), "each role evenly"
    with pytest.raises(eq.InputError, match="zero-sum"):
        eq.interop.open_spiel(pyspiel.load_matrix_game("matrix_pd"))


def test_frames_of_matrices_are_matched_by_name():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    matrix = np.array([[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])
    frame = pd.DataFrame(matrix, index=list("abc"), columns=list("abc"))
    game = eq.Game(frame)
    assert game == eq.Game(matrix, labels=list("abc"))
    assert eq.Game(frame[["c", "a", "b"]]) == game, "columns in another order are the same game"
    assert eq.Game([frame, frame]).labels == [list("abc"), list("abc")]
    assert eq.Game(frame, labels=list("xyz")).labels == list("xyz")
    assert eq.Game(pd.DataFrame(matrix)).labels == eq.Game(matrix).labels
    wins = pd.DataFrame([[0, 3, 2], [1, 0, 4], [2, 5, 0]], index=list("abc"), columns=list("abc"))
    counted = eq.Game.counts(wins[["b", "c", "a"]])
    assert counted == eq.Game.counts(wins.to_numpy(), labels=list("abc"))
    crossed = pd.crosstab(pd.Series(["a", "a", "b"]), pd.Series(["b", "c", "c"]))
    with pytest.raises(eq.InputError, match="same items, and 'a', 'c'") as refused:
        eq.Game.counts(crossed)
    assert "reindex" in str(refused.value)
    items = crossed.index.union(crossed.columns)
    assert eq.Game.counts(crossed.reindex(index=items, columns=items, fill_value=0)).labels == list("abc"), "the way out that the error names"


@pytest.mark.filterwarnings("ignore::equipoise.EquipoiseWarning")
def test_frames_of_counts_are_matched_by_name_by_every_question():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    wins = pd.DataFrame([[0, 9, 8], [1, 0, 7], [2, 3, 0]], index=list("abc"), columns=list("abc"))
    turned = wins[["c", "a", "b"]]
    assert eq.rank(turned).to_json() == eq.rank(wins).to_json()
    assert np.array_equal(eq.solve(turned).policy, eq.solve(wins).policy)
    numbered = pd.DataFrame(wins.to_numpy(), index=["0", "1", "2"], columns=["0", "1", "2"])
    assert eq.Game.battles(numbered).n == 3
    with pytest.raises(eq.InputError, match="same items, and 'c', 'd'"):
        eq.rank(wins.rename(columns={"c": "d"}))


def test_polars_frame_of_a_matrix():
    pl = pytest.importorskip("polars", reason="polars is not installed")
    assert eq.Game(pl.DataFrame({"x": [0.5, 0.7], "y": [0.3, 0.5]})).labels == ["x", "y"]


def test_policies_with_names():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    game = eq.Game([[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]], labels=["a", "b", "c"])
    wanted = float(eq.gap(game, [0.7, 0.2, 0.1]))
    assert float(eq.gap(game, pd.Series([0.1, 0.2, 0.7], index=["c", "b", "a"]))) == wanted
    assert float(eq.gap(game, pd.Series([0.7, 0.2, 0.1]))) == wanted, "numbered from 0: by place"
    assert float(eq.gap(game, {"c": 0.1, "a": 0.7, "b": 0.2})) == wanted
    assert float(eq.gap(game, {"a": 1.0})) == float(eq.gap(game, [1, 0, 0])), "who is not named is not played"
    with pytest.raises(eq.PolicyError, match="'d' is no action of the game; its actions are a, b, c"):
        eq.gap(game, {"a": 0.5, "d": 0.5})
    with pytest.raises(eq.PolicyError, match="2 contexts"):
        eq.gap(eq.Game([game.P, game.P]), {"a": 1.0})


def test_both_orders_of_a_judge():
    logits = np.array([[0.2, 1.0, -0.4], [-0.8, 0.1, 0.3], [0.5, -0.2, 0.0]])  # as PairRM has them: the orders differ
    with pytest.raises(eq.InputError) as refused:
        eq.Game(logits, kind="logit")
    assert "(P - P.swapaxes(-1, -2)) / 2" in refused.value.help
    assert eq.Game((logits - logits.swapaxes(-1, -2)) / 2, kind="logit").n == 3
    rates = 1 / (1 + np.exp(-logits))
    with pytest.raises(eq.InputError) as refused:
        eq.Game(rates)
    assert "(P + 1 - P.swapaxes(-1, -2)) / 2" in refused.value.help
    assert eq.Game((rates + 1 - rates.swapaxes(-1, -2)) / 2).n == 3


def test_messages_have_options_as_a_call_has_them():
    rows = [{"left": "x", "right": "y", "verdict": 7}]
    with pytest.raises(eq.DataError) as refused:
        eq.Game.battles(rows, a="left", b="right", outcome="verdict")
    assert 'outcomes={"1": "a", "2": "b", "0": "tie"}' in str(refused.value) and 'invalid="skip"' in str(refused.value)
    assert "--" not in str(refused.value) + str(refused.value.rule)
    with pytest.raises(eq.DataError) as refused:
        eq.Game.battles([{"foo": "x", "bar": "y", "baz": "z"}])
    assert 'a="NAME", b="NAME", outcome="NAME"' in str(refused.value)
    with pytest.raises(eq.DataError) as refused:
        eq.rank([{"foo": "x", "bar": "y", "baz": "z"}])
    assert 'columns={"item_a": "NAME", "item_b": "NAME", "outcome": "NAME"}' in str(refused.value)


def test_objects_that_go_elsewhere_are_told_where():
    like = type("Profile", (), {"__module__": "pref_voting.profiles"})()
    for call in (eq.Game, eq.Game.battles, eq.solve, eq.concepts):
        with pytest.raises(eq.InputError, match=r"equipoise.interop.pref_voting\(\.\.\)"):
            call(like)
    with pytest.raises(eq.InputError, match="no profile of pref_voting"):
        eq.interop.pref_voting([1, 2])
    with pytest.raises(eq.InputError, match="normal form"):
        eq.interop.open_spiel(object())
    with pytest.raises(eq.InputError, match=r"list\(\.\.\)"):
        eq.Game.battles(row for row in TRL)


def test_several_data_sets_are_refused_by_name():
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    with pytest.raises(eq.InputError, match=r"take one: data\['train'\]"):
        eq.Game.battles(datasets.DatasetDict(train=datasets.Dataset.from_list(TRL)))


def test_majority_graph():
    graphs = pytest.importorskip("pref_voting.weighted_majority_graphs", reason="pref_voting is not installed")
    game = eq.interop.pref_voting(graphs.MajorityGraph([0, 1, 2], [(0, 1), (1, 2), (2, 0)]))
    assert np.allclose(eq.solve(game).policy, 1 / 3)
    assert game.P[0, 1] == 1.0 and game.P[1, 0] == 0.0


def test_choix_names_and_rankings():
    assert eq.interop.choix([("a", "b"), ("b", "c")]).labels == ["a", "b", "c"]
    with pytest.raises(eq.InputError, match=r"data\[0\] = \(0, 1, 2\) is no pair") as refused:
        eq.interop.choix([(0, 1, 2)])
    assert refused.value.place == "data[0]"
    with pytest.raises(eq.InputError, match="no name for the item 2"):
        eq.interop.choix([(0, 2)], labels=["x", "y"])


def test_choix_pairs():
    game = eq.interop.choix([(0, 1), (0, 1), (1, 0), (1, 2)], labels=["x", "y", "z"])
    assert list(game.labels) == ["x", "y", "z"] and np.isclose(game.P[0, 1], 2 / 3)
