from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest
from conftest import P

import equipoise as eq


class Mirror:
    """Multiplicative weights, as a user would write them."""

    def __init__(self, eta: float = 0.1) -> None:
        self.eta = eta

    def step(self, oracle):
        return oracle.log_policy + self.eta * oracle.win_rates()


def test_an_own_method_equals_the_registered_one(game):
    table = eq.compare(game, [(Mirror, {"eta": 0.1}), ("mwu", {"step_size": 0.1})], steps=500, seed=3)
    own, registered = table.rows
    assert np.allclose(own.policy, registered.policy, atol=1e-12)
    assert (own.queries, own.duels) == (registered.queries, registered.duels) == (500, 0)
    step, gap = own.series("duality_gap", iterate="average")
    assert step[-1] == 500 and gap[-1] < gap[0]


def test_look_ahead_in_python_is_egpo_to_rounding(game):
    class Ahead:
        queries = 2

        def start(self, task, rng):
            self.task, self.logits = task, np.log(task.start)

        def step(self, oracle):
            eta, tau = 0.3, self.task.tau
            base = (1 - eta * tau) * self.logits + eta * tau * np.log(self.task.reference)
            ahead = base + eta * oracle.win_rates()
            self.logits = base + eta * oracle.win_rates(logits=ahead)
            return self.logits

    table = eq.compare(game, [Ahead, ("egpo", {"step_size": 0.3})], tau=0.1, steps=200)
    assert np.allclose(table[0].policy, table[1].policy, atol=1e-12)
    eq.testing.check_solver(Ahead)
    eq.testing.check_solver(Mirror)


def test_what_the_suite_refuses():
    class Cheap(Mirror):
        queries = 5

    with pytest.raises(eq.testing.NonConforming, match="declared"):
        eq.testing.check_solver(Cheap)

    class Named(Mirror):
        def step(self, oracle):
            logits = oracle.log_policy + 0.1 * oracle.win_rates()
            logits[0] += 0.1
            return logits

    with pytest.raises(eq.testing.NonConforming, match="names"):
        eq.testing.check_solver(Named)


def test_errors_of_a_method_come_out_as_they_are(game):
    class Broken:
        def step(self, oracle):
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as raised:
        eq.compare(game, ["mwu", Broken])
    assert raised.traceback[-1].name == "step"

    class Short:
        def step(self, oracle):
            return [0.0]

    with pytest.raises(ValueError, match="3 numbers"):
        eq.compare(game, [Short])


def test_not_finite_is_a_result(game):
    class Wild:
        def step(self, oracle):
            return np.full(3, np.nan)

    assert eq.compare(game, [Wild]).rows[0].stop == "diverged"


def test_the_oracle_is_lent_for_one_step(game):
    kept = []

    class Keeper(Mirror):
        def step(self, oracle):
            kept.append(oracle)
            return super().step(oracle)

    eq.compare(game, [Keeper], steps=3)
    with pytest.raises(RuntimeError, match="lent"):
        kept[0].win_rates()
    threads = [threading.Thread(target=lambda: pytest.raises(RuntimeError, kept[0].win_rates)) for _ in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]


def test_done_ends_a_run(game):
    class OneShot(Mirror):
        def step(self, oracle):
            return eq.Done(oracle.win_rates())

    row = eq.compare(game, [OneShot]).rows[0]
    assert row.queries == 1 and row.stop == "finished"


def test_duels_and_draws_are_reproducible(game):
    class Dueller:
        queries, duels = 0, 3

        def start(self, task, rng):
            self.rng, self.score = rng, np.zeros(3)

        def step(self, oracle):
            left = self.rng.integers(0, 3, 3)
            self.score[left] += oracle.duels([0, 0, 0], left, [0, 1, 2])
            return self.score / 10

    first, second, other = (eq.compare(game, [Dueller], feedback={"duels_per_query": 8}, steps=40, seed=s)[0] for s in (1, 1, 2))
    assert np.array_equal(first.policy, second.policy) and not np.array_equal(first.policy, other.policy)
    assert first.duels == 120
    with pytest.raises(ValueError, match="no duel"):

        class Beyond(Dueller):
            def step(self, oracle):
                oracle.duels([0], [3], [0])

        eq.compare(game, [Beyond])


def test_refusals_have_their_parts(game):
    with pytest.raises(eq.UnknownName) as raised:
        eq.compare(game, ["egpoo"])
    assert (raised.value.value, raised.value.nearest) == ("egpoo", "egpo")
    for options in ({"tau": -1}, {"steps": 0}, {"seed": -1}, {"start": [1, 0, 0]}, {"record": "often"}, {"target": {"gap": 1}}):
        with pytest.raises(eq.EquipoiseError):
            eq.compare(game, ["mwu"], **options)
    with pytest.raises(eq.InputError):
        eq.compare(game, [])
    with pytest.raises(eq.InputError, match="no solver"):
        eq.compare(game, [object()])


def test_equal_seeds_and_any_number_of_threads(game):
    rng = np.random.default_rng(1)
    upper = np.triu(rng.uniform(0, 1, (600, 600)), 1)
    large = eq.Game(upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(600))
    runs = []
    for threads in (1, 2, 0):
        eq.set_threads(threads)
        runs.append(eq.compare(large, ["omwu"], steps=30)[0].policy)
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[0], runs[2])


def test_ctrl_c_is_heard_in_a_run(game):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        eq.compare(game, ["mwu", Mirror], steps=10**9)
    assert time.monotonic() - begun < 5


def test_progress_is_told_and_may_raise(game):
    told = []
    eq.compare(game, [Mirror], steps=200_000, progress=lambda done, total: told.append((done, total)))
    assert told and all(total == 200_000 for _, total in told)

    def stop(done, total):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        eq.compare(game, [Mirror], steps=10**9, progress=stop)


def test_tables_go_out_over_arrow(game):
    polars = pytest.importorskip("polars")
    pandas = pytest.importorskip("pandas")
    comparison = eq.compare(game, ["mwu", "egpo"], tau=0.1, steps=20)
    assert polars.DataFrame(comparison.trace).height == len(comparison.trace)
    frame = comparison.table.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and frame["solver"].tolist() == ["mwu", "egpo"]


def test_csv_has_every_value(tmp_path, game):
    comparison = eq.compare(game, ["mwu"], steps=5)
    comparison.to_csv(tmp_path / "trace.csv")
    lines = (tmp_path / "trace.csv").read_text().splitlines()
    assert lines[0].startswith("solver,repetition,step") and len(lines) == len(comparison.trace) + 1
