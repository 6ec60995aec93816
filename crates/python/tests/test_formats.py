"""Every published format that people hold, as a file and as what their library makes of the file: all are the same game.

The files are the fixtures of the readers, each the smallest of its kind.
"""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path

import numpy as np
import pytest

import equipoise as eq

FORMATS = Path(__file__).parents[2] / "data" / "tests" / "formats"
JSON = sorted(p.name for p in FORMATS.glob("*.json*"))
SEPARATED = sorted(p.name for p in FORMATS.glob("*.csv")) + sorted(p.name for p in FORMATS.glob("*.tsv"))
#: What a library cannot hold: these lines have no common type, or the file is a matrix and no table.
NOT_A_TABLE = {"win_counts.csv"}

pytestmark = pytest.mark.filterwarnings("ignore::equipoise.EquipoiseWarning")


def library(name):
    return pytest.importorskip(name, reason=f"{name} is not installed")


def records(file):
    """The rows of a JSON file: an array, or lines."""
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines() if line.strip()]


def separator(file):
    return "\t" if file.suffix == ".tsv" else ","


def rows(file):
    if file.suffix in (".csv", ".tsv"):
        with file.open(newline="", encoding="utf-8") as lines:
            return list(csv.DictReader(lines, delimiter=separator(file)))
    return records(file)


def pandas(file):
    frames = library("pandas")
    if file.suffix in (".csv", ".tsv"):
        return frames.read_csv(file, sep=separator(file))
    return frames.read_json(file, lines=file.suffix == ".jsonl", convert_dates=False)


def polars(file):
    frames = library("polars")
    if file.suffix in (".csv", ".tsv"):
        return frames.read_csv(file, separator=separator(file))
    return frames.DataFrame(records(file), infer_schema_length=None)


def polars_lazy(file):
    return polars(file).lazy()


def pyarrow(file):
    arrow = library("pyarrow")
    if file.suffix in (".csv", ".tsv"):
        read = importlib.import_module("pyarrow.csv")
        return read.read_csv(file, parse_options=read.ParseOptions(delimiter=separator(file)))
    return arrow.Table.from_pylist(records(file))


def duckdb(file):
    engine = library("duckdb")
    return engine.read_csv(str(file)) if file.suffix in (".csv", ".tsv") else engine.read_json(str(file))


def hugging_face(file):
    datasets = library("datasets")
    return datasets.Dataset.from_list(rows(file))


def hugging_face_table(file):
    return hugging_face(file).data.table


HOLDERS = [rows, pandas, polars, polars_lazy, pyarrow, duckdb, hugging_face, hugging_face_table]


#: What the columns do not tell by themselves.
TOLD = {"score_table.tsv": {"format": "score-table"}}


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda h: h.__name__)
@pytest.mark.parametrize("name", [name for name in JSON + SEPARATED if name not in NOT_A_TABLE])
def test_what_a_library_holds_is_what_the_file_says(name, holder):
    file = FORMATS / name
    told = TOLD.get(name, {})
    wanted = eq.Game.battles(file, **told)
    found = eq.Game.battles(holder(file), **told)
    assert (found.n, sorted(found.labels)) == (wanted.n, sorted(wanted.labels))
    order = [list(found.labels).index(label) for label in wanted.labels]
    assert np.array_equal(found.P[np.ix_(order, order)], wanted.P)


def test_every_fixture_is_read():
    others = {"approval.cat", "orders.soc", "outcomes.nfg", "payoffs.nfg"}
    assert {p.name for p in FORMATS.iterdir()} == set(JSON) | set(SEPARATED) | others


def test_conversations_beside_a_battle_are_left_alone_and_those_to_choose_from_are_read():
    arrow = library("pyarrow")
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    battles = {"model_a": ["x", "x"], "model_b": ["y", "z"], "winner": ["model_a", "tie"], "conversation_a": [said, said]}
    assert eq.Game.battles(arrow.table(battles)) == eq.Game.battles([("x", "y", "a"), ("x", "z", "tie")])
    rows = [{"prompt": said[:1], "chosen": said[1:], "rejected": [{"role": "assistant", "content": text}]} for text in ("No", "Go")]
    wanted = eq.Game.battles(rows)
    assert wanted.n == 3
    for kind in (arrow.list_, arrow.large_list):
        message = arrow.struct([("role", arrow.string()), ("content", arrow.large_string())])
        schema = arrow.schema([(name, kind(message)) for name in ("prompt", "chosen", "rejected")])
        table = arrow.Table.from_pylist([rows[0], *rows], schema=schema)
        assert eq.Game.battles(table.slice(1)) == wanted, "a part of a table"
        keys = table.append_column("judge", arrow.array(["j", None, "k"]).dictionary_encode())
        assert eq.Game.battles(keys.slice(1)) == wanted, "beside a column of keys"


def test_pair_scores_of_a_ranker_asked_in_both_orders():
    logits = np.array([[0.0, 1.2, -0.4], [-0.8, 0.0, 2.0], [0.6, -1.0, 0.0]])  # PairRM's: of i before j
    rates = 1 / (1 + np.exp(-logits))
    with pytest.raises(eq.InputError):
        eq.Game(rates)  # one order says 0.77 and 0.31 of a pair: not two sides of one win rate
    game = eq.Game((rates + 1 - rates.T) / 2)
    assert np.isclose(game.P[0, 1], (rates[0, 1] + 1 - rates[1, 0]) / 2, atol=1e-16)

    judged = eq.Game.judge(lambda batch: rates[batch.i, batch.j], ["q"], [["x", "y", "z"]])
    assert np.allclose(judged.P, game.P, atol=1e-15) and "bias for the answer shown first" in judged.checks[0]
    skew = (logits - logits.T) / 2
    assert np.allclose(eq.Game(skew, kind="logit").P, 1 / (1 + np.exp(-skew)), atol=1e-15)
