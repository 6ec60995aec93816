"""Times the Python package in one call: what a call costs, large arrays, a step of a method, battles from frames.

Usage: python3 benches/peers/python_package.py [--battles N] [--large N]

Needs the package (`pip install ./crates/python`) with numpy, pandas, polars and pyarrow; duckdb, evalica, arena-rank and optigame are
timed where they are installed, and skipped with a word where not. Every figure is the least of several rounds, all in this process
and one after the other, so that a busy machine meets all alike; NumPy's products run on as many threads as it likes unless
OMP_NUM_THREADS says otherwise. Ratios are peer / ours.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import equipoise as eq
from equipoise import _core


def least(run, rounds=7, repeat=1):
    """Seconds of one call, the least of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        clock = time.perf_counter()
        for _ in range(repeat):
            run()
        best = min(best, (time.perf_counter() - clock) / repeat)
    return best


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def table(title, *head):
    print(f"\n### {title}\n")
    row(*head)
    print("|" + "---|" * len(head))


def game_of(n, seed=1):
    rng = np.random.default_rng(seed)
    margins = np.triu(rng.uniform(-0.5, 0.5, (n, n)), 1)
    return 0.5 + margins - margins.T


def calls():
    P = game_of(3)
    policy = np.full(3, 1 / 3)
    game = eq.Game(P)
    table("A call, n = 3", "call", "us")
    for name, run in (
        ("nothing (`_core.noop`)", _core.noop),
        ("`P @ policy` in NumPy", lambda: P @ policy),
        ("`game.win_rates(policy)`", lambda: game.win_rates(policy)),
        ("`eq.gap(game, policy)`", lambda: eq.gap(game, policy)),
        ("`eq.Game(P)`", lambda: eq.Game(P)),
        ("`eq.solve(game)`, with its proof", lambda: eq.solve(game)),
    ):
        row(name, f"{1e6 * least(run, repeat=2000):.2f}")


def arrays(n):
    P = game_of(n)
    policy = np.full(n, 1 / n)
    game = eq.Game(P)
    out = np.empty_like(P)
    table(f"Arrays, n = {n} ({P.nbytes / 1e6:.0f} MB)", "what", "ms", "the same in NumPy", "ms")
    for name, run, peer, other in (
        ("`eq.Game(P)`: checked, and laid out in panels", lambda: eq.Game(P), "`P.copy()`", P.copy),
        ("`game.win_rates(policy)`", lambda: game.win_rates(policy), "`P @ policy`", lambda: P @ policy),
        ("`game.P`, a fresh array", lambda: game.P, "`0.5 + K`", lambda: np.add(P, 0.5, out=out)),
    ):
        row(name, f"{1e3 * least(run, 5):.1f}", peer, f"{1e3 * least(other, 5):.1f}")


class MirrorDescent:
    """log pi' = log pi + eta P pi"""

    def step(self, oracle):
        return oracle.log_policy + 0.01 * oracle.win_rates()


def in_numpy(P, steps):
    """The same step, the gap, and the average iterate, which is kept too, in a loop of NumPy."""
    logits, average = np.zeros(len(P)), np.zeros(len(P))
    worst = 0.0
    for _ in range(steps):
        weights = np.exp(logits - logits.max())
        policy = weights / weights.sum()
        average += policy
        q = P @ policy
        worst = 2 * q.max() - 1
        logits = logits + 0.01 * q
    return worst


def steps():
    try:
        import optigame
    except ImportError:
        optigame = None
        print("\noptigame is not installed: skipped")
    table(
        "A step, gap measured at each, us",
        "n", "`omwu`", "optigame's OMWU", "ratio", "a class in Python", "the same loop in NumPy", "ratio",
    )
    for n, count in ((3, 20_000), (10, 20_000), (100, 20_000), (1000, 2000)):
        P = game_of(n)
        game = eq.Game(P)
        start = np.random.default_rng(2).dirichlet(np.ones(n))

        def step_of(method):
            """Of the difference of two lengths: the exact answer, solved once a call, is no part of a step."""
            short, long = (
                least(lambda: eq.compare(game, [method], steps=steps, start=start, progress=False), 5)
                for steps in (count, 3 * count)
            )
            return (long - short) / (2 * count)

        ours, mine = step_of(("omwu", {"step_size": 0.01})), step_of(MirrorDescent)
        loop = least(lambda: in_numpy(P, min(count, 5000)), 3) / min(count, 5000)
        peer, ratio = "-", "-"
        if optigame is not None:

            def other():
                state = optigame.GameState(start.copy(), start.copy(), P - 0.5)
                run = optigame.Experiment(state, optigame.Optimizer.omwuoomd(0.01, n), min(count, 500_000 // n))
                return len(run.run_experiment_until_convergence_in_place().gaps_history)

            done = other()
            seconds = least(other, 5) / done
            peer, ratio = f"{1e6 * seconds:.2f}", f"{seconds / ours:.1f}"
        row(str(n), f"{1e6 * ours:.2f}", peer, ratio, f"{1e6 * mine:.2f}", f"{1e6 * loop:.2f}", f"{loop / mine:.1f}")


def battles(count, items=100):
    import pandas as pd
    import polars as pl

    rng = np.random.default_rng(7)
    strength = np.linspace(1.5, -1.5, items)
    a = rng.integers(items, size=count)
    b = (a + rng.integers(1, items, size=count)) % items
    won = rng.random(count) < 1 / (1 + np.exp(strength[b] - strength[a]))
    winner = np.where(rng.random(count) < 0.1, "tie", np.where(won, "model_a", "model_b"))
    names = np.array([f"organisation/model-{k:03}" for k in range(items)])
    frame = pd.DataFrame({"model_a": names[a], "model_b": names[b], "winner": winner})
    held = pl.from_pandas(frame)
    table(f"{count} battles of {items} models in memory", "what", "s", "against the game from a lazy frame")

    lazy = least(lambda: eq.Game.battles(held.lazy()), 3)

    def line(what, seconds):
        row(what, f"{seconds:.3f}", f"{seconds / lazy:.1f}")

    line("`eq.Game.battles(polars lazy)`: counted by polars", lazy)
    try:
        import duckdb
    except ImportError:
        print("duckdb is not installed: skipped")
    else:
        relation = duckdb.sql("SELECT * FROM held")
        line("`eq.Game.battles(relation)`: counted by DuckDB", least(lambda: eq.Game.battles(relation), 3))
    line("`eq.Game.battles(polars)`, row by row", least(lambda: eq.Game.battles(held), 3))
    line("`eq.Game.battles(pandas)`, row by row", least(lambda: eq.Game.battles(frame), 3))
    keys = ["model_a", "model_b", "winner"]
    counted = least(lambda: eq.fit(held.lazy().group_by(keys).agg(weight=pl.len()).collect()), 3)
    line("`eq.fit` of counts by polars: strengths, errors, tests of the fit", counted)
    line("`eq.fit(pandas)`: strengths, errors, tests of the fit", least(lambda: eq.fit(frame), 3))
    try:
        import evalica
    except ImportError:
        print("evalica is not installed: skipped")
    else:
        words = {"model_a": evalica.Winner.X, "model_b": evalica.Winner.Y, "tie": evalica.Winner.Draw}
        mapped = frame["winner"].map(words)

        def fit_evalica():
            evalica.bradley_terry(frame["model_a"], frame["model_b"], mapped, tolerance=1e-9, limit=1000)

        line(f"evalica {evalica.__version__}, Bradley-Terry, outcomes mapped beforehand", least(fit_evalica, 3))
    try:
        from arena_rank.models.bradley_terry import BradleyTerry
        from arena_rank.utils.data_utils import PairDataset
    except ImportError:
        print("arena-rank is not installed: skipped")
    else:

        def fit_arena_rank():
            data = PairDataset.from_pandas(frame)
            BradleyTerry(n_competitors=data.n_competitors).compute_ratings_and_cis(data)

        line("arena-rank, Bradley-Terry with intervals", least(fit_arena_rank, 3))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--battles", type=int, default=1_000_000)
    parser.add_argument("--large", type=int, default=4096)
    asked = parser.parse_args()
    calls()
    arrays(asked.large)
    steps()
    battles(asked.battles)


if __name__ == "__main__":
    main()
