"""The memory of a sweep's driver, apart from its workers': 1,000 shares of a million small games, in one call.

Usage: python3 benches/peers/sweep_driver.py [--games N] [--actions N] [--steps N] [--shares N] [--workers N] [--folder DIR]

Needs the package (`pip install ./crates/python`) and some 11 GB on the disk of `--folder` for a million games. The driver is this
process: it plans, deals the shares to two processes, and merges their folder. What it holds is asked of the system
(`getrusage`) when the shares have ended and again after the merge; so is the largest worker. The bar is 1,000 MB.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

import equipoise as eq

BAR = 1_000


def peak(of: int) -> float:
    """The most memory that was held, in millions of bytes."""
    return resource.getrusage(of).ru_maxrss * 1024 / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("games", 1_000_000), ("actions", 3), ("steps", 20), ("shares", 1_000), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="on the disk that is meant")
    args = parser.parse_args()
    config = {
        "name": "many-games",
        "games": [{"random-uniform": {"actions": args.actions, "count": args.games}}],
        "solvers": ["mwu"],
        "tau": 0.1,
        "limits": {"steps": args.steps},
    }
    root = Path(tempfile.mkdtemp(prefix="driver-", dir=args.folder))
    clock = time.perf_counter()
    seen: list[tuple[int, float, float]] = []

    def look(done: int, count: int) -> None:
        seen.append((done, peak(resource.RUSAGE_SELF), time.perf_counter() - clock))
        if done % max(1, count // 10) == 0:
            print(f"  {done} of {count} shares, {seen[-1][2]:.0f} s, driver {seen[-1][1]:.0f} MB", flush=True)

    print(f"{args.games} games of {args.actions} actions, {args.steps} steps, {args.shares} shares on {args.workers} workers", flush=True)
    begun = peak(resource.RUSAGE_SELF)
    try:
        swept = eq.sweep(config, out=root / "out", shares=args.shares, workers=args.workers, progress=look)
        whole = time.perf_counter() - clock
        runs, missing = swept.facts["runs"], len(swept.facts["missing"])
        size = sum(path.stat().st_size for path in (root / "out").rglob("*") if path.is_file())
    finally:
        shutil.rmtree(root, ignore_errors=True)
    held, worker = peak(resource.RUSAGE_SELF), peak(resource.RUSAGE_CHILDREN)
    print("| when | s | driver, MB |\n|---|---|---|")
    print(f"| before | 0 | {begun:.0f} |")
    print(f"| shares ended | {seen[-1][2]:.0f} | {seen[-1][1]:.0f} |")
    print(f"| merged | {whole:.0f} | {held:.0f} |")
    print(f"{runs} runs, {missing} missing, {size / 1e9:.1f} GB; largest worker {worker:.0f} MB")
    is_met = missing == 0 and runs == args.games and held < BAR
    print(f"the driver held {held:.0f} MB; the bar is {BAR}: {'met' if is_met else 'NOT MET'}")
    return 0 if is_met else 1


if __name__ == "__main__":
    raise SystemExit(main())
