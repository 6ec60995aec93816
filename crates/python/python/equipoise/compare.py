"""Methods side by side on one game."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._input import needed
from ._progress import reporter
from .errors import InputError, UnknownName
from .game import as_game
from .plugin import method_of
from .results import Table


class Row:
    """One run: how it ended, and its trace."""

    __slots__ = ("_data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def __getattr__(self, name: str) -> Any:
        data = object.__getattribute__(self, "_data")
        if name in data:
            return data[name]
        raise AttributeError(f"a row has no attribute {name!r}; it has {', '.join(sorted(data))}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._data})

    @property
    def parameters(self) -> Any:
        """The parameters it ran with: rules replaced by numbers; None for a method of one's own."""
        return json.loads(self._data["parameters"])

    @property
    def trace(self) -> Table:
        """All that was measured: step, queries, duels, seconds, iterate, metric, value."""
        return Table(self._data["trace"])

    def series(
        self, metric: str = "duality_gap", *, iterate: str = "last", x: Literal["step", "queries", "duels", "seconds"] = "step"
    ) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """A metric along the run: what it is drawn against, and its values."""
        trace = self._data["trace"]
        if metric not in trace["metric"]:
            known = ", ".join(sorted(set(trace["metric"])))
            raise UnknownName(f"the metric `{metric}` was not measured; measured: {known}", key="metric", value=metric)
        pick = [k for k, (i, m) in enumerate(zip(trace["iterate"], trace["metric"], strict=True)) if (i, m) == (iterate, metric)]
        return trace[x][pick], trace["value"][pick]

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self._data,))

    def __repr__(self) -> str:
        d = self._data
        return f"{d['solver']}: gap {d['duality_gap']:.2e} after {d['queries']} queries, {d['behaviour']}"


class Comparison:
    """The runs of a comparison, in the order asked for."""

    __slots__ = ("_data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    @property
    def rows(self) -> list[Row]:
        """One a method and repetition."""
        return [Row(row) for row in self._data["rows"]]

    @property
    def equilibrium(self) -> NDArray[np.float64]:
        """The exact equilibrium of the task's game, flat over the shape."""
        equilibrium: NDArray[np.float64] = self._data["equilibrium"]
        return equilibrium

    @property
    def table(self) -> Table:
        """A row a run, without traces."""
        left = ("trace", "policy", "notes")
        return Table.of_rows([{k: v for k, v in row.items() if k not in left} for row in self._data["rows"]])

    @property
    def trace(self) -> Table:
        """All traces in long form."""
        parts = self._data["rows"]
        columns: dict[str, Any] = {
            "solver": [row["solver"] for row in parts for _ in row["trace"]["metric"]],
            "repetition": np.concatenate([np.full(len(r["trace"]["metric"]), r["repetition"], np.int64) for r in parts]),
        }
        for name, column in parts[0]["trace"].items():
            if isinstance(column, np.ndarray):
                columns[name] = np.concatenate([row["trace"][name] for row in parts])
            else:
                columns[name] = [value for row in parts for value in row["trace"][name]]
        return Table(columns)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes all traces in long form, one value a line; numbers read back to the bit."""
        import csv

        trace = self.trace
        columns = [c.tolist() if isinstance(c, np.ndarray) else c for c in trace.to_dict().values()]
        with open(path, "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(trace.columns)
            out.writerows(zip(*columns, strict=True))

    def __getitem__(self, solver: str | int) -> Row:
        if isinstance(solver, int):
            return self.rows[solver]
        for row in self.rows:
            if row.solver == solver:
                return row
        raise KeyError(f"no run of {solver!r}; there are {', '.join(dict.fromkeys(row.solver for row in self.rows))}")

    def __len__(self) -> int:
        return len(self._data["rows"])

    def plot(
        self,
        metric: str = "duality_gap",
        *,
        x: Literal["step", "queries", "duels", "seconds"] = "queries",
        iterate: str = "last",
        ax: Any = None,
    ) -> Any:
        """Draws a metric of every run with matplotlib (``pip install equipoise[plot]``); the axes."""
        plt = needed("matplotlib.pyplot", "plot", "equipoise[plot]")
        if ax is None:
            _, ax = plt.subplots()
        for row in self.rows:
            along, values = row.series(metric, iterate=iterate, x=x)
            ax.plot(along, values, label=row.solver)
        ax.set_xscale("symlog" if x != "seconds" else "linear")
        ax.set_yscale("log")
        ax.set_xlabel({"queries": "win-rate queries", "step": "steps"}.get(x, x))
        ax.set_ylabel(f"{metric} ({iterate} iterate)")
        ax.legend()
        return ax

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self._data,))

    def __repr__(self) -> str:
        text: str = self._data["text"]
        return text.rstrip("\n")

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def compare(
    game: Any,
    solvers: Iterable[Any],
    *,
    tau: float = 0.0,
    reference: ArrayLike | None = None,
    start: ArrayLike | None = None,
    feedback: Literal["exact"] | Mapping[str, Any] = "exact",
    steps: int = 1000,
    seconds: float | None = None,
    queries: int | None = None,
    duels: int | None = None,
    target: Mapping[str, float] | None = None,
    seed: int = 0,
    repetitions: int = 1,
    record: Literal["log"] | int | Sequence[int] = "log",
    metrics: Sequence[str] = (),
    progress: bool | Callable[[int, int], object] | None = None,
) -> Comparison:
    """Runs methods on a game and measures them against the exact answer.

    ``solvers`` holds registered names (``equipoise.solvers()``), pairs of a name and its parameters, and methods of your own:
    classes or objects with ``step(oracle)`` (:class:`Solver`). ``feedback`` is ``"exact"``, or the sampled oracle's options as
    ``{"duels_per_query": 64}``. ``progress`` is called with steps done and steps in all. Equal seeds give equal bits.
    """
    asked = as_game(game)
    if isinstance(solvers, str):
        solvers = [solvers]
    methods = [method_of(solver) for solver in solvers]
    if not methods:
        raise InputError("no solver is given", key="solvers")
    options = _RunOptions()
    options.tau = float(tau)
    options.reference = None if reference is None else asked._flat(reference, "reference")
    options.start = None if start is None else asked._flat(start, "start")
    options.feedback = feedback if isinstance(feedback, str) else json.dumps(dict(feedback))
    for name, value, least in (("steps", steps, 1), ("repetitions", repetitions, 1), ("seed", seed, 0)):
        if int(value) != value or not least <= value < 2**63:
            raise InputError(f"{name} {value} must be a whole number, at least {least}", key=name, value=str(value))
        setattr(options, name, int(value))
    for name, budget in (("seconds", seconds), ("queries", queries), ("duels", duels)):
        if budget is not None and not budget > 0:
            raise InputError(f"{name} {budget} must be above 0", key=name, value=str(budget))
        setattr(options, name, budget)
    options.target = [(name, float(value)) for name, value in (target or {}).items()]
    options.record = list(record) if isinstance(record, Sequence) and not isinstance(record, str) else record
    options.metrics = list(metrics)
    with reporter(progress, "comparing") as report:
        return Comparison(_core.compare(asked._core, methods, options, report))


class _RunOptions:
    """How all methods are run: the fields that the native half takes."""

    tau: float
    reference: Any
    start: Any
    feedback: str
    steps: int
    seconds: float | None
    queries: int | None
    duels: int | None
    target: list[tuple[str, float]]
    seed: int
    repetitions: int
    record: Any
    metrics: list[str]
