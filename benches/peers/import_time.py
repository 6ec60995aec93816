"""Times `import equipoise` beside NumPy's, each in fresh processes: median, least and largest.

Usage: python3 benches/peers/import_time.py [--rounds N] [--slowest K]

Needs the package and numpy alone. Each round starts three processes one after the other: one imports NumPy first and then the package
under a clock; one does so under the clock of its thread's processor time (NumPy's own threads still spin); one imports the package under `python -X importtime`, of which the
package's total, NumPy being there, is taken. The files were read once before and their bytecode was kept, as pip keeps it, so that
neither the disk nor the compiler counts. `--slowest` lists the
modules that cost most of themselves in the last round, those of NumPy left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

CLOCKED = "import time, numpy; start = time.{clock}(); import equipoise; print(time.{clock}() - start)"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment)


def clocked(clock: str) -> float:
    """Milliseconds that the package takes once NumPy is there."""
    return 1e3 * float(run("-c", CLOCKED.format(clock=clock)).stdout)


def modules() -> dict[str, tuple[float, float]]:
    """Milliseconds of every module, by itself and with what it imports, as `-X importtime` has them."""
    found: dict[str, tuple[float, float]] = {}
    for line in run("-X", "importtime", "-c", "import numpy, equipoise").stderr.splitlines():
        alone, whole, name = line.removeprefix("import time:").split("|")
        if name.strip() != "imported package":
            found[name.strip()] = (float(alone) / 1e3, float(whole) / 1e3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--slowest", type=int, default=5)
    asked = parser.parse_args()
    modules()
    columns: dict[str, list[float]] = {"wall clock": [], "processor": [], "-X importtime": [], "NumPy, -X importtime": []}
    for _ in range(asked.rounds):
        last = modules()
        columns["wall clock"].append(clocked("perf_counter"))
        columns["processor"].append(clocked("thread_time"))
        columns["-X importtime"].append(last["equipoise"][1])
        columns["NumPy, -X importtime"].append(last["numpy"][1])
    print(f"`import equipoise` once NumPy is there, ms, {asked.rounds} processes each\n")
    print("| measured by | median | least | largest |\n|---|---|---|---|")
    for name, values in columns.items():
        print(f"| {name} | {statistics.median(values):.1f} | {min(values):.1f} | {max(values):.1f} |")
    names = list(last)
    after = names[names.index("numpy") + 1 :]  # what NumPy needs comes before it
    ours = sorted(((last[name][0], name) for name in after), reverse=True)
    print("\nmost of themselves: " + ", ".join(f"{name} {alone:.1f}" for alone, name in ours[: asked.slowest]))


if __name__ == "__main__":
    main()
