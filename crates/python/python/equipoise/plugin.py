"""A method of your own: a class with ``step(oracle)``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._core import Oracle
from .errors import InputError


@dataclass(frozen=True)
class Task:
    """All that a method knows before it asks."""

    #: Temperature of the KL regularisation towards the reference; 0 is the original game.
    tau: float
    #: The reference policy, flat over the shape, above 0.
    reference: NDArray[np.float64]
    #: Where to start, likewise.
    start: NDArray[np.float64]
    #: Steps planned, where known.
    steps: int | None
    #: Number of actions of every context.
    shape: tuple[int, ...]


class Done:
    """Returned by ``step`` in place of logits: the method has nothing more to do. ``logits`` are its last, or none."""

    def __init__(self, logits: ArrayLike | None = None) -> None:
        self.equipoise_done = logits

    def __repr__(self) -> str:
        return f"Done({self.equipoise_done!r})"


@runtime_checkable
class Solver(Protocol):
    """A method. Subclassing is not needed; ``queries`` and ``duels`` say what a step costs, 1 and 0 by default."""

    def step(self, oracle: Oracle) -> ArrayLike | Done:
        """One update: logits of the next policy, flat over the shape, any shift a row."""
        ...


def _prepared(made: Any) -> Callable[..., Any]:
    """From the task, as the native half hands it over, to an object at its start."""

    def make(
        tau: float,
        reference: NDArray[np.float64],
        start: NDArray[np.float64],
        steps: int | None,
        shape: list[int],
        key: tuple[int, int],
    ) -> Any:
        method = made()
        begin = getattr(method, "start", None)
        if callable(begin):
            rng = np.random.Generator(np.random.Philox(key=list(key)))
            begin(Task(tau, reference, start, steps, tuple(shape)), rng)
        return method

    return make


def method_of(given: Any) -> tuple[Any, ...]:
    """A method as the native half takes it: a name with parameters, or a name, what makes an object, and its cost."""
    import json

    parameters: Mapping[str, Any] = {}
    if isinstance(given, tuple):
        if len(given) != 2 or not isinstance(given[1], Mapping):
            raise InputError("a solver with parameters is a pair: (name or class, mapping)", key="solvers")
        given, parameters = given
    if isinstance(given, str):
        return (given, json.dumps(dict(parameters), default=_plain))
    if not callable(getattr(given, "step", None)):
        raise InputError(
            f"{given!r} is no solver: give a registered name, or a class (or an object) with step(oracle)", key="solvers"
        )
    is_class = isinstance(given, type)
    if not is_class and parameters:
        raise InputError("an object has its parameters already; give its class to set them", key="solvers")
    kind = given if is_class else type(given)
    name = getattr(given, "name", None)
    name = name if isinstance(name, str) else kind.__name__
    if parameters:
        name += "(" + ", ".join(f"{k}={v}" for k, v in parameters.items()) + ")"
    made = (lambda: given(**parameters)) if is_class else (lambda: copy.deepcopy(given))
    queries, duels = (int(getattr(given, key, default)) for key, default in (("queries", 1), ("duels", 0)))
    return (name, _prepared(made), queries, duels)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no parameter")
