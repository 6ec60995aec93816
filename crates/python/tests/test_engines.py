"""Sweeps on engines that are really run: Dask, Ray, submitit and processes, each against one process, byte for byte.

An engine that is not installed is skipped with its name. `pytest -m engines` runs these alone.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import equipoise as eq

pytestmark = pytest.mark.engines

CONFIG = {
    "name": "swept",
    "games": [{"a-delta": {"delta": 0.1}}, {"random-uniform": {"actions": 5, "count": 4}}],
    "solvers": ["mwu", {"egpo": {"step_size": 0.2}}],
    "tau": [0.0, 0.1],
    "oracle": {"sampled": {"duels_per_query": 16}},
    "limits": {"steps": 300},
    "seed": 3,
}
#: The same with runs that take long enough to be killed in.
LONG = {**CONFIG, "limits": {"steps": 60_000}}


def contents(folder):
    """Every file of a results folder without the times, which alone may differ."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.name in ("run.json", "summary.json"):
            data = re.sub(rb'"seconds": [^,\n]+', b"", data)
        elif path.name == "trace.csv":
            head, *rows = data.decode().splitlines()
            at = head.split(",").index("seconds")
            data = [cells[:at] + cells[at + 1 :] for cells in (row.split(",") for row in rows)]
        elif path.name == "report.html":
            data = re.sub(rb"[0-9.e-]+ seconds in the methods' steps", b"", data)
            data = re.sub(rb'<td class="n">[^<]*</td>(<td>[^<]*</td></tr>)', rb"\1", data)
        found[str(path.relative_to(folder))] = data
    return found


def children_of(pid, name=""):
    """Processes below a process whose command line holds a name."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
            command = (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        parents[int(stat.parent.name)] = (int(fields[1]), command)
    below, grown = {pid}, True
    while grown:
        more = {p for p, (parent, _) in parents.items() if parent in below} - below
        below, grown = below | more, bool(more)
    return sorted(p for p in below - {pid} if name in parents[p][1])


@contextmanager
def dask(workers):
    distributed = pytest.importorskip("distributed", reason="Dask distributed is not installed")
    with distributed.Client(n_workers=workers, threads_per_worker=1, dashboard_address=None) as client:
        yield {"engine": client}, lambda: sorted(client.run(os.getpid).values())


@contextmanager
def ray(workers):
    library = pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        library.init(num_cpus=workers, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
        try:
            yield {"engine": "ray"}, lambda: children_of(os.getpid(), "ray::run_share")
        finally:
            library.shutdown()


@contextmanager
def submitit(workers):
    pytest.importorskip("submitit", reason="submitit is not installed")
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        options = {"engine": "slurm", "folder": folder, "cluster": "local", "timeout_min": 5}
        yield options, lambda: children_of(os.getpid(), "submitit.core._submit")


@contextmanager
def local(workers):
    yield {"engine": "local"}, lambda: children_of(os.getpid(), "multiprocessing.spawn")


ENGINES = [dask, ray, submitit, local]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return {name: contents(eq.run(config, out=folder / name).folder) for name, config in (("short", CONFIG), ("long", LONG))}


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.__name__)
def test_a_sweep_on_two_workers_is_one_process_byte_for_byte(engine, whole, tmp_path):
    with engine(2) as (options, _):
        swept = eq.sweep(CONFIG, out=tmp_path / "swept", workers=2, **options)
    assert contents(swept.folder) == whole["short"]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.__name__)
def test_a_worker_killed_in_the_middle_changes_nothing(engine, whole, tmp_path):
    out, killed = tmp_path / "swept", []

    def finished():
        return len(list(out.glob("runs/*/run.json")))

    with engine(2) as (options, workers):

        def kill():
            until = time.monotonic() + 60
            while not killed and time.monotonic() < until:
                time.sleep(0.01)
                if finished():
                    for pid in workers()[:1]:
                        killed.append((pid, finished()))
                        os.kill(pid, signal.SIGKILL)

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            swept = eq.sweep(LONG, out=out, workers=2, **options)
        finally:
            thread.join()
    assert killed and 0 < killed[0][1] < 20, "no worker was killed in the middle"
    assert contents(swept.folder) == whole["long"]


def test_a_worker_with_other_bits_is_refused(tmp_path):
    from equipoise.sweep import Mismatch, run_share

    with pytest.raises(Mismatch, match="install the same"):
        run_share(CONFIG, str(tmp_path / "x"), "1/2", None, "equipoise 0.0.0 (00)")
    assert not (tmp_path / "x").exists()
