from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import equipoise as eq

CONFIG = {
    "name": "small",
    "games": [{"a-delta": {"delta": 0.1}}, {"random-uniform": {"actions": 5}}],
    "solvers": ["mwu", {"egpo": {"step_size": 0.2}}],
    "tau": [0.0, 0.1],
    "limits": {"steps": 200},
    "seed": 3,
}


def digests(folder):
    return {run["id"]: json.dumps({k: v for k, v in run.items() if k != "seconds"}, sort_keys=True) for run in eq.read(folder).records}


def test_plan_run_read_and_the_command_line_agree(tmp_path):
    plan = eq.plan(CONFIG, timed=False)
    results = eq.run(CONFIG, out=tmp_path / "python")
    assert plan.runs == len(results.records) == results.facts["runs"]
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(CONFIG))
    subprocess.run([sys.executable, "-m", "equipoise", "run", str(file), "--out", str(tmp_path / "cli")], check=True, capture_output=True)
    assert digests(tmp_path / "cli") == digests(tmp_path / "python")
    again = eq.run(CONFIG, out=tmp_path / "python")
    assert again.facts["skipped"] == plan.runs
    table, trace = results.runs, results.trace
    assert "last.duality_gap" in table.columns and len(trace) > 100
    assert set(trace["solver"]) == {"mwu", "egpo"}
    assert pickle.loads(pickle.dumps(results)).records == results.records
    assert results.report().exists()


class Logged:
    """What trackers have: W&B a method, MLflow a module, TensorBoard a writer of single values."""

    def __init__(self, method):
        self.at = []
        setattr(self, method, self.one if method == "add_scalar" else self.many)

    def many(self, values, step):
        self.at.append((step, dict(values)))

    def one(self, name, value, step):
        if not self.at or self.at[-1][0] != step:
            self.at.append((step, {}))
        self.at[-1][1][name] = value


def test_traces_are_logged_by_what_was_paid(tmp_path):
    results = eq.run(CONFIG, out=tmp_path / "runs")
    logs = [Logged(method) for method in ("log", "log_metrics", "add_scalar")]
    points = [results.log_to(log) for log in logs]
    first = logs[0].at
    assert all(log.at == first for log in logs) and points == [len(first)] * 3
    steps = [step for step, _ in first]
    assert steps == sorted(set(steps)) and all(isinstance(step, int) for step in steps)
    # every finite value of the trace, once, at its queries
    trace = results.trace
    finite = np.isfinite(trace["value"])
    assert sum(len(values) for _, values in first) == finite.sum()
    assert set(steps) == set(np.asarray(trace["queries"])[finite].tolist())
    names = {name for _, values in first for name in values}
    assert "random-uniform/mwu/tau 0.1/last.duality_gap" in names
    by_step = Logged("log")
    results.log_to(by_step, axis="step")
    assert by_step.at[-1][0] == 200
    with pytest.raises(eq.InputError, match="none of"):
        results.log_to(object())
    with pytest.raises(eq.InputError, match="axis"):
        results.log_to(by_step, axis="seconds")


def test_shares_in_any_order_merge_to_the_same(tmp_path):
    whole = eq.run(CONFIG, out=tmp_path / "whole")
    for share in ("2/3", "1/3", "3/3", "1/3"):
        eq.run(CONFIG, out=tmp_path / "shares", shard=share)
    merged = eq.merge(tmp_path / "shares")
    assert merged.facts["missing"] == []
    assert digests(tmp_path / "shares") == digests(whole.folder)


@pytest.mark.parametrize("engine", ["local", "executor"])
def test_a_sweep_equals_one_process(tmp_path, engine):
    from concurrent.futures import ThreadPoolExecutor

    used = "local" if engine == "local" else ThreadPoolExecutor(2)
    swept = eq.sweep(CONFIG, out=tmp_path / "sweep", engine=used, workers=2)
    eq.run(CONFIG, out=tmp_path / "one")
    assert digests(swept.folder) == digests(tmp_path / "one")


class Engine:
    """An executor whose first submission of one share does not end before it is told to."""

    def __init__(self, slow, fails=()):
        from concurrent.futures import ThreadPoolExecutor

        self.slow, self.fails, self.calls = slow, fails, []
        self.release, self.threads = threading.Event(), ThreadPoolExecutor(4)

    def submit(self, function, *arguments):
        share, steal = arguments[2], arguments[5]
        count = self.calls.count((share, steal))
        self.calls.append((share, steal))

        def call():
            if share == self.slow and count == 0 and not steal:
                self.release.wait(60)
            if (share, count) in self.fails:
                raise ConnectionError("the node is gone")
            return function(*arguments)

        return self.threads.submit(call)

    def of(self, share):
        return self.calls.count((share, False))


@pytest.fixture
def impatient(monkeypatch):
    module = sys.modules["equipoise.sweep"]
    for name, value in (("SHORTEST", 0.3), ("PATIENCE", 1.0), ("LOOK", 0.02)):
        monkeypatch.setattr(module, name, value)


def test_a_share_that_does_not_end_is_begun_once_more_and_the_first_to_end_counts(tmp_path, impatient):
    eq.run(CONFIG, out=tmp_path / "one")
    told = []
    engine = Engine("1/3")
    swept = eq.sweep(
        CONFIG, out=tmp_path / "sweep", engine=engine, workers=2, shares=3, progress=lambda *now: told.append(now)
    )
    assert digests(swept.folder) == digests(tmp_path / "one")
    assert [engine.of(share) for share in ("1/3", "2/3", "3/3")] == [2, 1, 1]
    assert told == [(1, 3), (2, 3), (3, 3)]
    # what comes late is the same, and changes nothing
    engine.release.set()
    engine.threads.shutdown()
    assert digests(swept.folder) == digests(tmp_path / "one")
    assert eq.merge(swept.folder).facts["missing"] == []


def test_of_two_attempts_at_a_share_one_may_fail(tmp_path, impatient):
    eq.run(CONFIG, out=tmp_path / "one")
    # the second fails: the first goes on, and is done again only if it fails too
    engine = Engine("1/3", fails={("1/3", 1)})
    timer = threading.Timer(2.0, engine.release.set)
    timer.start()
    swept = eq.sweep(CONFIG, out=tmp_path / "sweep", engine=engine, workers=2, shares=3)
    assert digests(swept.folder) == digests(tmp_path / "one")
    assert engine.of("1/3") == 2
    timer.join()


def test_shares_that_end_in_their_time_are_begun_once(tmp_path, impatient):
    engine = Engine("none")
    eq.sweep(CONFIG, out=tmp_path / "sweep", engine=engine, workers=1, shares=3)
    assert [engine.of(share) for share in ("1/3", "2/3", "3/3")] == [1, 1, 1]


def test_a_sweep_whose_workers_fail_says_so(tmp_path):
    class Lost:
        def submit(self, *_):
            from concurrent.futures import Future

            future = Future()
            future.set_exception(ConnectionError("the node is gone"))
            return future

    with pytest.raises(eq.EngineError, match="the node is gone"):
        eq.sweep(CONFIG, out=tmp_path / "sweep", engine=Lost(), retries=1)
    with pytest.raises(eq.InputError, match="engine"):
        eq.sweep(CONFIG, out=tmp_path / "sweep", engine="cluster")


def test_mistakes_have_place_and_help(tmp_path):
    with pytest.raises(eq.ConfigError) as raised:
        eq.plan({**CONFIG, "solvers": ["egpoo"]})
    error = raised.value
    assert "egpoo" in str(error) and error.place
    assert (error.key, error.value.strip('"'), error.nearest) == ("solvers", "egpoo", "egpo")
    with pytest.raises(eq.ConfigError) as raised:
        eq.run({**CONFIG, "limmits": {}}, out=tmp_path)
    assert (raised.value.key.strip('"'), raised.value.nearest) == ("limmits", "limits")
    with pytest.raises(eq.ConfigError) as raised:
        eq.plan({**CONFIG, "limits": {"steps": -3}})
    assert (raised.value.key, raised.value.value) == ("limits.steps", "-3") and "steps" in raised.value.rule
    with pytest.raises(eq.ConfigError) as raised:
        eq.plan(CONFIG, set={"limits.steps": -3})
    assert (raised.value.key, raised.value.value) == ("limits.steps", "-3")
    with pytest.raises(FileNotFoundError):
        eq.run(tmp_path / "none.yaml")
    with pytest.raises(eq.ResultsError):
        eq.read(tmp_path)
    with pytest.raises(eq.EquipoiseError):
        eq.run(CONFIG, out=tmp_path / "x", shard="5/3")


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    long = {**CONFIG, "limits": {"steps": 30_000_000}, "solvers": ["mwu", "omwu"]}
    eq.run({**CONFIG, "solvers": ["mwu"]}, out=tmp_path / "short")
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        eq.run(long, out=tmp_path / "long", jobs=2)


def test_claims_are_checked(tmp_path):
    folder = tmp_path / "claims"
    folder.mkdir()
    (folder / "experiment.yaml").write_text(json.dumps(CONFIG))
    (folder / "expected.yaml").write_text(
        "- {solver: egpo, tau: 0.1, metric: duality_gap_tau, at_most: 1.0}\n"
    )
    verdicts = eq.check(folder, out=tmp_path / "out")
    assert verdicts and "1 of 1" in repr(verdicts)
    (folder / "expected.yaml").write_text(
        "- {solver: egpo, tau: 0.1, metric: duality_gap_tau, at_most: 1.0e-300}\n"
    )
    assert not eq.check(folder, out=tmp_path / "out")


def test_progress_is_told(tmp_path):
    told = []
    eq.run({**CONFIG, "limits": {"steps": 400_000}}, out=tmp_path / "out", jobs=1, progress=lambda *now: told.append(now))
    assert told and all(len(now) == 5 for now in told)
    assert isinstance(told[-1][0], int) and np.isfinite(told[-1][1])
