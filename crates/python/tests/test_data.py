from __future__ import annotations

import json

import numpy as np
import pytest

import equipoise as eq


def frames(battles):
    columns = {name: [row[k] for row in battles] for k, name in enumerate(("model_a", "model_b", "winner"))}
    columns["winner"] = ["model_a" if w == "a" else "model_b" for w in columns["winner"]]
    pandas, polars, pyarrow = (pytest.importorskip(m) for m in ("pandas", "polars", "pyarrow"))
    yield "columns", columns
    yield "pandas", pandas.DataFrame(columns, index=np.arange(len(battles))[::-1])
    yield "pandas, categories", pandas.DataFrame(columns).astype("category")
    yield "polars", polars.DataFrame(columns)
    yield "polars, lazy", polars.DataFrame(columns).lazy()
    yield "polars, categories", polars.DataFrame(columns).with_columns(polars.all().cast(polars.Categorical))
    yield "pyarrow", pyarrow.table(columns)
    yield "pyarrow, dictionaries", pyarrow.table({k: pyarrow.array(v).dictionary_encode() for k, v in columns.items()})
    yield "rows", [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_every_frame_is_the_same_game(battles):
    wanted = eq.Game.battles(battles)
    for name, frame in frames(battles):
        game = eq.Game.battles(frame)
        assert game == wanted, name


def test_the_file_says_what_the_frame_says(tmp_path, battles):
    file = tmp_path / "battles.csv"
    file.write_text("item_a,item_b,outcome\n" + "".join(",".join(row) + "\n" for row in battles))
    for ask in (eq.inspect, eq.fit, eq.rank, eq.standings):
        assert ask(file).to_dict() == ask(battles).to_dict()


def test_a_plain_cycle_is_found(battles):
    found = eq.inspect(battles)
    assert "cycl" in json.dumps(found["verdict"])
    fitted = eq.fit(battles)
    assert np.allclose(fitted.log_strength, 0, atol=1e-9)
    board = eq.rank(battles, replicates=50)
    assert set(board.items["label"]) == {"x", "y", "z"}


def test_own_names_of_columns_and_words():
    rows = [{"left": "x", "right": "y", "verdict": "L", "n": 3}, {"left": "x", "right": "y", "verdict": "draw?", "n": 1}]
    game = eq.Game.battles(rows, a="left", b="right", outcome="verdict", weight="n", outcomes={"L": "a", "draw?": "tie"})
    assert np.isclose(game.P[0, 1], 3.5 / 4)
    with pytest.raises(eq.DataError) as raised:
        eq.Game.battles(rows, a="left", b="right", outcome="verdict", outcomes={"L": "a"})
    assert "equipoise-" not in str(raised.value) and raised.value.place == "the data:3"


def test_contexts_become_a_game_each(battles):
    rows = [(*row, "p" if k % 2 else "q") for k, row in enumerate(battles)]
    game = eq.Game.battles([dict(zip(("item_a", "item_b", "outcome", "context"), r, strict=True)) for r in rows], per_context=True)
    assert game.contexts == 2


def test_options_are_those_of_the_command_line(battles):
    with pytest.raises(eq.InputError) as raised:
        eq.rank(battles, replicatez=3)
    assert "replicatez" in str(raised.value)
    with pytest.raises(eq.InputError):
        eq.fit(battles, "bradley-terri")
    with pytest.raises(FileNotFoundError) as missing:
        eq.rank("no-such-file.csv")
    assert missing.value.filename == "no-such-file.csv"
    with pytest.raises(eq.InputError):
        eq.rank(42)
    with pytest.raises(eq.InputError):
        eq.rank([])


def test_a_matrix_is_inspected_as_win_rates(game):
    assert eq.inspect(game)["verdict"] == eq.inspect(game.P)["verdict"]


def test_remarks_are_warnings():
    rows = [("x", "y", "a"), ("y", "x", "a"), ("z", "x", "tie"), ("z", "w", "a")]
    with pytest.warns(eq.EquipoiseWarning):
        eq.inspect(rows, replicates=9)


def test_concepts_side_by_side(battles):
    found = eq.concepts([(a, b, o) for a, b, o in battles], only=["copeland", "maximal-lottery", "minimax"])
    assert found["copeland"]["winners"] == ["x", "y", "z"] and found.condorcet_winner is None
    assert np.allclose(found["maximal-lottery"]["policy"], 1 / 3)
    assert found.table["concept"] == ["copeland", "maximal-lottery", "minimax"]
    with pytest.raises(eq.InputError, match="schulze"):
        eq.concepts(battles, only=["schulz"])


def test_complex_numbers_are_refused():
    for data in (np.full((2, 2), 0.5 + 0.1j), [[0.5, 0.6 + 0j], [0.4, 0.5]]):
        with pytest.raises(eq.InputError, match="complex"):
            eq.inspect(data)
