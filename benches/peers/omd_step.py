"""Times one exact OMD step plus its regularised duality gap: Equipoise against NumPy, in the same call.

Usage: python3 benches/peers/omd_step.py        (needs numpy; builds the Rust side with cargo)

All sides do, per step, on one thread and in float64:
    theta <- (1 - eta tau) theta + eta tau log mu + eta P pi;   pi = softmax(theta)
    gap   <- 2 (tau (lse(log mu + P pi / tau)) + tau KL(pi || mu) - 1/2)       (NumPy: the usual direct formula)
Equipoise runs through its driving loop, with both gaps, the average iterate, targets and movement at every step. NumPy is
timed twice: as scripts have it, a function for the step and one for the gap, each with its own product; and tuned by hand
into one loop, in which a product serves the gap and the next step, as on the Rust side. The runs alternate; medians over
the rounds are printed with their ratios. The games differ in their random numbers, not in their size or kind.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pathlib
import statistics
import subprocess
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
ETA, TAU, ROUNDS = 0.1, 0.1, 7
SIZES = [(10, 400_000, 4_000), (100, 40_000, 4_000), (1000, 1_000, 400)]


def log_softmax(theta):
    theta = theta - theta.max()
    return theta - np.log(np.exp(theta).sum())


def game(n):
    rng = np.random.default_rng(1)
    lower = np.tril(rng.random((n, n)), -1)
    p = lower + np.triu(1 - lower.T, 1) + 0.5 * np.eye(n)
    return p, log_softmax(2 * rng.random(n))


def softmax(theta):
    e = np.exp(theta - theta.max())
    return e / e.sum()


def omd_step(p, theta, log_mu):
    return (1 - ETA * TAU) * theta + ETA * TAU * log_mu + ETA * (p @ softmax(theta))


def duality_gap(p, pi, log_mu):
    z = log_mu + p @ pi / TAU
    top = z.max()
    lse = top + np.log(np.exp(z - top).sum())
    return 2 * (TAU * lse + TAU * (pi * (np.log(pi) - log_mu)).sum() - 0.5)


def script_seconds(n, steps):
    p, log_mu = game(n)
    theta, gap = log_mu.copy(), np.nan
    clock = time.perf_counter()
    for _ in range(steps):
        theta = omd_step(p, theta, log_mu)
        gap = duality_gap(p, softmax(theta), log_mu)
    return time.perf_counter() - clock, gap


def tuned_seconds(n, steps):
    p, log_mu = game(n)
    theta = log_mu.copy()
    gap = np.nan
    pi = np.exp(theta)
    q = p @ pi
    clock = time.perf_counter()
    for _ in range(steps):
        theta = log_softmax((1 - ETA * TAU) * theta + ETA * TAU * log_mu + ETA * q)
        pi = np.exp(theta)
        q = p @ pi  # serves the gap now and the next step
        z = log_mu + q / TAU
        top = z.max()
        lse = top + np.log(np.exp(z - top).sum())
        gap = 2 * (TAU * lse + TAU * (pi * (theta - log_mu)).sum() - 0.5)
    return time.perf_counter() - clock, gap


def rust_seconds(binary, n, steps):
    seconds, gap = subprocess.run(
        [binary, str(n), str(steps)], check=True, capture_output=True, text=True
    ).stdout.split()
    return float(seconds), float(gap)


def main():
    subprocess.run(
        ["cargo", "build", "--release", "--quiet", "-p", "equipoise-benches", "--example", "omd_step"],
        cwd=ROOT, check=True,
    )
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = target / "release" / "examples" / "omd_step"
    for steps in (3, 50):
        assert abs(script_seconds(10, steps)[1] - tuned_seconds(10, steps)[1]) < 1e-12
    print(f"OMD step + regularised gap, one thread, float64, NumPy {np.__version__}; us a step, medians of {ROUNDS} rounds")
    print(f"{'n':>6} {'equipoise':>10} {'script':>9} {'ratio':>6} {'tuned':>9} {'ratio':>6} {'flops of K pi':>14} {'bytes of K':>11}")
    for n, rust_steps, numpy_steps in SIZES:
        ours, theirs = [], {script_seconds: [], tuned_seconds: []}
        for _ in range(ROUNDS):
            ours.append(rust_seconds(binary, n, rust_steps)[0] / rust_steps * 1e6)
            for peer, times in theirs.items():
                times.append(peer(n, numpy_steps)[0] / numpy_steps * 1e6)
        script, tuned = (
            f"{statistics.median(times):>9.2f} {statistics.median(b / a for a, b in zip(ours, times)):>6.1f}"
            for times in theirs.values()
        )
        pairs = n * (n - 1) // 2
        print(f"{n:>6} {statistics.median(ours):>10.3f} {script} {tuned} {4 * pairs:>14,} {8 * pairs:>11,}")


if __name__ == "__main__":
    main()
