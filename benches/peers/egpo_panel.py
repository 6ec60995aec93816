"""Times one EGPO step of a perceptron on the panel of its published simulation: Equipoise against PyTorch, in one call.

Usage: python3 benches/peers/egpo_panel.py [--threads T]      (needs torch; builds the Rust side with cargo)

Ten games of 100 actions, beta 0.01, a trainable vector of ten numbers a game, two hidden ReLU layers of ten units, a linear
output; a step is one step of gradient descent for each of its two answers, the second from where the step began. Both sides
take the regularised gap of every step. Equipoise runs through its driving loop in float64 on one thread, with the other gap, the
average iterate, targets and movement besides. PyTorch does as published: the loss (1/n^2) sum_ij (x_i - x_j)^2 with
x = log pi - log mu - P pi / beta (P pi held fixed), all ten games at once; float32 as published, and float64.

Seeds and the unit of the learning rate differ, so that gaps are not compared. Medians over rounds in turn; microseconds per step
of all ten games.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import time

import torch

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch (default 1)")
arguments = parser.parse_args()

ROOT = pathlib.Path(__file__).resolve().parents[2]
GAMES, N, BETA, RATE, ROUNDS = 10, 100, 0.01, 0.003, 5
OURS, THEIRS = 2_000, 200


def torch_seconds(dtype, steps):
    torch.manual_seed(1)
    lower = torch.tril(torch.rand(GAMES, N, N, dtype=dtype), -1)
    p = lower + torch.triu(1 - lower.transpose(1, 2), 1) + 0.5 * torch.eye(N, dtype=dtype)
    net = torch.nn.Sequential(
        torch.nn.Linear(10, 10), torch.nn.ReLU(), torch.nn.Linear(10, 10), torch.nn.ReLU(), torch.nn.Linear(10, N)
    ).to(dtype)
    for layer in net:
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.xavier_normal_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
    vectors = torch.nn.Parameter(torch.randn(GAMES, 10, dtype=dtype))
    parameters = [vectors, *net.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=RATE)
    rates = lambda pi: torch.bmm(p, pi.unsqueeze(-1)).squeeze(-1)

    def backward(q):
        optimizer.zero_grad()
        x = torch.log_softmax(net(vectors), -1) - log_mu - q / BETA
        (x.unsqueeze(2) - x.unsqueeze(1)).square().mean((1, 2)).sum().backward()

    with torch.no_grad():
        log_mu = torch.log_softmax(net(vectors), -1)
        q = rates(log_mu.exp())
    clock = time.perf_counter()
    for _ in range(steps):
        start = [w.detach().clone() for w in parameters]
        backward(q)
        optimizer.step()
        with torch.no_grad():
            half = rates(torch.softmax(net(vectors), -1))
            for w, before in zip(parameters, start):
                w.copy_(before)
        backward(half)
        optimizer.step()
        with torch.no_grad():
            log_pi = torch.log_softmax(net(vectors), -1)
            pi = log_pi.exp()
            q = rates(pi)
            lse = torch.logsumexp(log_mu + q / BETA, -1)
            gap = 2 * (BETA * lse + BETA * (pi * (log_pi - log_mu)).sum(-1) - 0.5)
    assert torch.isfinite(gap).all()
    return time.perf_counter() - clock


def main():
    subprocess.run(
        ["cargo", "build", "--release", "--quiet", "-p", "equipoise-benches", "--example", "egpo_panel"],
        cwd=ROOT, check=True,
    )
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = target / "release" / "examples" / "egpo_panel"
    torch.set_num_threads(arguments.threads)
    ours, theirs = [], {torch.float32: [], torch.float64: []}
    for _ in range(ROUNDS):
        seconds = subprocess.run([binary, str(OURS)], check=True, capture_output=True, text=True).stdout.split()[0]
        ours.append(float(seconds) / OURS * 1e6)
        for dtype, times in theirs.items():
            times.append(torch_seconds(dtype, THEIRS) / THEIRS * 1e6)
    print(f"EGPO step of a perceptron on {GAMES} games of {N} actions, with the regularised gap, us; "
          f"PyTorch {torch.__version__}, {arguments.threads} thread(s); medians of {ROUNDS} rounds")
    print(f"equipoise {statistics.median(ours):.1f}")
    for dtype, times in theirs.items():
        ratio = statistics.median(b / a for a, b in zip(ours, times))
        print(f"torch {str(dtype)[6:]} {statistics.median(times):.1f}, {ratio:.1f} times")


if __name__ == "__main__":
    main()
