"""Objects of other libraries as games. Nothing here imports them: what is asked for is what the objects have.

Frames, relations and Hugging Face tables need no conversion: :meth:`Game.battles` takes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .errors import InputError
from .game import Game


def pref_voting(profile: Any) -> Game:
    """The game of a ``pref_voting`` profile (strict, or with ties), of a margin graph, or of a majority graph.

    Of a profile each pair is counted ballot by ballot. A margin graph does not say how many voted: its margins are payoffs,
    of which the maximal lottery is the same. A majority graph does not say by how much one wins either: each edge counts 1.
    """
    if not hasattr(profile, "candidates"):
        raise InputError(f"{type(profile).__name__} has no `candidates`: it is no profile of pref_voting", key="profile")
    names = getattr(profile, "cmap", None) or {}
    candidates = list(profile.candidates)
    labels = [str(names.get(c, c)) for c in candidates]
    if hasattr(profile, "support") and hasattr(profile, "num_voters"):  # a margin graph has the first, and raises
        wins = [[0 if a == b else float(profile.support(a, b)) for b in candidates] for a in candidates]
        voters = float(profile.num_voters)
        pairs = np.asarray(wins)
        ties = voters - pairs - pairs.T
        np.fill_diagonal(ties, 0)
        return Game.counts(pairs, ties, labels=labels)
    if hasattr(profile, "majority_prefers") and not hasattr(profile, "strength_matrix") and not hasattr(profile, "margin_matrix"):
        beats = [[float(profile.majority_prefers(a, b)) for b in candidates] for a in candidates]  # a majority graph has no margins
        return Game(np.subtract(beats, np.transpose(beats)), kind="payoff", labels=labels)
    if hasattr(profile, "margin"):
        margins = [[0 if a == b else float(profile.margin(a, b)) for b in candidates] for a in candidates]
        return Game(margins, kind="payoff", labels=labels)
    raise InputError(f"{type(profile).__name__} has neither `support` nor `margin`: it is no profile of pref_voting", key="profile")


def open_spiel(game: Any) -> Game:
    """The game of a two-player zero-sum matrix game of OpenSpiel, or of anything with ``row_utilities()`` and ``col_utilities()``.

    A symmetric one is taken as it is, its payoffs as ``kind="payoff"``. Any other is the game of both roles: a policy
    over the rows and the columns, as the registered game ``two-player`` has it; :func:`equipoise.solve` of its payoffs in
    a file has both policies and the value.
    """
    for needed in ("row_utilities", "col_utilities"):
        if not hasattr(game, needed):
            raise InputError(
                f"{type(game).__name__} has no `{needed}`: only games in normal form can be taken; "
                "pyspiel.load_matrix_game(..), or pyspiel.extensive_to_matrix_game(game) first",
                key="game",
            )
    rows, columns = (np.asarray(payoffs(), dtype=np.float64) for payoffs in (game.row_utilities, game.col_utilities))
    total = rows + columns
    if not np.allclose(total, total.flat[0], rtol=0, atol=1e-12 * max(1.0, float(np.abs(rows).max()))):
        raise InputError(
            f"the utilities sum to {total.min():g} in one cell and {total.max():g} in another; a preference game is zero-sum",
            key="game",
        )
    if rows.shape[0] == rows.shape[1] and np.array_equal(rows, -rows.T):
        labels = None
        if hasattr(game, "row_action_name"):
            labels = [str(game.row_action_name(k)) for k in range(rows.shape[0])]
        return Game(rows, kind="payoff", labels=labels if labels and len(set(labels)) == len(labels) else None)
    return Game.generate("two-player", payoffs=rows.tolist())


def choix(data: Iterable[Any], labels: Any = None) -> Game:
    """The game of what ``choix`` fits: pairs ``(winner, loser)``; ``labels`` names the numbers. Names in place of numbers stand for themselves."""
    rows: list[tuple[Any, Any]] = []
    for place, pair in enumerate(data):
        if isinstance(pair, str) or len(pair) != 2:
            raise InputError(
                f"data[{place}] = {pair!r} is no pair (winner, loser); of a ranking take the pairs: itertools.combinations(ranking, 2)",
                place=f"data[{place}]",
                key="data",
            )
        rows.append((pair[0], pair[1]))
    named = {}
    for one in (k for row in rows for k in row):
        try:
            named[one] = str(one) if labels is None else str(labels[one])
        except (IndexError, KeyError, TypeError) as error:
            raise InputError(f"labels has no name for the item {one!r}", key="labels", value=str(one)) from error
    return Game.battles([(named[winner], named[loser], "a") for winner, loser in rows])
