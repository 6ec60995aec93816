"""The conformance suite for methods of your own: what every registered method passes too."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compare import compare
from .game import Game

#: A cycle whose only equilibrium is (2/7, 4/7, 1/7).
_P = np.array([[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])
_ORDER = [2, 0, 1]
_STEPS = 50


class NonConforming(AssertionError):
    """A method that breaks a rule."""


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise NonConforming(rule)


def check_solver(solver: Any, *, tau: float = 0.1, deterministic: bool = True) -> None:
    """Checks a method: cost as declared, policies on the simplex, equal seeds give equal runs, the names of actions decide
    nothing, and several contexts are played as if each were alone in size.

    Raises :class:`NonConforming` with the rule that is broken. ``deterministic=False`` leaves out the check of names, which a
    method that draws cannot keep.
    """
    game = Game(_P)
    run = compare(game, [solver], tau=tau, steps=_STEPS, seed=7)[0]
    kind = solver[0] if isinstance(solver, tuple) else solver
    queries, duels = int(getattr(kind, "queries", 1)), int(getattr(kind, "duels", 0))
    if not isinstance(kind, str):
        steps = int(run.trace["step"].max())
        charged, declared = (run.queries, run.duels), (queries * steps, duels * steps)
        _require(charged == declared, f"{steps} steps were declared to cost {declared} queries and duels and cost {charged}")
    _require(run.stop != "diverged", "it broke down within 50 steps on a game of three actions")
    _require(bool(np.all(run.policy >= 0)) and abs(float(run.policy.sum()) - 1) < 1e-12, "its policy left the simplex")

    again = compare(game, [solver], tau=tau, steps=_STEPS, seed=7)[0]
    _require(bool(np.array_equal(run.policy, again.policy)), "equal seeds gave different runs")

    if deterministic:
        turned = compare(Game(_P[np.ix_(_ORDER, _ORDER)]), [solver], tau=tau, steps=_STEPS, seed=7)[0]
        apart = float(np.max(np.abs(turned.policy - run.policy[_ORDER])))
        _require(apart < 1e-9, f"other names of the actions gave another policy, {apart:.1e} apart")

    several = compare(Game([_P, np.full((2, 2), 0.5)]), [solver], tau=tau, steps=5, seed=7)[0]
    sums = [float(several.policy[:3].sum()), float(several.policy[3:].sum())]
    _require(max(abs(s - 1) for s in sums) < 1e-12, "over contexts of unequal size its rows left the simplex")
