"""Manners of the process: forks, imports, junk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import equipoise as eq


def large(n=2000):
    rng = np.random.default_rng(0)
    upper = np.triu(rng.uniform(0, 1, (n, n)), 1)
    return eq.Game(upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(n))


CALLS = {
    "win_rates": lambda game: game.win_rates(np.full(2000, 1 / 2000)),
    "gap": lambda game: eq.gap(game, np.full(2000, 1 / 2000)),
    "compare": lambda game: eq.compare(game, ["mwu"], steps=2),
    "solve": lambda _: eq.solve(large(120)),
    "fit": lambda _: eq.fit([("x", "y", "a"), ("y", "x", "a")] * 50),
    "rank": lambda _: eq.rank([("x", "y", "a"), ("y", "x", "a")] * 50, replicates=20),
    "run": lambda _: eq.plan({"games": ["a-delta"], "solvers": ["mwu"]}),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("call", CALLS)
def test_a_forked_child_answers_too(call):
    game = large()
    CALLS["win_rates"](game)  # the parent's threads run
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that hangs is killed
        code = 1
        try:
            CALLS[call](game)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"{call} in a forked child: status {status}"


def test_import_needs_numpy_alone():
    code = "import sys, equipoise; print(sorted(m for m in ('pandas','polars','pyarrow','matplotlib','tqdm') if m in sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_exit_codes_of_the_command_line(tmp_path):
    def code(*arguments):
        return subprocess.run([sys.executable, "-m", "equipoise", *arguments], capture_output=True).returncode

    assert code("--version") == 0
    assert code("solve", str(tmp_path / "none.csv")) == 2
    assert code("no-such-command") == 2


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=junk, other=junk, name=st.sampled_from(["Game", "battles", "counts", "generate", "gap", "solve", "compare", "inspect", "fit", "plan", "loss", "certificate"]))
def test_junk_never_leaves_exception(tmp_path_factory, value, other, name):
    game = eq.Game([[0.5, 0.7], [0.3, 0.5]])
    calls = {
        "Game": lambda: eq.Game(value, labels=other),
        "battles": lambda: eq.Game.battles(value),
        "counts": lambda: eq.Game.counts(value, other),
        "generate": lambda: eq.Game.generate(str(value), seed=0, actions=other),
        "gap": lambda: eq.gap(game, value, reference=other),
        "solve": lambda: eq.solve(value, reference=other),
        "compare": lambda: eq.compare(game, value, start=other, steps=2),
        "inspect": lambda: eq.inspect(value, replicates=9),
        "fit": lambda: eq.fit(value, str(other)),
        "plan": lambda: eq.plan({"games": value, "solvers": other}, timed=False),
        "loss": lambda: eq.loss(str(value), {"policy_chosen": other}),
        "certificate": lambda: eq.check_certificate({"certificate": value}),
    }
    before = os.getcwd()
    os.chdir(tmp_path_factory.getbasetemp())
    try:
        calls[name]()
    except eq.InternalError:
        raise
    except Exception:  # noqa: BLE001 - anything that is an Exception is an answer; a panic is not
        pass
    finally:
        os.chdir(before)
