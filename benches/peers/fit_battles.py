"""Times one million battles of 100 models to a fitted Bradley-Terry board: Equipoise against evalica and arena-rank.

Usage: python3 benches/peers/fit_battles.py [BATTLES]

Needs numpy, pandas and pyarrow, builds the Rust side with cargo; evalica and arena-rank are timed where they are
installed, and skipped with a word where not. Battles are drawn from a Bradley-Terry model with a tenth of ties and
written as CSV and Parquet. Equipoise starts from the bytes of the file; the peers start from a ready pandas frame, which
they need anyway and which is not charged to them. Equipoise and arena-rank compute sandwich errors too; evalica has
none. Medians over the rounds; the spread of log strengths shows that all fit the same thing.
"""

import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS, ITEMS = 5, 100


def battles(count):
    rng = np.random.default_rng(7)
    strength = np.linspace(1.5, -1.5, ITEMS)
    a = rng.integers(ITEMS, size=count)
    b = (a + rng.integers(1, ITEMS, size=count)) % ITEMS
    won = rng.random(count) < 1 / (1 + np.exp(strength[b] - strength[a]))
    winner = np.where(rng.random(count) < 0.1, "tie", np.where(won, "model_a", "model_b"))
    names = np.array([f"organisation/model-{k:03}" for k in range(ITEMS)])
    return pd.DataFrame({"model_a": names[a], "model_b": names[b], "winner": winner})


def equipoise(path):
    binary = ROOT / "target/release/examples/fit_battles"
    out = subprocess.run([binary, path], check=True, capture_output=True, text=True).stdout.split()
    return float(out[0]), float(out[1]), float(out[4])


def timed(run):
    seconds, spread = [], math.nan
    for _ in range(ROUNDS):
        clock = time.perf_counter()
        spread = run()
        seconds.append(time.perf_counter() - clock)
    return statistics.median(seconds), seconds[0], spread


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    subprocess.run(
        ["cargo", "build", "--release", "-p", "equipoise-benches", "--example", "fit_battles", "--target-dir", "target"],
        cwd=ROOT,
        check=True,
    )
    frame = battles(count)
    with tempfile.TemporaryDirectory() as folder:
        best = math.inf
        for ending in ["csv", "parquet", "jsonl"]:
            path = pathlib.Path(folder) / f"battles.{ending}"
            if ending == "csv":
                frame.to_csv(path, index=False)
            elif ending == "parquet":
                frame.to_parquet(path)
            else:
                frame.to_json(path, orient="records", lines=True)
            rounds = [equipoise(path) for _ in range(ROUNDS)]
            read, fit = (statistics.median(r[k] for r in rounds) for k in (0, 1))
            best = min(best, read + fit)
            print(f"equipoise, {ending:<8} {read + fit:8.3f} s   read {read:.3f}, fit {fit:.4f}; spread {rounds[0][2]:.6f}")
    try:
        import evalica
    except ImportError:
        print("evalica is not installed: skipped")
    else:
        winner = frame["winner"].map({"model_a": evalica.Winner.X, "model_b": evalica.Winner.Y, "tie": evalica.Winner.Draw})

        def fit_evalica():
            result = evalica.bradley_terry(frame["model_a"], frame["model_b"], winner, tolerance=1e-9, limit=1000)
            return float(np.ptp(np.log(result.scores)))

        median, _, spread = timed(fit_evalica)
        print(f"evalica {evalica.__version__}       {median:8.3f} s   {median / best:.1f} times; spread {spread:.6f}")
    try:
        from arena_rank.models.bradley_terry import BradleyTerry
        from arena_rank.utils.data_utils import PairDataset
    except ImportError:
        print("arena-rank is not installed: skipped")
    else:

        def fit_arena_rank():
            data = PairDataset.from_pandas(frame)
            result = BradleyTerry(n_competitors=data.n_competitors).compute_ratings_and_cis(data)
            ratings = np.asarray(result["ratings"]) * math.log(10) / 400
            return float(np.ptp(ratings))

        median, first, spread = timed(fit_arena_rank)
        print(f"arena-rank          {median:8.3f} s   {median / best:.1f} times (first, compiling: {first:.3f} s); spread {spread:.6f}")


if __name__ == "__main__":
    main()
