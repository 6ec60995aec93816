"""Times one EGPO step with its exact regularised duality gap, per step and game: Equipoise against NumPy and PyTorch.

Usage: python3 benches/peers/egpo_step.py [--threads T]       (needs numpy; torch if it is to be compared; builds the
                                                               Rust side with cargo)

Equipoise runs through its driving loop, in float64, one thread, with both gaps, the average iterate, targets and movement
at every step: one game alone, and ten games as ten contexts of one. The peers do the update and the regularised gap only,
all ten games at once, as vectorised array code does:

    NumPy        float64, ten games at once by matmul; also one game alone
    PyTorch      the published simulation's way: the loss (1/n^2) sum_ij (x_i - x_j)^2 with
                 x = log pi - log mu - P pi / beta (P pi held fixed), backward, a step of SGD; the outer step takes P pi at
                 the half point. In float32 as published, and in float64. Default threads 1; --threads T for more.

Medians over rounds in turn; the ratios are the peer's seconds per step and game over ours, alone and with ten games.
The limit beside them: no program has a higher ratio that computes the two products of a step on one core in double
precision, were everything else for nothing: 2 n (n - 1) fused multiplications and additions at the rate that one core
reaches in registers, measured in the same run.
"""

import argparse
import os
import sys

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1, help="threads of the peers (default 1)")
arguments = parser.parse_args()
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(arguments.threads)

import pathlib
import statistics
import subprocess
import time

import numpy as np

try:
    import torch
except ImportError:
    torch = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
ETA, TAU, GAMES, ROUNDS = 0.1, 0.1, 10, 5
# actions, steps of ours, of NumPy, of PyTorch
SIZES = [(10, 200_000, 3_000, 400), (100, 40_000, 1_000, 200)]


def games(count, n):
    rng = np.random.default_rng(1)
    lower = np.tril(rng.random((count, n, n)), -1)
    p = lower + np.triu(1 - lower.transpose(0, 2, 1), 1) + 0.5 * np.eye(n)
    logits = rng.standard_normal((count, n))
    return p, logits


def log_softmax(theta):
    theta = theta - theta.max(-1, keepdims=True)
    return theta - np.log(np.exp(theta).sum(-1, keepdims=True))


def numpy_seconds(count, n, steps):
    p, logits = games(count, n)
    log_mu = log_softmax(logits)
    theta = log_mu.copy()
    rates = lambda pi: (p @ pi[..., None])[..., 0]
    pi = np.exp(theta)
    q = rates(pi)
    gap = np.nan
    clock = time.perf_counter()
    for _ in range(steps):
        anchor = (1 - ETA * TAU) * theta + ETA * TAU * log_mu
        half = np.exp(log_softmax(anchor + ETA * q))
        theta = log_softmax(anchor + ETA * rates(half))
        pi = np.exp(theta)
        q = rates(pi)  # serves the gap now and the next step, as on the Rust side
        z = log_mu + q / TAU
        top = z.max(-1, keepdims=True)
        lse = top[..., 0] + np.log(np.exp(z - top).sum(-1))
        gap = 2 * (TAU * lse + TAU * (pi * (theta - log_mu)).sum(-1) - 0.5)
    return time.perf_counter() - clock, gap


def torch_seconds(count, n, steps, dtype):
    p, logits = (torch.tensor(x, dtype=dtype) for x in games(count, n))
    log_mu = torch.log_softmax(logits, -1)
    theta = logits.clone().requires_grad_(True)
    # the gradient of the loss is (4 / n)(x - mean x), so this rate is the step eta
    optimizer = torch.optim.SGD([theta], lr=ETA * TAU * n / 4)
    rates = lambda pi: torch.bmm(p, pi.unsqueeze(-1)).squeeze(-1)

    def backward(q):
        optimizer.zero_grad()
        x = torch.log_softmax(theta, -1) - log_mu - q / TAU
        (x.unsqueeze(2) - x.unsqueeze(1)).square().mean((1, 2)).sum().backward()

    gap = None
    with torch.no_grad():
        q = rates(torch.softmax(theta, -1))
    clock = time.perf_counter()
    for _ in range(steps):
        start = theta.detach().clone()
        backward(q)
        optimizer.step()
        with torch.no_grad():
            half = rates(torch.softmax(theta, -1))
            theta.copy_(start)
        backward(half)
        optimizer.step()
        with torch.no_grad():
            log_pi = torch.log_softmax(theta, -1)
            pi = log_pi.exp()
            q = rates(pi)
            lse = torch.logsumexp(log_mu + q / TAU, -1)
            gap = 2 * (TAU * lse + TAU * (pi * (log_pi - log_mu)).sum(-1) - 0.5)
    return time.perf_counter() - clock, gap.numpy()


def rust_seconds(binary, n, steps, games):
    seconds, gap = subprocess.run(
        [binary, "--one", str(n), str(steps), str(games)], check=True, capture_output=True, text=True
    ).stdout.split()
    return float(seconds), float(gap)


def check():
    """The peers compute the same update: equal gaps on equal games, to what float32 and cancellation leave."""
    _, ours = numpy_seconds(GAMES, 10, 50)
    if torch is not None:
        for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-4)):
            _, theirs = torch_seconds(GAMES, 10, 50, dtype)
            assert np.abs(ours - theirs).max() < tolerance, (dtype, ours, theirs)


def main():
    subprocess.run(
        ["cargo", "build", "--release", "--quiet", "-p", "equipoise-benches", "--example", "egpo_step"],
        cwd=ROOT, check=True,
    )
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = target / "release" / "examples" / "egpo_step"
    if torch is None:
        print("torch is not installed: `pip install torch` to compare with it", file=sys.stderr)
    else:
        torch.set_num_threads(arguments.threads)
    check()
    peers = {
        f"numpy, {GAMES} games": lambda n, a, b: (a * GAMES, numpy_seconds(GAMES, n, a)[0]),
        "numpy, 1 game": lambda n, a, b: (a, numpy_seconds(1, n, a)[0]),
    }
    if torch is not None:
        for dtype in (torch.float32, torch.float64):
            peers[f"torch {str(dtype)[6:]}, {GAMES} games"] = (
                lambda n, a, b, dtype=dtype: (b * GAMES, torch_seconds(GAMES, n, b, dtype)[0])
            )
    versions = f"NumPy {np.__version__}" + (f", PyTorch {torch.__version__}" if torch is not None else "")
    print(f"EGPO step + regularised gap, us per step and game; {versions}, {arguments.threads} thread(s);"
          f" medians of {ROUNDS} rounds")
    peak = float(subprocess.run([binary, "--peak"], check=True, capture_output=True, text=True).stdout)
    print(f"{peak / 1e9:.1f} thousand million fused multiplications and additions a second in registers")
    print(f"{'n':>5} {'equipoise':>10} {f'{GAMES} games':>10} {'peer':>26} {'us':>9} {'ratio':>6} {f'{GAMES} games':>9}"
          f" {'limit':>7}")
    for n, rust_steps, numpy_steps, torch_steps in SIZES:
        ours, together, theirs = [], [], {name: [] for name in peers}
        for _ in range(ROUNDS):
            ours.append(rust_seconds(binary, n, rust_steps, 1)[0] / rust_steps * 1e6)
            together.append(rust_seconds(binary, n, rust_steps // GAMES, GAMES)[0] / rust_steps * 1e6)
            for name, peer in peers.items():
                done, seconds = peer(n, numpy_steps, torch_steps)
                theirs[name].append(seconds / done * 1e6)
        for name, times in theirs.items():
            alone, all_at_once = (statistics.median(b / a for a, b in zip(us, times)) for us in (ours, together))
            print(
                f"{n:>5} {statistics.median(ours):>10.3f} {statistics.median(together):>10.3f} {name:>26}"
                f" {statistics.median(times):>9.2f} {alone:>6.0f} {all_at_once:>9.0f}"
                f" {statistics.median(times) * 1e-6 / (2 * n * (n - 1) / peak):>7.0f}"
            )


if __name__ == "__main__":
    main()
