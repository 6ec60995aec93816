"""Every public name: what can be held is pickled and comes back, what can be called refuses junk by an exception."""

from __future__ import annotations

import functools
import inspect
import os
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import equipoise as eq
from conftest import P

#: Classes of which nobody holds an object: what a step is lent, and what a method has.
NOT_HELD = {"Oracle", "Solver"}

CONFIG = {"games": ["a-delta"], "solvers": ["mwu"], "limits": {"steps": 20}, "name": "public"}
ROWS = [("x", "y", "a")] * 80 + [("x", "y", "b")] * 20 + [("y", "z", "a")] * 60 + [("y", "z", "b")] * 40

LOSS = {
    "policy_chosen": [-10.0],
    "policy_rejected": [-11.0],
    "reference_chosen": [-10.5],
    "reference_rejected": [-10.5],
}


def task():
    """What a method is told at its start."""
    told = []

    class Told:
        def start(self, task, rng):
            told.append(task)

        def step(self, oracle):
            return oracle.log_policy

    eq.compare(P, [Told], steps=1)
    return told[0]


#: How an object of every class is made.
MADE = {
    "Answer": lambda folder: eq.solve(P),
    "Certificate": lambda folder: eq.check_certificate(eq.solve(P)),
    "Changes": lambda folder: eq.changes(ROWS, ROWS[10:]),
    "Comparison": lambda folder: eq.compare(P, ["mwu"], steps=5),
    "Concepts": lambda folder: eq.concepts(P),
    "Done": lambda folder: eq.Done([0.0, 1.0]),
    "Equilibrium": lambda folder: eq.solve(P),
    "EquilibriumPath": lambda folder: eq.path(P),
    "Estimators": lambda folder: eq.estimators(),
    "Findings": lambda folder: eq.audit(claim=["egpo-contraction"]),
    "Fit": lambda folder: eq.fit(ROWS),
    "Game": lambda folder: eq.Game(P),
    "Gap": lambda folder: eq.gap(P, [1, 0, 0]),
    "Inspection": lambda folder: eq.inspect(ROWS, replicates=9),
    "Leaderboard": lambda folder: eq.rank(ROWS, replicates=9),
    "Loss": lambda folder: eq.loss("dpo", LOSS),
    "Plan": lambda folder: eq.plan(CONFIG, timed=False),
    "Registry": lambda folder: eq.solvers(),
    "Results": lambda folder: eq.run(CONFIG, out=folder / "results", progress=False),
    "Row": lambda folder: eq.compare(P, ["mwu"], steps=5)[0],
    "Standings": lambda folder: eq.standings(ROWS),
    "Table": lambda folder: eq.rank(ROWS, replicates=9).items,
    "Task": lambda folder: task(),
    "Verdicts": lambda folder: eq.check(experiment(folder), out=folder / "checked"),
}
ERRORS = [name for name in eq.__all__ if inspect.isclass(getattr(eq, name)) and issubclass(getattr(eq, name), BaseException)]


def experiment(folder):
    """An experiment with one claim."""
    import json

    there = folder / "experiment"
    there.mkdir()
    (there / "experiment.yaml").write_text(json.dumps(CONFIG))
    (there / "expected.yaml").write_text("- { solver: mwu, metric: duality_gap, iterate: last, at_least: 0.0 }\n")
    return there


def test_every_public_class_is_here():
    classes = {name for name in eq.__all__ if inspect.isclass(getattr(eq, name))}
    assert classes - NOT_HELD - set(ERRORS) == MADE.keys(), "give a class that is new an entry, or say why it is not held"


@pytest.mark.filterwarnings("ignore::equipoise.EquipoiseWarning")
@pytest.mark.parametrize("name", MADE)
def test_what_is_held_is_pickled(name, tmp_path):
    held = MADE[name](tmp_path)
    assert isinstance(held, getattr(eq, name))
    again = pickle.loads(pickle.dumps(held))
    assert type(again) is type(held)
    assert repr(again) == repr(held)
    if isinstance(held, eq.Table):
        assert [list(again[column]) for column in again] == [list(held[column]) for column in held]
    elif hasattr(held, "to_dict"):
        assert again.to_dict() == held.to_dict()


def scores(prompts, answers):
    """A reward model."""
    return [len(answer) for answer in answers]


def others(folder):
    """Objects that are had otherwise than from a public class."""
    from equipoise.judge import Batch

    judge = eq.from_scores(scores, temperature=2.0)
    asked = []
    judged = eq.Game.judge(lambda batch: asked.append(batch) or judge(batch), ["q"], [["long", "short", "x"]])
    assert isinstance(asked[0], Batch)
    several = eq.Game([P, np.full((2, 2), 0.5)], labels=[["a", "b", "c"], ["d", "e"]])
    yield from (judge, judged, asked[0], several, several.to_f32(), eq.solve(several), eq.fit(ROWS).to_dict())
    yield eq.read(eq.run(CONFIG, out=folder / "read", progress=False).folder)
    yield eq.compare(P, ["mwu"], steps=5).trace
    yield eq.interop.choix([(0, 1), (1, 0)])


def test_other_objects_are_pickled(tmp_path):
    for held in others(tmp_path):
        again = pickle.loads(pickle.dumps(held))
        assert type(again) is type(held) and repr(again) == repr(held)
        if isinstance(held, eq.Game):
            assert again == held and again.checks == held.checks


def test_answers_of_another_reward_model_are_not_taken_for_its_own(tmp_path):
    def second(prompts, answers):
        return [-len(answer) for answer in answers]

    told = [
        eq.Game.judge(eq.from_scores(model, temperature=t), ["q"], [["long", "x"]], cache=tmp_path / "kept.jsonl").P[0, 1]
        for model, t in ((scores, 1.0), (second, 1.0), (scores, 3.0))
    ]
    assert np.allclose(told, [1 / (1 + np.exp(-3)), 1 / (1 + np.exp(3)), 1 / (1 + np.exp(-1))], atol=1e-15)


@pytest.mark.parametrize("name", [name for name in eq.__all__ if callable(getattr(eq, name))])
def test_classes_and_functions_are_pickled_by_name(name):
    assert pickle.loads(pickle.dumps(getattr(eq, name))) is getattr(eq, name)


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pickled_with_their_parts(name):
    kind = getattr(eq, name)
    held = kind("said") if name == "EquipoiseWarning" else kind("said", place="here", key="k", nearest="near")
    again = pickle.loads(pickle.dumps(held))
    assert type(again) is kind and str(again) == "said" and again.__dict__ == held.__dict__


class Lies:
    """An object that has what is asked for, and what it has is junk."""

    columns = ["a"]

    def __init__(self, value):
        self.value = value

    def __array__(self, *_, **__):
        return self.value

    def __len__(self):
        return 2

    def __getitem__(self, at):
        if at not in (0, 1):
            raise IndexError(at)
        return self.value

    def __arrow_c_stream__(self, requested_schema=None):
        return self.value

    def to_dict(self, orient=None):
        return self.value


arrays = st.builds(
    lambda shape, kind, fill: np.full(shape, fill).astype(kind),
    st.lists(st.integers(0, 3), max_size=4),
    st.sampled_from(["f8", "f4", "i8", "u1", "?", "c16", "O", "U3", "M8[s]"]),
    st.sampled_from([0, 1, 0.5, -3, 1e300]),
)
single = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4)
junk = st.recursive(
    single | arrays | st.builds(Lies, single),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)

#: Every function with junk for what it takes.
CALLS = {
    "audit": lambda a, b: eq.audit(claim=[str(a), str(b)], solver=["no such method"]),
    "best_response": lambda a, b: eq.best_response(P, a, reference=b),
    "changes": lambda a, b: eq.changes(a, b),
    "check": lambda a, b: eq.check(a, out=b),
    "check_certificate": lambda a, b: eq.check_certificate(a, b),
    "compare": lambda a, b: eq.compare(P, a, start=b, steps=2),
    "concepts": lambda a, b: eq.concepts(a, only=b),
    "fit": lambda a, b: eq.fit(a, str(b)),
    "from_scores": lambda a, b: eq.from_scores(a, b),
    "gap": lambda a, b: eq.gap(P, a, reference=b),
    "inspect": lambda a, b: eq.inspect(a, replicates=9),
    "loss": lambda a, b: eq.loss(str(a), {"policy_chosen": b}),
    "merge": lambda a, b: eq.merge(a),
    "path": lambda a, b: eq.path(a, reference=b),
    "plan": lambda a, b: eq.plan({"games": a, "solvers": b}, timed=False),
    "rank": lambda a, b: eq.rank(a, replicates=b if isinstance(b, int) and b < 20 else 9),
    "read": lambda a, b: eq.read(a),
    "run": lambda a, b: eq.run({"games": a, "solvers": b, "limits": {"steps": 2}}, out="junk", progress=False),
    "set_threads": lambda a, b: eq.set_threads(a if not isinstance(a, int) else "two"),
    "solve": lambda a, b: eq.solve(a, reference=b),
    "standings": lambda a, b: eq.standings(a, anchor=b),
    "sweep": lambda a, b: eq.sweep({"games": a, "solvers": ["mwu"]}, out="junk", engine=b if isinstance(b, str) else "none"),
    "Game": lambda a, b: eq.Game(a, labels=b),
    "Game.battles": lambda a, b: eq.Game.battles(a),
    "Game.counts": lambda a, b: eq.Game.counts(a, b),
    "Game.generate": lambda a, b: eq.Game.generate(str(a), seed=0, actions=b),
    "Game.read": lambda a, b: eq.Game.read(a),
    "Game.win_rates": lambda a, b: eq.Game(P).win_rates(a),
    "interop.choix": lambda a, b: eq.interop.choix(a, labels=b),
    "interop.pref_voting": lambda a, b: eq.interop.pref_voting(a),
    "interop.open_spiel": lambda a, b: eq.interop.open_spiel(a),
    "testing.check_solver": lambda a, b: eq.testing.check_solver(a),
    "Game.judge": lambda a, b: eq.Game.judge(lambda batch: a, ["q"], [["x", "y"]] if b is None else b, retries=0),
    "Answer.save": lambda a, b: eq.gap(P, [1, 0, 0]).save(Path("junk") / a),
    "Comparison.plot": lambda a, b: eq.compare(P, ["mwu"], steps=2).plot(a, iterate=b, ax=object()),
    "Comparison.to_csv": lambda a, b: eq.compare(P, ["mwu"], steps=2).to_csv(Path("junk") / a),
    "Row.series": lambda a, b: eq.compare(P, ["mwu"], steps=2)[0].series(a, iterate=b, x=a),
    "Solver.step": lambda a, b: eq.compare(P, [stepping(lambda oracle: a)], steps=2),
    "Oracle.win_rates": lambda a, b: eq.compare(P, [stepping(lambda oracle: oracle.win_rates(a, logits=b))], steps=2),
    "Oracle.duels": lambda a, b: eq.compare(P, [stepping(lambda oracle: oracle.duels(a, b, a))], steps=2),
    "Results.log_to": lambda a, b: finished().log_to(a, axis="queries" if b is None else b),
    "Table.of_rows": lambda a, b: repr(eq.Table.of_rows([{"x": a}, {"x": b}])) + eq.Table.of_rows([{"x": a}])._repr_html_(),
    "Table.to_polars": lambda a, b: eq.Table({"x": a, "y": b}).to_polars(),
    "Table.to_pandas": lambda a, b: eq.Table({"x": a, "y": b}).to_pandas(),
}
#: They take nothing.
WITHOUT_ARGUMENTS = {"estimators", "games", "metrics", "models", "objectives", "oracles", "readers", "schema", "solvers"}


#: Methods that take nothing.
METHODS_WITHOUT_ARGUMENTS = {"Answer.to_dict", "Answer.to_json", "Game.to_f32", "Registry.table", "Results.report", "Table.to_dict"}


@functools.cache
def finished():
    """The results of a small experiment."""
    return eq.run(CONFIG, out=Path(tempfile.mkdtemp()) / "results", progress=False)


def stepping(step):
    """A method with this step."""
    return type("Junk", (), {"step": lambda self, oracle: step(oracle)})


def test_every_public_method_is_here():
    found = set()
    for name in eq.__all__:
        there = getattr(eq, name)
        if inspect.ismodule(there):
            functions = {f for f, value in vars(there).items() if inspect.isfunction(value) and value.__module__ == there.__name__}
            found |= {f"{name}.{f}" for f in functions if not f.startswith("_")}
        elif inspect.isclass(there) and name not in ERRORS:
            methods = {m for m, value in vars(there).items() if callable(value) or isinstance(value, classmethod | staticmethod)}
            found |= {f"{name}.{m}" for m in methods if not m.startswith("_")}
    assert found == METHODS_WITHOUT_ARGUMENTS | {name for name in CALLS if "." in name}, "give a new method an entry"


def test_every_public_function_is_here():
    functions = {name for name in eq.__all__ if callable(getattr(eq, name)) and not inspect.isclass(getattr(eq, name))}
    assert functions - WITHOUT_ARGUMENTS == {name for name in CALLS if "." not in name and name != "Game"}
    assert all(not inspect.signature(getattr(eq, name)).parameters for name in WITHOUT_ARGUMENTS)


@pytest.mark.filterwarnings("ignore::equipoise.EquipoiseWarning")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(a=junk, b=junk)
@pytest.mark.parametrize("name", CALLS)
def test_junk_never_leaves_exception(tmp_path_factory, name, a, b):
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("junk"))
    try:
        CALLS[name](a, b)
    except eq.InternalError:
        raise
    except Exception:  # noqa: BLE001 - anything that is an Exception is an answer; a panic is not
        pass
    finally:
        os.chdir(before)
