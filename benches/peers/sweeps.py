"""A sweep on two workers against one process with two threads, in one call: processes, Dask and Ray, start-up apart.

Usage: python3 benches/peers/sweeps.py [--games N] [--steps N] [--actions N] [--rounds N] [--folder DIR]

Needs the package (`pip install ./crates/python`); Dask distributed and Ray are timed where they are installed, and skipped with a
word where not. Twenty games with ten runs each by default. Every engine is started, and its workers have imported the package and
done a small sweep, before the clock runs; what that takes is its start-up. Rounds of all ways take turns, so that a busy machine meets
all alike, and the least of each counts. Digests of all records are compared. Efficiency: the time of `jobs=2` over that of the
sweep; the bar is 0.9.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import equipoise as eq


def digests(folder):
    """The digests of every run, by its id."""
    return {path.parent.name: json.loads(path.read_text())["digests"] for path in Path(folder).glob("runs/*/run.json")}


class Local:
    name = "processes"

    def start(self):
        from concurrent.futures import ProcessPoolExecutor
        import multiprocessing

        self.pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
        return self.pool

    def end(self):
        self.pool.shutdown()


class Dask:
    name = "Dask"

    def start(self):
        from distributed import Client

        self.client = Client(n_workers=2, threads_per_worker=1, dashboard_address=None)
        return self.client

    def end(self):
        self.client.close()


class Ray:
    name = "Ray"

    def start(self):
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")
        import ray

        ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
        self.ray = ray
        return "ray"

    def end(self):
        self.ray.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("games", 20), ("steps", 30_000), ("actions", 60), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="on the disk that is meant")
    args = parser.parse_args()
    config = {
        "name": "sweep",
        "games": [{"random-uniform": {"actions": args.actions, "count": args.games}}],
        "solvers": ["mwu", {"egpo": {"step_size": 0.1}}],
        "tau": 0.1,
        "repetitions": 5,
        "limits": {"steps": args.steps},
    }
    small = {**config, "limits": {"steps": 10}}
    root = Path(tempfile.mkdtemp(prefix="sweeps-", dir=args.folder))

    def timed(run, name):
        out = root / name
        shutil.rmtree(out, ignore_errors=True)
        clock = time.perf_counter()
        run(out)
        return time.perf_counter() - clock, digests(out)

    base, wanted = timed(lambda out: eq.run(config, out=out, jobs=2, progress=False), "base")
    print(f"{len(wanted)} runs of {args.steps} steps on {args.games} games of {args.actions} actions", flush=True)
    print("| way | start-up, s | sweep, s | jobs=2 beside it, s | efficiency |\n|---|---|---|---|---|", flush=True)
    for way in (Local(), Dask(), Ray()):
        clock = time.perf_counter()
        try:
            engine = way.start()
        except ImportError as error:
            print(f"| {way.name} | not installed: {error} | | | |", flush=True)
            continue
        try:
            eq.sweep(small, out=root / "small", engine=engine, workers=2)
            start = time.perf_counter() - clock
            beside, swept = [], []
            for _ in range(args.rounds):
                beside.append(timed(lambda out: eq.run(config, out=out, jobs=2, progress=False), "base")[0])
                seconds, found = timed(lambda out: eq.sweep(config, out=out, engine=engine, workers=2), "swept")
                assert found == wanted, f"{way.name} recorded something else"
                swept.append(seconds)
        finally:
            way.end()
            shutil.rmtree(root / "small", ignore_errors=True)
        efficiency = min(beside) / min(swept)
        print(f"| {way.name} | {start:.1f} | {min(swept):.2f} | {min(beside):.2f} | {efficiency:.2f} |", flush=True)
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
