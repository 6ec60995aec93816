"""Exact answers about one game."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Literal

from numpy.typing import ArrayLike

from . import _core
from ._input import existing
from .errors import InputError
from .game import Game, as_game
from .results import Answer, Certificate, Equilibrium, EquilibriumPath, Gap

GameLike = Any
"""A :class:`Game`, an array of win rates, a path, or a frame of battles."""


def _reference(game: Game, reference: ArrayLike | None) -> Any:
    return None if reference is None else game._flat(reference, "reference")


def solve(
    game: GameLike,
    *,
    tau: float = 0.0,
    reference: ArrayLike | None = None,
    select: Literal["maximum-entropy", "regularised-limit", "vertex"] | None = None,
    ranges: bool = False,
) -> Equilibrium:
    """The exact Nash policy, with its certificate.

    ``tau`` above 0 regularises by ``KL(pi || reference)``; the equilibrium is then the only one. ``select`` says which of
    several is wanted, ``ranges`` asks for the least and largest probability of every action over all of them. A file of
    two-player payoffs (``.nfg``, tables) has both marginals and the value.
    """
    if isinstance(game, str | os.PathLike):
        path = existing(game)
        if path.lower().endswith((".nfg", ".nfg.gz")):
            _, text, words, notes = _core.command(["solve", path, "--json"])
            return Equilibrium(text, words, notes)
    asked = as_game(game)
    return Equilibrium(*_core.solve(asked._core, float(tau), _reference(asked, reference), select, bool(ranges), False))


def path(game: GameLike, *, tau: float = 0.0, reference: ArrayLike | None = None) -> EquilibriumPath:
    """The path of regularised equilibria for temperatures that fall from 10 to ``tau`` (to 1e-4 for 0), and its limit."""
    asked = as_game(game)
    if asked.contexts != 1:
        raise InputError(f"the game has {asked.contexts} contexts; a path is of one", key="game")
    return EquilibriumPath(*_core.solve(asked._core, float(tau), _reference(asked, reference), None, False, True))


def gap(
    game: GameLike,
    policy: ArrayLike,
    *,
    tau: float = 0.0,
    reference: ArrayLike | None = None,
    per_context: bool = False,
) -> Any:
    """How far a policy is from equilibrium: :class:`Gap`, whose ``float`` is the duality gap, ``2 max_i (P pi)_i - 1``.

    With ``per_context`` an array with the gap of each (the regularised one if ``tau`` is above 0).
    """
    asked = as_game(game)
    flat, mu = asked._flat(policy), _reference(asked, reference)
    if per_context:
        return _core.gaps(asked._core, flat, float(tau), mu)
    return Gap(*_core.gap(asked._core, flat, float(tau), mu))


def best_response(game: GameLike, policy: ArrayLike, *, tau: float = 0.0, reference: ArrayLike | None = None) -> Any:
    """The best answer to a policy, as a policy: ``reference exp(P policy / tau)``, or the first best action for tau 0."""
    asked = as_game(game)
    flat = _core.best_response(asked._core, asked._flat(policy), float(tau), _reference(asked, reference))
    return asked._back(flat, policy)


def check_certificate(certificate: Any, game: GameLike | None = None) -> Certificate:
    """Checks a proof of equilibrium in rational arithmetic: of an answer, its JSON, or a file. True if it holds."""
    if isinstance(certificate, Answer):
        text = certificate.to_json()
    elif isinstance(certificate, Mapping):
        text = json.dumps(certificate)
    else:
        with open(existing(certificate), encoding="utf-8") as file:
            text = file.read()
    return Certificate(*_core.check_certificate(text, None if game is None else as_game(game)._core))
