"""Times the maximal lottery of random games: Equipoise against HiGHS, nashpy, pygambit and OpenSpiel, in one call.

Usage: python3 benches/peers/maximal_lottery.py [--sizes 10,30,100,300,1000] [--limit SECONDS]
(needs numpy; of highspy, nashpy, pygambit, open_spiel (its solver needs cvxpy and ecos) those installed are timed, the others named;
builds the Rust side with cargo)

Every package gets the same game with independent uniform win rates and one thread, and is timed around its solver
alone, the model already built. HiGHS: `K p <= 0, p >= 0, 1'p = 1` (the value is known) and `max v: p'P >= v`, whichever
is faster, by simplex and by interior point. A package that took more than the limit at one size is not asked for the
next. `gap` is the duality gap of what came back, recomputed here; at the end the growth of Equipoise's time with n is
fitted and stands next to that of one LU factorisation.
"""

import argparse
import importlib.util
import json
import math
import os
import pathlib
import subprocess
import tempfile
import time
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def random_game(n, rng):
    upper = np.triu(rng.random((n, n)), 1)
    return upper + np.tril(1.0 - upper.T, -1) + 0.5 * np.eye(n)


def duality_gap(p, win_rates):
    p = np.maximum(p, 0.0)
    return 2.0 * ((win_rates - 0.5) @ (p / p.sum())).max()


def highs(win_rates, method, with_value):
    import highspy

    n = len(win_rates)
    infinity = highspy.kHighsInf
    lp = highspy.HighsLp()
    columns = n + 1 if with_value else n
    lp.num_col_, lp.num_row_ = columns, n + 1
    # rows: K p - v <= 0 (v <= 0 is the margin that is conceded), then 1'p = 1
    matrix = np.zeros((n + 1, columns))
    matrix[:n, :n] = win_rates - 0.5
    matrix[n, :n] = 1.0
    if with_value:
        matrix[:n, n] = -1.0
    cost, lower = np.zeros(columns), np.zeros(columns)
    if with_value:
        cost[n], lower[n] = 1.0, -infinity
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, lower, np.full(columns, infinity)
    lp.row_lower_ = np.append(np.full(n, -infinity), 1.0)
    lp.row_upper_ = np.append(np.zeros(n), 1.0)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    kept = [np.flatnonzero(matrix[:, j]) for j in range(columns)]
    lp.a_matrix_.start_ = np.append(0, np.cumsum([len(k) for k in kept])).astype(np.int32)
    lp.a_matrix_.index_ = np.concatenate(kept).astype(np.int32)
    lp.a_matrix_.value_ = np.concatenate([matrix[k, j] for j, k in enumerate(kept)])
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("solver", method)
    solver.passModel(lp)
    start = time.perf_counter()
    solver.run()
    seconds = time.perf_counter() - start
    return seconds, np.array(solver.getSolution().col_value)[:n]


def by_highs(method):
    def solve(win_rates):
        # the second form only while it is cheap to find out which is faster
        runs = [highs(win_rates, method, False)]
        if runs[0][0] < 30.0:
            runs.append(highs(win_rates, method, True))
        return min(runs, key=lambda run: run[0])

    return solve


def by_nashpy(win_rates):
    import nashpy

    game = nashpy.Game(win_rates - 0.5)
    start = time.perf_counter()
    p, _ = game.linear_program()
    return time.perf_counter() - start, np.array(p)


def by_pygambit(win_rates):
    import pygambit

    margins = win_rates - 0.5
    game = pygambit.Game.from_arrays(margins, -margins)
    start = time.perf_counter()
    found = pygambit.nash.lp_solve(game, rational=False)
    seconds = time.perf_counter() - start
    profile = found.equilibria[0]
    return seconds, np.array([float(profile[s]) for s in next(iter(game.players)).strategies])


def by_open_spiel(win_rates):
    import pyspiel
    from open_spiel.python.algorithms import lp_solver

    margins = win_rates - 0.5
    game = pyspiel.create_matrix_game(margins.tolist(), (-margins).tolist())
    start = time.perf_counter()
    p, *_ = lp_solver.solve_zero_sum_matrix_game(game)
    return time.perf_counter() - start, np.array(p).ravel()


PEERS = [
    ("HiGHS simplex", "highspy", by_highs("simplex")),
    ("HiGHS interior point", "highspy", by_highs("ipm")),
    ("nashpy", "nashpy", by_nashpy),
    ("pygambit", "pygambit", by_pygambit),
    ("OpenSpiel", "pyspiel", by_open_spiel),
]


def equipoise(win_rates, binary):
    n = len(win_rates)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "game.npy"
        np.save(path, win_rates)
        out = subprocess.run([binary, path, str(max(3, min(101, 5_000 // n)))], check=True, capture_output=True)
    return json.loads(out.stdout)


def exponent(sizes, seconds):
    return np.polyfit([math.log(n) for n in sizes], [math.log(s) for s in seconds], 1)[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="10,30,100,300,1000")
    parser.add_argument("--limit", type=float, default=60.0)
    arguments = parser.parse_args()
    sizes = [int(n) for n in arguments.sizes.split(",")]
    build = ["cargo", "build", "--release", "-p", "equipoise-benches", "--example", "maximal_lottery"]
    subprocess.run(build, cwd=ROOT, check=True)
    binary = TARGET / "release" / "examples" / "maximal_lottery"
    asked = []
    for name, module, solve in PEERS:
        if importlib.util.find_spec(module) is None:
            print(f"{name}: not installed, skipped")
        else:
            asked.append((name, solve))
    rng = np.random.default_rng(7)
    rows = []
    print(f"{'n':>5}  {'solver':<21} {'seconds':>10} {'times ours':>10} {'gap':>9}")
    for n in sizes:
        win_rates = random_game(n, rng)
        own = equipoise(win_rates, binary)
        rows.append(own)
        print(f"{n:>5}  {'equipoise':<21} {own['seconds']:>10.2e} {1.0:>10.1f} {own['duality_gap']:>9.1e}", flush=True)
        for name, solve in list(asked):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    runs = [solve(win_rates)]
                    # small problems are timed more than once
                    while sum(r[0] for r in runs) < 0.2 and len(runs) < 9:
                        runs.append(solve(win_rates))
            except Exception as error:  # a package that fails is reported, not skipped
                print(f"{n:>5}  {name:<21} failed and is not asked again: {type(error).__name__}: {str(error)[:80]}")
                asked.remove((name, solve))
                continue
            seconds = sorted(r[0] for r in runs)[len(runs) // 2]
            ratio, gap = seconds / own["seconds"], duality_gap(runs[0][1], win_rates)
            print(f"{n:>5}  {name:<21} {seconds:>10.2e} {ratio:>10.1f} {gap:>9.1e}", flush=True)
            if seconds > arguments.limit:
                print(f"{n:>5}  {name}: above the limit, not asked again")
                asked.remove((name, solve))
    large = [r for r in rows if r["n"] >= 100]
    if len(large) > 1:
        ns = [r["n"] for r in large]
        print(f"growth from n = {ns[0]}: equipoise n^{exponent(ns, [r['seconds'] for r in large]):.2f}, "
              f"one LU n^{exponent(ns, [r['lu_seconds'] for r in large]):.2f}")
        for r in large:
            print(f"n = {r['n']}: {r['seconds'] / r['lu_seconds']:.1f} times one LU ({r['method']})")


if __name__ == "__main__":
    main()
