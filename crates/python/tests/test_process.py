"""Manners of the process: forks, imports, junk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

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


def test_the_import_brings_no_module_that_only_some_calls_need():
    # each of these takes longer to import than the package does itself; benches/peers/import_time.py has the times
    code = "import sys, numpy; before = set(sys.modules); import equipoise; print('\\n'.join(set(sys.modules) - before))"
    brought = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert "equipoise._core" in brought
    assert not brought & {"pathlib", "tempfile", "csv", "multiprocessing", "concurrent.futures", "urllib.parse", "asyncio", "matplotlib"}
