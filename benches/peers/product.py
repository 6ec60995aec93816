"""Times K pi on the packed half against NumPy's full P @ pi, in f64 and f32, on the same number of threads.

Usage: env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python3 benches/peers/product.py [threads]
       (needs numpy; builds the Rust side with cargo; 2 threads if not given)

The two variables, where a machine sets them, hold OpenBLAS to an older core: unset them for a fair comparison. The runs
alternate; medians over the rounds are printed with the median of the ratios of each round, and beside them the bytes read a
second and the read bandwidth that the Rust side measured in the same process.
"""

import os
import sys

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 2
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = str(THREADS)

import pathlib
import statistics
import subprocess
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS, REPEATS = 7, 21
WARM_UP = 0.1  # seconds, on both sides: a core that slept takes some ten milliseconds to its full pace
SIZES = [4096, 8192]


def median_seconds(work):
    clock = time.perf_counter()
    while time.perf_counter() - clock < WARM_UP:
        work()
    times = []
    for _ in range(REPEATS):
        clock = time.perf_counter()
        work()
        times.append(time.perf_counter() - clock)
    return statistics.median(times)


def games(n):
    rng = np.random.default_rng(1)
    p = rng.random((n, n))
    p = np.tril(p, -1)
    p += np.triu(1 - p.T, 1) + 0.5 * np.eye(n)
    pi = rng.random(n)
    return p, pi / pi.sum()


def main():
    held = [v for v in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if v in os.environ]
    if held:
        sys.exit(f"unset {' and '.join(held)}: NumPy would be held to an older core")
    subprocess.run(
        ["cargo", "build", "--release", "--quiet", "-p", "equipoise-benches", "--example", "product"],
        cwd=ROOT, check=True,
    )
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = target / "release" / "examples" / "product"
    print(f"K pi, {THREADS} threads, NumPy {np.__version__}; medians of {ROUNDS} rounds")
    print(f"{'n':>6} {'kind':>5} {'equipoise ms':>13} {'numpy ms':>9} {'ratio':>6} {'GB/s':>6} {'limit':>6}")
    for n in SIZES:
        p, pi = games(n)
        p32, pi32 = p.astype(np.float32), pi.astype(np.float32)
        rows = {"f64": [], "f32": []}
        limit = []
        for _ in range(ROUNDS):
            ours = subprocess.run([binary, str(n), str(REPEATS)], check=True, capture_output=True, text=True)
            f64, f32, _, read = map(float, ours.stdout.split())
            rows["f64"].append((f64, median_seconds(lambda: p @ pi)))
            rows["f32"].append((f32, median_seconds(lambda: p32 @ pi32)))
            limit.append(4 * n * (n - 1) / read / 1e9)
        for kind, size in (("f64", 8), ("f32", 4)):
            a, b = (statistics.median(t) for t in zip(*rows[kind]))
            ratio = statistics.median(theirs / ours for ours, theirs in rows[kind])
            rate = size * n * (n - 1) / 2 / a / 1e9
            line = f"{n:>6} {kind:>5} {1e3 * a:>13.3f} {1e3 * b:>9.3f} {ratio:>6.2f} {rate:>6.1f}"
            print(f"{line} {statistics.median(limit):>6.1f}")


if __name__ == "__main__":
    main()
