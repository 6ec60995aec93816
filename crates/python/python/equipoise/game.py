"""Preference games."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._grouping import grouped
from ._input import files, hint, named, reword, warn
from .errors import EquipoiseError, InputError, PolicyError

if TYPE_CHECKING:  # what is imported where it is used, for the package is imported in milliseconds
    from pathlib import Path

    from .judge import Judge

Kind = Literal["prob", "margin", "logit", "payoff"]


def _floats(value: Any, what: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"numbers of type {array.dtype}")
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} cannot be read as real numbers: {error}{hint(value)}", key=what) from error


def _each_named(P: Any, what: str) -> tuple[Any, list[list[str]] | None]:
    """Matrices, and the names of a frame or of every frame in a list."""
    if isinstance(P, list | tuple) and len(P) and all(getattr(m, "ndim", None) == 2 or hasattr(m, "columns") for m in P):
        parts = [named(m, what) for m in P]
        names = [name for _, name in parts]
        whole = [np.asarray(table) for table, _ in parts]
        return whole, None if any(name is None for name in names) else [name for name in names if name is not None]
    table, rows = named(P, what)
    return table, None if rows is None else [rows]


def _matrices(P: Any) -> list[NDArray[np.float64]]:
    """One matrix a context, from ``(n, n)``, ``(c, n, n)`` or a list of ``(n_x, n_x)``."""
    listed = isinstance(P, list | tuple) and len(P) > 0
    if listed and all(getattr(m, "ndim", None) == 2 for m in P):
        return [_floats(m, "P") for m in P]
    if listed and all(isinstance(m, list | tuple) and m and isinstance(m[0], list | tuple | np.ndarray) for m in P):
        return [_floats(m, "P") for m in P]  # matrices as lists of rows
    array = _floats(P, "P")
    if array.ndim == 2:
        return [array]
    if array.ndim == 3:
        return list(array)
    raise InputError(
        f"P has shape {array.shape}; it must be (n, n), (contexts, n, n), or a list of square matrices", key="P"
    )


class Game:
    """Preferences as a game: one or many contexts, each with the win rates ``P[i, j] = Pr(i beats j)``.

    Immutable; what it holds is shared by everything that uses it. ``kind`` says what the numbers are: win rates (``prob``),
    ``P - 1/2`` (``margin``), log-odds (``logit``) or payoffs with ``A = -A.T``, of which margins are ``A / (2 max |A|)``. The rows
    and columns of a frame are matched by their names, which are the labels if none are given.
    """

    __slots__ = ("_checks", "_core")

    def __init__(
        self,
        P: ArrayLike | Sequence[ArrayLike],
        *,
        kind: Kind = "prob",
        labels: Sequence[str] | Sequence[Sequence[str]] | None = None,
        weights: ArrayLike | None = None,
    ) -> None:
        tables, names = _each_named(P, "P")
        matrices = _matrices(tables)
        if labels is not None:
            whole: list[Any] = list(labels)
            flat = all(not isinstance(label, list | tuple | np.ndarray) for label in whole)
            names = [[str(label) for label in whole]] * len(matrices) if flat else [[str(a) for a in row] for row in whole]
        shares = None if weights is None else _floats(weights, "weights").ravel().tolist()
        try:
            self._core = _core.Game(matrices, kind, names, shares)
        except InputError as error:
            if "sum to" in str(error) or "cancel" in str(error):
                mean = "(P + 1 - P.swapaxes(-1, -2)) / 2" if kind == "prob" else "(P - P.swapaxes(-1, -2)) / 2"
                error.help = f"where both orders were asked, their mean is a game: {mean}"
                error.args = (f"{error}; {error.help}",)
            raise
        self._checks: list[str] = list(self._core.checks)

    @classmethod
    def _of(cls, native: _core.Game, checks: list[str] | None = None) -> Self:
        game = cls.__new__(cls)
        game._core = native
        game._checks = list(native.checks) if checks is None else list(checks)
        return game

    @classmethod
    def battles(
        cls,
        data: Any,
        *,
        a: str | None = None,
        b: str | None = None,
        outcome: str | None = None,
        context: str | None = None,
        annotator: str | None = None,
        weight: str | None = None,
        per_context: bool = False,
        ties: Literal["half", "drop"] = "half",
        smoothing: float = 0.0,
        since: str | None = None,
        items: Sequence[str] | None = None,
        outcomes: Mapping[str, str] | None = None,
        format: str | None = None,
        invalid: Literal["refuse", "skip"] = "refuse",
    ) -> Game:
        """The game of comparisons: a frame (polars, pandas, pyarrow, DuckDB, ibis, Hugging Face), rows, or files.

        ``a``, ``b``, ``outcome``, ``context``, ``annotator`` and ``weight`` name columns that are not understood by
        themselves; ``outcomes`` says what its words stand for, as ``{"left": "a", "right": "b", "none": "tie"}``. Pairs that
        never met are 1/2. What was odd is in :attr:`checks`.

        Of a lazy polars frame, a DuckDB relation and an ibis table the rows are counted by their engine: one row a context, pair and
        outcome leaves it, and the game is the same to the bit. (Not with ``since``, and not with weights in fractions.)
        """
        roles = {"item_a": a, "item_b": b, "outcome": outcome, "context": context, "annotator": annotator, "weight": weight}
        told = {role: name for role, name in roles.items() if name is not None}
        with _by_role(), files(data if since is not None else grouped(data, told)) as paths:
            reader = _Reader(
                paths,
                ties=ties,
                since=since,
                items=items,
                columns=told,
                outcomes=outcomes,
                format=format,
                invalid=invalid,
            )
            if per_context:
                return cls._of(_core.Game.read_contexts(reader, float(smoothing)))
            if smoothing:
                raise InputError("smoothing is for per_context=True; pairs that never met are 1/2", key="smoothing")
            return cls._of(_core.Game.read(reader))

    @classmethod
    def counts(cls, wins: ArrayLike, ties: ArrayLike | None = None, *, labels: Sequence[str] | None = None) -> Game:
        """The game of counts: ``wins[i, j]`` of i over j, ``ties[i, j]`` of both, each pair once or twice.

        The rows and columns of a frame are matched by their names, which are the labels if none are given.
        """
        held, called = named(wins, "wins")
        table = _floats(held, "wins")
        if table.ndim != 2 or table.shape[0] != table.shape[1]:
            raise InputError(f"wins has shape {table.shape}; it must be square", key="wins")
        n = table.shape[0]
        tied, tied_called = (np.zeros_like(table), None) if ties is None else named(ties, "ties")
        if called is not None and tied_called is not None and called != tied_called:
            raise InputError("ties and wins must have the same rows in the same order", key="ties")
        tied = _floats(tied, "ties")
        labels = called if labels is None else labels
        if tied.shape != table.shape:
            raise InputError(f"ties has shape {tied.shape} and wins {table.shape}; they must be equal", key="ties")
        for name, counts in (("wins", table), ("ties", tied)):
            if not np.all(np.isfinite(counts)) or np.any(counts < 0):
                raise InputError(f"{name} holds a count that is negative or not finite", key=name)
        names = [str(k) for k in range(n)] if labels is None else [str(label) for label in labels]
        if len(names) != n:
            raise InputError(f"{len(names)} labels for {n} items", key="labels")
        upper = np.triu_indices(n, 1)
        both = tied if not np.array_equal(tied, tied.T) else np.triu(tied, 1)
        rows = [
            {
                "item_a": names[i],
                "item_b": names[j],
                "wins_a": repr(float(table[i, j])),
                "wins_b": repr(float(table[j, i])),
                "ties": repr(float(both[i, j] + both[j, i])),
            }
            for i, j in zip(*upper, strict=True)
            if table[i, j] + table[j, i] + both[i, j] + both[j, i] > 0
        ]
        if not rows:
            raise InputError("wins holds no comparison", key="wins")
        return cls.battles(rows)

    @classmethod
    def read(cls, path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], **reading: Any) -> Game:
        """A file with a preference matrix, or with comparisons.

        ``reading`` are the options of the command line: ``format``, ``columns``, ``outcomes``, ``context_column``, ``invalid``,
        ``repetitions``, ``normalise_names``, ``symmetrise``, ``context``, ``annotator``, ``items``, ``since``, ``ties``.
        """
        with files(path) as paths:
            game = cls._of(_core.Game.read(_Reader(paths, **reading)))
        warn(game.checks)
        return game

    @classmethod
    def generate(cls, name: str, *, seed: int = 0, **parameters: Any) -> Game:
        """One of the registered games; ``equipoise.games()`` lists them with their parameters."""
        return cls._of(_core.Game.generate(name, json.dumps(parameters), seed))

    @classmethod
    def judge(cls, judge: Judge, contexts: Sequence[str], answers: Sequence[Sequence[str]], **options: Any) -> Game:
        """A game whose win rates a judge tells; see :func:`equipoise.judge.tabulate` for the options."""
        from .judge import tabulate

        return tabulate(judge, contexts, answers, **options)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of actions of every context."""
        return tuple(self._core.shape)

    @property
    def contexts(self) -> int:
        """Number of contexts."""
        return len(self._core.shape)

    @property
    def n(self) -> int:
        """Number of actions, of a game of one context."""
        if self.contexts != 1:
            raise AttributeError(f"the game has {self.contexts} contexts; .shape has the actions of each")
        return int(self._core.shape[0])

    @property
    def labels(self) -> Any:
        """Labels of the actions; a list a context where there are several."""
        labels = [self._core.labels(x) for x in range(self.contexts)]
        return labels[0] if self.contexts == 1 else labels

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weights of the contexts, which sum to 1."""
        return self._core.weights

    @property
    def checks(self) -> list[str]:
        """What was odd about the input, and how it was counted."""
        return list(self._checks)

    @property
    def id(self) -> str:
        """The content hash inside the ids of runs: sizes, weights, margins, bit by bit; labels decide nothing."""
        return self._core.id

    def _each(self, matrix: Any) -> Any:
        parts = [matrix(x) for x in range(self.contexts)]
        if len(parts) == 1:
            return parts[0]
        return np.stack(parts) if len(set(self.shape)) == 1 else parts

    @property
    def P(self) -> Any:
        """Win rates: ``(n, n)``, ``(contexts, n, n)``, or a list of matrices where sizes differ. Fresh each time."""
        return self._each(self._core.win_rate_matrix)

    @property
    def margins(self) -> Any:
        """``P - 1/2`` as it is kept, without rounding."""
        return self._each(self._core.margin_matrix)

    def win_rates(self, policy: ArrayLike) -> Any:
        """Win rate of every action against a policy, ``P @ policy`` in each context; in the form of the policy."""
        return self._back(self._core.win_rates(self._flat(policy)), policy)

    def to_f32(self) -> Game:
        """The same game with margins in f32, where a context has 1024 actions or more: half the memory."""
        return Game._of(self._core.to_f32(), self._checks)

    def _flat(self, policy: Any, what: str = "policy") -> NDArray[np.float64]:
        """A policy of any form, flat over the shape; one with names, a mapping or a pandas Series, in the order of the labels."""
        policy = self._in_order(policy, what)
        parts = policy if isinstance(policy, list | tuple) and any(np.ndim(p) == 1 for p in policy) else None
        flat = (
            np.concatenate([_floats(p, what).ravel() for p in parts]) if parts is not None else _floats(policy, what).ravel()
        )
        expected = sum(self.shape)
        if flat.size != expected:
            raise PolicyError(f"{what} has {flat.size} numbers where the game has {expected} actions in all", key=what)
        return np.ascontiguousarray(flat)

    def _in_order(self, policy: Any, what: str) -> Any:
        series = hasattr(policy, "reindex") and getattr(policy, "ndim", None) == 1
        if not isinstance(policy, Mapping) and not series:
            return policy
        if self.contexts != 1:
            raise PolicyError(f"{what} has names, and the game {self.contexts} contexts: give a list of arrays, one a context", key=what)
        given = {str(name): value for name, value in policy.items()}
        labels = [str(label) for label in self.labels]
        if series and list(given) == [str(k) for k in range(len(policy))]:
            return policy  # numbered from 0: by place
        unknown = [name for name in given if name not in labels]
        if unknown or len(given) != len(policy):
            wrong = f"{unknown[0]!r} is no action of the game" if unknown else "a name stands twice"
            raise PolicyError(f"{what}: {wrong}; its actions are {', '.join(labels[:8])}{', ..' if len(labels) > 8 else ''}", key=what)
        return np.array([_floats(given.get(label, 0.0), what) for label in labels])

    def _back(self, flat: NDArray[np.float64], like: Any = None) -> Any:
        """A vector over the shape in the form of a policy: ``(n,)``, ``(contexts, n)`` or a list."""
        if self.contexts == 1 or (isinstance(like, np.ndarray) and like.ndim == 1):
            return flat
        parts = np.split(flat, np.cumsum(self.shape)[:-1])
        return np.stack(parts) if len(set(self.shape)) == 1 and not isinstance(like, list | tuple) else parts

    def _as_matrix_file(self, folder: Path) -> Path:
        """The game as a file of a matrix, for questions that take files."""
        if self.contexts != 1:
            raise InputError(f"the game has {self.contexts} contexts; ask about one at a time", key="data")
        path = folder / "game.json"
        labels = list(self.labels)
        path.write_text(json.dumps({"labels": labels, "matrix": self.P.tolist()}), encoding="utf-8")
        return path

    def __reduce__(self) -> tuple[object, ...]:
        margins = [self._core.margin_matrix(x) for x in range(self.contexts)]
        labels = [self._core.labels(x) for x in range(self.contexts)]
        return (_restored, (type(self), margins, labels, self.weights, self.checks))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Game):
            return NotImplemented
        return self.id == other.id and self.labels == other.labels

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        if self.contexts == 1:
            labels = list(self.labels)
            shown = ", ".join(labels[:6]) + (", .." if len(labels) > 6 else "")
            return f"Game of {self.n} actions ({shown})"
        sizes = sorted(set(self.shape))
        span = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        return f"Game of {self.contexts} contexts with {span} actions each"

    def _repr_html_(self) -> str:
        import html

        if self.contexts != 1 or self.n > 60:
            return f"<p>{html.escape(repr(self))}</p>"
        # blue wins, orange loses: safe for the colour-blind; the number stands in the cell
        rates, labels = self.P, [html.escape(str(label)) for label in self.labels]

        def cell(p: float) -> str:
            share = min(1.0, 2 * abs(p - 0.5))
            colour = "31,119,180" if p > 0.5 else "255,127,14"
            return f'<td style="background:rgba({colour},{share:.2f});padding:2px 5px">{p:.2f}</td>'

        head = "".join(f"<th>{label}</th>" for label in labels)
        rows = "".join(
            f"<tr><th>{label}</th>{''.join(cell(float(p)) for p in row)}</tr>"
            for label, row in zip(labels, rates, strict=True)
        )
        return f"<table><caption>Pr(row beats column)</caption><tr><th></th>{head}</tr>{rows}</table>"


def _restored(
    kind: type[Game],
    margins: list[NDArray[np.float64]],
    labels: list[list[str]],
    weights: NDArray[np.float64],
    checks: list[str],
) -> Game:
    return kind._of(_core.Game(margins, "margin", labels, list(weights)), checks)


@contextmanager
def _by_role() -> Iterator[None]:
    """Messages about columns, which :meth:`Game.battles` has by their roles: ``a="left"``."""
    called = {"item_a": "a", "item_b": "b"}

    def words(text: str) -> str:
        if "entries are Pr(row beats column)" in text:  # columns that are known to no format are taken for a matrix
            text += '; if these are comparisons, say which column is which by a="NAME", b="NAME", outcome="NAME"'
        return re.sub(
            r"columns=\{([^}]*)\}",
            lambda found: ", ".join(f"{called.get(role, role)}={name}" for role, name in re.findall(r'"(\w+)": ("\w+")', found[1])),
            text,
        )

    try:
        yield
    except EquipoiseError as error:
        reword(error, words)
        raise


class _Reader:
    """How files are read: the fields that the native reader takes."""

    def __init__(
        self,
        paths: Sequence[str],
        *,
        context: str | None = None,
        annotator: str | None = None,
        items: Iterable[str] | None = None,
        since: str | None = None,
        ties: str = "half",
        format: str | None = None,
        columns: Mapping[str, str] | None = None,
        outcomes: Mapping[str, str] | None = None,
        context_column: str | None = None,
        invalid: str = "refuse",
        repetitions: str = "keep",
        normalise_names: bool = False,
        symmetrise: bool = False,
    ) -> None:
        roles = dict(columns or {})
        if context_column is not None:
            roles["context"] = context_column
        self.path = paths[0]
        self.more = list(paths[1:])
        self.context = context
        self.annotator = annotator
        self.items = None if items is None else [str(item) for item in items]
        self.since = since
        self.ties = ties
        self.format = format
        self.columns = [f"{role}={name}" for role, name in roles.items()]
        self.outcomes = [f"{word}={meant}" for word, meant in (outcomes or {}).items()]
        self.invalid = invalid
        self.repetitions = repetitions
        self.normalise_names = normalise_names
        self.symmetrise = symmetrise


def as_game(game: Any) -> Game:
    """A game from whatever stands for one: a game, an array, a path, a frame of battles."""
    if isinstance(game, Game):
        return game
    if isinstance(game, str | os.PathLike):
        return Game.read(game)
    if isinstance(game, np.ndarray | list | tuple):
        return Game(game)
    return Game.battles(game)
