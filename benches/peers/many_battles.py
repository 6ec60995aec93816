"""Shows that counting battles takes memory for their pairs and not for their rows.

Usage: python3 benches/peers/many_battles.py [BATTLES ..]      (1,000,000 10,000,000 100,000,000 if none is given)

Needs numpy and pyarrow, and target/release/equipoise. Battles of 100 models are drawn from a Bradley-Terry model with a
tenth of ties, written as Parquet and as CSV block by block, and given to `equipoise fit` and `equipoise rank`. Prints the
size of the file, seconds of the whole command and its peak resident memory, which must not grow with the battles: it fails
if the largest file takes more than 64 MB over the smallest. The random board is checked against the true one.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

ROOT = pathlib.Path(__file__).resolve().parents[2]
ITEMS, BLOCK, MAY_GROW = 100, 1_000_000, 64.0
STRENGTH = np.linspace(1.5, -1.5, ITEMS)
NAMES = pa.array([f"organisation/model-{k:03}" for k in range(ITEMS)])
WORDS = pa.array(["model_a", "model_b", "tie"])


def block(rng, count):
    a = rng.integers(ITEMS, size=count)
    b = (a + rng.integers(1, ITEMS, size=count)) % ITEMS
    lost = rng.random(count) >= 1 / (1 + np.exp(STRENGTH[b] - STRENGTH[a]))
    winner = np.where(rng.random(count) < 0.1, 2, lost)
    column = lambda codes, words: pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), words).cast(pa.string())
    return pa.table({"model_a": column(a, NAMES), "model_b": column(b, NAMES), "winner": column(winner, WORDS)})


def write(path, battles):
    rng = np.random.default_rng(7)
    first = block(rng, min(BLOCK, battles))
    opened = pa.csv.CSVWriter if path.suffix == ".csv" else pa.parquet.ParquetWriter
    with opened(path, first.schema) as writer:
        writer.write_table(first)
        for at in range(BLOCK, battles, BLOCK):
            writer.write_table(block(rng, min(BLOCK, battles - at)))


# a child's peak begins with what its parent held when it was started, so the parent has to be a small process
SMALL = """
import os, subprocess, sys, time
clock = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
out = process.stdout.read()
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - clock, usage.ru_maxrss / 1024, status, flush=True)
sys.stdout.buffer.write(out)
"""


def run(command):
    """Seconds, peak megabytes, output."""
    small = [sys.executable, "-I", "-S", "-c", SMALL, *map(str, command)]
    first, out = subprocess.run(small, check=True, capture_output=True, text=True).stdout.split("\n", 1)
    seconds, peak, status = first.split()
    if status != "0":
        sys.exit(f"{command} failed")
    return float(seconds), float(peak), json.loads(out)


def main():
    sizes = [int(n) for n in sys.argv[1:]] or [10**6, 10**7, 10**8]
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for battles in sizes:
            for ending in ["parquet", "csv"]:
                path = pathlib.Path(folder) / f"battles.{ending}"
                write(path, battles)
                binary = ROOT / "target/release/equipoise"
                for what, command in {
                    "fit": [binary, "fit", path, "--model", "bradley-terry", "--json"],
                    "rank": [binary, "rank", path, "--replicates", "20", "--json"],
                }.items():
                    seconds, peak, found = run(command)
                    if what == "fit":
                        place = {label: k for k, label in enumerate(NAMES.to_pylist())}
                        ours = np.empty(ITEMS)
                        ours[[place[l] for l in found["labels"]]] = found["log_strength"]
                        # ties are half wins here, and drawn without regard to strength: the fit is pulled together
                        assert found["comparisons"] == battles and np.corrcoef(ours, STRENGTH)[0, 1] > 0.999
                    peaks.setdefault((what, ending), []).append(peak)
                    size = path.stat().st_size / 2**20
                    print(f"{battles:>11,} battles, {ending:<7} {size:>7.0f} MB   {what:<4} {seconds:>7.2f} s   peak {peak:>6.0f} MB", flush=True)
                path.unlink()
    grown = {key: max(p) - p[0] for key, p in peaks.items() if key[0] == "fit"}
    if any(g > MAY_GROW for g in grown.values()):
        sys.exit(f"memory grows with the battles: {grown}")


if __name__ == "__main__":
    main()
