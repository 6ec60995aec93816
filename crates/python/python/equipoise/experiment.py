"""Experiments in YAML: plan, run, read, merge, check."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from . import _core
from ._input import existing
from ._progress import reporter
from .errors import InputError
from .results import Plan, Table, Verdicts

if TYPE_CHECKING:  # what is imported where it is used, for the package is imported in milliseconds
    from pathlib import Path

ConfigLike = Any
"""The path of a YAML file, or a mapping of the same shape."""


def _config(config: ConfigLike) -> Any:
    if isinstance(config, Mapping):
        return (json.dumps(config), os.getcwd())
    return existing(config)


def _set(overrides: Mapping[str, Any] | None) -> list[str]:
    return [f"{key}={json.dumps(value)}" for key, value in (overrides or {}).items()]


class Results:
    """A results folder."""

    def __init__(self, folder: str | os.PathLike[str], text: str = "", facts: Mapping[str, Any] | None = None) -> None:
        from pathlib import Path

        #: The folder.
        self.folder = Path(folder)
        #: What the run came to: runs, skipped, interrupted, diverged; empty for a folder that was read.
        self.facts = dict(facts or {})
        self._text = text
        self._read: tuple[Any, list[dict[str, Any]], dict[str, Any]] | None = None

    def _contents(self) -> tuple[Any, list[dict[str, Any]], dict[str, Any]]:
        if self._read is None:
            folder = _core.Folder(self.folder)
            runs, games = folder.records()
            self._read = (folder, json.loads(runs), json.loads(games))
        return self._read

    @property
    def records(self) -> list[dict[str, Any]]:
        """The record of every finished run, as ``run.json`` has it."""
        return self._contents()[1]

    @property
    def games(self) -> dict[str, Any]:
        """Facts about the games, as ``games.json`` has them."""
        return self._contents()[2]

    @property
    def runs(self) -> Table:
        """A row a run: the scalar fields of its record, and its final metrics as ``last.duality_gap``."""
        rows = []
        for record in self.records:
            row = {k: v for k, v in record.items() if not isinstance(v, list | dict)}
            for iterate, values in record["final_metrics"].items():
                row |= {f"{iterate}.{name}": value for name, value in values.items()}
            rows.append(row)
        return Table.of_rows(rows)

    @property
    def trace(self) -> Table:
        """All traces in long form, with the run's id, game, solver, label, tau and repetition."""
        folder, records, _ = self._contents()
        columns = folder.trace()
        index = columns.pop("run")
        heads: dict[str, Any] = {"run": [records[k]["id"] for k in index]}
        for key in ("game", "solver", "label"):
            heads[key] = [records[k][key] for k in index]
        import numpy as np

        heads["tau"] = np.asarray([records[k]["tau"] for k in index], dtype=np.float64)
        heads["repetition"] = np.asarray([records[k]["repetition"] for k in index], dtype=np.int64)
        return Table({**heads, **columns})

    def log_to(self, run: Any, *, axis: Literal["queries", "duels", "step"] = "queries") -> int:
        """Writes all traces into a run of W&B (``run.log``), MLflow (the module, ``log_metrics``) or a ``SummaryWriter`` of TensorBoard
        (``add_scalar``), which need not be imported here; how many points of the axis there were.

        The axis is what a method paid, which methods that differ in queries a step can be compared by. A series is named
        ``game/label/iterate.metric``, with tau and repetition where there are several. Values that are not finite are left out.
        """

        def scalars(values: dict[str, float], step: int) -> None:
            for name, value in values.items():
                run.add_scalar(name, value, step)

        write: Callable[..., object]
        if hasattr(run, "log_metrics"):
            write = run.log_metrics
        elif hasattr(run, "add_scalar"):
            write = scalars
        elif hasattr(run, "log"):
            write = run.log
        else:
            raise InputError(f"{type(run).__name__} has none of `log`, `log_metrics` and `add_scalar`", key="run")
        if axis not in ("queries", "duels", "step"):
            raise InputError(f"axis {axis!r} is none of queries, duels, step", key="axis")
        trace = self.trace.to_dict()
        several = {key: len(set(trace[key])) > 1 for key in ("tau", "repetition")}
        # all that is known at a point in one call, points in order: W&B takes no step back
        points: dict[int, dict[str, float]] = {}
        keys = ("game", "label", "tau", "repetition", "iterate", "metric", "value", axis)
        for game, label, tau, repetition, iterate, metric, value, at in zip(*(trace[key] for key in keys), strict=True):
            if math.isfinite(value):
                parts = [str(game), str(label)]
                parts += [f"tau {tau:g}"] if several["tau"] else []
                parts += [f"repetition {repetition}"] if several["repetition"] else []
                name = re.sub(r"[^\w\-. /:]", "_", "/".join([*parts, f"{iterate}.{metric}"]))
                points.setdefault(int(at), {})[name] = float(value)
        for at in sorted(points):
            write(points[at], step=at)
        return len(points)

    @property
    def unfinished(self) -> list[tuple[str, str]]:
        """Runs of the plan that are not finished: ids and why."""
        return list(self._contents()[0].unfinished())

    def report(self) -> Path:
        """Makes the report again; the page."""
        self._text = _core.report(self.folder)
        return self.folder / "report.html"

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (str(self.folder), self._text, self.facts))

    def __repr__(self) -> str:
        return self._text.rstrip("\n") or f"Results in {self.folder}"

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(repr(self))}</pre>"


def plan(config: ConfigLike, *, set: Mapping[str, Any] | None = None, timed: bool = True) -> Plan:
    """What an experiment amounts to: runs, games, hours, bytes, and its YAML with every default filled."""
    return Plan(*_core.plan(_config(config), _set(set), timed))


def run(
    config: ConfigLike,
    *,
    out: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    force: bool = False,
    set: Mapping[str, Any] | None = None,
    shard: str | None = None,
    steal: bool | Literal["open"] = False,
    progress: bool | Callable[..., object] | None = None,
) -> Results:
    """Runs an experiment into a folder; finished runs are kept. Ctrl-C keeps what is finished, and the same call goes on.

    ``steal``: after a share, take over what other processes have not done yet; ``"open"``: of that, what none of them has begun.

    ``progress`` is called with steps done, steps in all, runs done, runs in all, and what is being done.
    """
    from pathlib import Path

    with reporter(progress, "running") as report:
        take = None if not steal else "all" if steal is True else steal
        facts, text = _core.run(
            _config(config), _set(set), None if out is None else Path(out), jobs, fresh, force, shard, take, report
        )
    found = json.loads(facts)
    return Results(found["out"], text, found)


def read(folder: str | os.PathLike[str]) -> Results:
    """A results folder, read back."""
    results = Results(existing(folder))
    results._contents()
    return results


def merge(folder: str | os.PathLike[str]) -> Results:
    """Makes summary and report of a folder that several processes filled; ``facts["missing"]`` lists runs not finished."""
    from pathlib import Path

    facts, text = _core.merge(Path(existing(folder)))
    return Results(folder, text, json.loads(facts))


def check(
    experiment: str | os.PathLike[str], *, out: str | os.PathLike[str] | None = None, jobs: int | None = None, **options: Any
) -> Verdicts:
    """Runs an experiment and holds its ``expected.yaml`` against the records; true if every claim holds."""
    from pathlib import Path

    folder = Path(existing(experiment))
    _core.check_claims(folder)  # a slip in the claims should not cost a run
    results = run(folder / "experiment.yaml", out=out, jobs=jobs, **options)
    text = _core.judge(folder, results.folder)
    claims = json.loads(text)["claims"]
    lines = [f"{'holds' if c['holds'] else 'FAILS'}  {c['claim']}" for c in claims]
    held = sum(c["holds"] for c in claims)
    return Verdicts(text, "\n".join([*lines, f"{held} of {len(claims)} claims hold"]))


def schema() -> dict[str, Any]:
    """The JSON schema of experiments."""
    found: dict[str, Any] = json.loads(_core.schema())
    return found
