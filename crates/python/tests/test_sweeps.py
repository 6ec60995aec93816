"""A process that still writes into a folder while it is merged: what is merged is what one process alone would have made."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import equipoise as eq

CONFIG = {
    "name": "still-writing",
    "games": [{"random-uniform": {"actions": 4, "count": 60}}],
    "solvers": ["mwu", {"egpo": {"step_size": 0.2}}],
    "tau": 0.1,
    "limits": {"steps": 3_000},
    "seed": 7,
}


def merged(folder):
    """What a merge wrote that is made of runs and games, without the times, which alone may differ."""
    found = {}
    for name in ("summary.json", "games.json", "planned.json", "metrics.json"):
        found[name] = re.sub(rb'"seconds": ?[^,\n}]+', b"", (Path(folder) / name).read_bytes())
    return found


def is_under_way(folder, packed):
    """Whether several runs are finished."""
    if packed:
        return sum(path.stat().st_size for path in folder.glob("packs/*.pack")) > 60_000
    return len(list(folder.glob("runs/*/run.json"))) >= 3


def begin(folder, config):
    """A process that does the whole plan as one share."""
    code = "import json, sys, equipoise as eq; eq.run(json.loads(sys.argv[1]), out=sys.argv[2], shard='1/1', jobs=1, progress=False)"
    return subprocess.Popen([sys.executable, "-c", code, json.dumps(config), str(folder)])


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped here")
@pytest.mark.parametrize("packed", [False, True], ids=["a folder a run", "packs"])
def test_a_straggler_that_writes_beside_the_merge_changes_nothing(tmp_path, packed):
    def folder(name):
        out = tmp_path / name
        # a folder that has packs keeps to them, however few its runs are
        (out / "packs" if packed else out).mkdir(parents=True)
        return out

    whole, out = folder("whole"), folder("out")
    eq.run(CONFIG, out=whole, shard="1/1", progress=False)
    eq.merge(whole)
    assert (len(list(whole.glob("packs/*.pack"))) == 1) is packed
    assert any(whole.glob("runs/*/run.json")) is not packed

    straggler = begin(out, CONFIG)
    try:
        deadline = time.monotonic() + 60
        while not is_under_way(out, packed) and time.monotonic() < deadline:
            time.sleep(0.002)
        os.kill(straggler.pid, signal.SIGSTOP)  # wherever it is: within a record, between a file and its rename
        assert straggler.poll() is None, "it ended before it was stopped"
        done = eq.run(CONFIG, out=out, shard="1/1", progress=False).facts
        assert 0 < done["skipped"] < done["runs"], "it was stopped in the middle"
        assert eq.merge(out).facts["missing"] == []
        assert merged(out) == merged(whole)

        os.kill(straggler.pid, signal.SIGCONT)
        times = 0
        while straggler.poll() is None or times == 0:
            assert eq.merge(out).facts["missing"] == []
            assert merged(out) == merged(whole)
            times += 1
        assert straggler.wait() == 0
    finally:
        straggler.kill()
        straggler.wait()
    assert eq.merge(out).facts["missing"] == []
    assert merged(out) == merged(whole)
    assert not list(out.glob("runs/.*")), "nothing half written is left"


def test_a_helper_that_never_ends_does_not_hold_a_sweep_up(tmp_path, monkeypatch):
    from concurrent.futures import Future, ThreadPoolExecutor

    module = sys.modules["equipoise.sweep"]
    for name, value in (("SHORTEST", 0.5), ("PATIENCE", 1.0), ("LOOK", 0.02)):
        monkeypatch.setattr(module, name, value)
    small = {**CONFIG, "games": [{"random-uniform": {"actions": 4, "count": 4}}]}
    helpers = []

    class Engine:
        threads = ThreadPoolExecutor(1)

        def submit(self, function, *arguments):
            if arguments[5]:  # a helper: its worker is gone, and nobody tells
                helpers.append(Future())
                return helpers[-1]
            return self.threads.submit(function, *arguments)

    for _ in range(2):  # the second time every share was finished before, and none tells how long one takes
        begun = time.monotonic()
        swept = eq.sweep(small, out=tmp_path / "out", engine=Engine(), workers=2, shares=3)
        assert time.monotonic() - begun < 30
        assert swept.facts["missing"] == []
        assert helpers and all(helper.cancelled() for helper in helpers)


def test_a_script_without_a_guard_is_run_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import equipoise as eq\n"
        'config = {"name": "s", "games": ["comal"], "solvers": ["mwu", "egpo"], "limits": {"steps": 20}}\n'
        f"swept = eq.sweep(config, out={str(tmp_path / 'out')!r}, workers=2)\n"
        'print("records", len(swept.records))\n'
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "records 2\n" and "Traceback" not in done.stderr


@pytest.mark.parametrize(("engine", "package"), [("dask", "distributed"), ("ray", "ray"), ("slurm", "submitit")])
def test_an_engine_that_is_not_installed_is_told_how(tmp_path, monkeypatch, engine, package):
    monkeypatch.setitem(sys.modules, package, None)
    config = {"name": "s", "games": ["comal"], "solvers": ["mwu"], "limits": {"steps": 20}}
    with pytest.raises(ImportError, match=rf"needs {package}: pip install equipoise\[{engine}\]"):
        eq.sweep(config, out=tmp_path / "out", engine=engine)
