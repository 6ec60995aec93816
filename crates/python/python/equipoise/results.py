"""Answers: frozen values with three views, as the command line has them.

Attributes are the keys of the published JSON; ``repr`` is the text that the command prints.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._input import needed


class Answer:
    """An answer. Immutable; equal answers are equal; pickles."""

    __slots__ = ("_data", "_json", "_notes", "_text")
    _arrays: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, json_text: str, text: str, notes: list[str] | None = None) -> None:
        object.__setattr__(self, "_json", json_text)
        object.__setattr__(self, "_text", text)
        object.__setattr__(self, "_notes", tuple(notes or ()))
        object.__setattr__(self, "_data", json.loads(json_text) if json_text else {})

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks beside the answer: how ties were counted, which rows were left out."""
        notes: tuple[str, ...] = self._notes
        return notes

    def to_dict(self) -> Any:
        """The published JSON as Python values, fresh each time."""
        return json.loads(self._json) if self._json else {}

    def to_json(self) -> str:
        """The JSON that ``--json`` prints."""
        text: str = self._json
        return text

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the JSON to a file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self._json + "\n")

    def __getattr__(self, name: str) -> Any:
        data = object.__getattribute__(self, "_data")
        if not name.startswith("_") and isinstance(data, dict) and name in data:
            return self._value(name, data[name])
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _value(self, name: str, value: Any) -> Any:
        return np.asarray(value, dtype=np.float64) if name in self._arrays and value is not None else value

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __dir__(self) -> list[str]:
        keys = self._data if isinstance(self._data, dict) else {}
        return sorted({*super().__dir__(), *keys})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self._json, self._text) == (other._json, other._text)

    def __hash__(self) -> int:
        return hash((self._json, self._text))

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self._json, self._text, list(self._notes)))

    def __repr__(self) -> str:
        return self._text.rstrip("\n") or f"{type(self).__name__}({self._json})"

    def _repr_html_(self) -> str:
        import html

        return f'<pre style="line-height:1.25">{html.escape(repr(self))}</pre>'


class Equilibrium(Answer):
    """An exact equilibrium of a game; over several contexts see :attr:`contexts`."""

    _arrays = frozenset({"policy", "log_policy", "reference"})

    @property
    def contexts(self) -> list[Equilibrium]:
        """One answer a context."""
        parts = self._data.get("contexts")
        if parts is None:
            return [self]
        return [Equilibrium(json.dumps(part), "", None) for part in parts]

    @property
    def policy(self) -> Any:
        """Probabilities, ``[n]``; a list of arrays over several contexts."""
        parts = self._data.get("contexts")
        if parts is None:
            return np.asarray(self._data["policy"], dtype=np.float64)
        return [np.asarray(part["policy"], dtype=np.float64) for part in parts]

    @property
    def gap(self) -> float:
        """The duality gap of the policy; over several contexts the largest."""
        return max(float(part["duality_gap"]) for part in self._data.get("contexts", [self._data]))

    def __repr__(self) -> str:
        return self._text.rstrip("\n") if self._text else f"Equilibrium({self.policy!r})"


class EquilibriumPath(Answer):
    """The path of regularised equilibria, and its limit."""

    _arrays = frozenset({"reference"})

    @property
    def taus(self) -> NDArray[np.float64]:
        """Temperatures, falling."""
        return np.asarray([point["tau"] for point in self._data["path"]], dtype=np.float64)

    @property
    def policies(self) -> NDArray[np.float64]:
        """Equilibria, ``[temperatures, n]``."""
        return np.asarray([point["policy"] for point in self._data["path"]], dtype=np.float64)


class Gap(Answer):
    """How far a policy is from equilibrium."""

    def __float__(self) -> float:
        return float(self._data["duality_gap"])


class Certificate(Answer):
    """Whether a proof holds."""

    def __bool__(self) -> bool:
        return bool(self._data["valid"])


class Inspection(Answer):
    """Is it cyclic beyond noise?"""


class Fit(Answer):
    """A fitted preference model."""

    _arrays = frozenset({"log_strength"})


class Leaderboard(Answer):
    """Items under several ratings."""

    @property
    def items(self) -> Table:
        """A row an item; of several groups with the name of the group."""
        if "groups" in self._data:
            groups = self._data["groups"]
            return Table.of_rows([{"group": g.get("group"), **row} for g in groups for row in g["rows"]])
        return Table.of_rows(self._data["rows"])


class Standings(Answer):
    """One board to be published."""


class Changes(Answer):
    """Who moved between two leaderboards."""


class Concepts(Answer):
    """What should be played, under every concept."""

    def __getitem__(self, concept: str) -> Any:
        """The row of a concept."""
        for row in self._data["rows"]:
            if row["concept"] == concept:
                return dict(row)
        raise KeyError(concept)

    @property
    def table(self) -> Table:
        """A row a concept."""
        rows = [{**row, "winners": ", ".join(row["winners"])} for row in self._data["rows"]]
        return Table.of_rows(rows)


class Loss(Answer):
    """Losses of an objective, with their gradient."""

    _arrays = frozenset({"loss"})


class Estimators(Answer):
    """Gradient estimators, audited."""

    def __getitem__(self, name: str) -> Any:
        """The row of an estimator."""
        for row in self._data["rows"]:
            if row["name"] == name:
                return dict(row)
        raise KeyError(name)

    @property
    def table(self) -> Table:
        """A row an estimator."""
        return Table.of_rows(list(self._data["rows"]))


class Findings(Answer):
    """Theorems against measurements."""

    @property
    def claims(self) -> list[dict[str, Any]]:
        """One a claim."""
        data = self.to_dict()
        return list(data) if isinstance(data, list) else list(data["claims"])


class Verdicts(Answer):
    """Claims of an experiment against its records."""

    def __bool__(self) -> bool:
        return all(claim["holds"] for claim in self._data["claims"])


class Plan(Answer):
    """What an experiment amounts to."""

    __slots__ = ("_yaml",)

    def __init__(self, json_text: str, yaml: str, words: str = "") -> None:
        super().__init__(json_text, words)
        object.__setattr__(self, "_yaml", yaml)

    @property
    def yaml(self) -> str:
        """The resolved experiment: every default filled."""
        text: str = self._yaml
        return text

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self._json, self._yaml, self._text))

    def __repr__(self) -> str:
        d = self._data
        head = f"{d['name']}: {d['runs']} runs on {d['games']} games, at most {d['steps']} steps each"
        return f"{head}\n{self._text}".rstrip()


class Table:
    """Columns of equal length: arrays of numbers, lists of text. An Arrow table to whoever asks (polars, pyarrow, DuckDB)."""

    __slots__ = ("_columns",)

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = dict(columns)

    @classmethod
    def of_rows(cls, rows: list[dict[str, Any]]) -> Table:
        """A table from rows; keys that hold lists are left out."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns: dict[str, Any] = {}
        for name in names:
            values = [row.get(name) for row in rows]
            kinds = {type(v) for v in values if v is not None}
            if kinds & {list, dict}:
                continue
            if kinds == {int} and None not in values:
                columns[name] = np.asarray(values, dtype=np.int64)
            elif kinds == {bool} and None not in values:
                columns[name] = np.asarray(values, dtype=np.bool_)
            elif kinds and kinds <= {int, float}:
                columns[name] = np.asarray([np.nan if v is None else v for v in values], dtype=np.float64)
            else:
                columns[name] = [None if v is None else str(v) for v in values]
        return cls(columns)

    @property
    def columns(self) -> list[str]:
        """Names."""
        return list(self._columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def to_dict(self) -> dict[str, Any]:
        """Columns by name."""
        return dict(self._columns)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        columns = [c if isinstance(c, np.ndarray) else list(c) for c in self._columns.values()]
        return _core.arrow_stream(list(self._columns), columns)

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``."""
        pandas = needed("pandas", "to_pandas", "pandas")
        return pandas.DataFrame(self._columns)

    def to_polars(self) -> Any:
        """A ``polars.DataFrame``."""
        polars = needed("polars", "to_polars", "polars")
        return polars.DataFrame(self)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self._columns,))

    def __repr__(self) -> str:
        return f"Table of {len(self)} rows: {', '.join(self._columns)}"

    def _repr_html_(self) -> str:
        import html

        shown = 20
        names = list(self._columns)
        head = "".join(f"<th>{html.escape(n)}</th>" for n in names)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(self._columns[n][k]))}</td>" for n in names) + "</tr>"
            for k in range(min(shown, len(self)))
        )
        more = f"<caption>{len(self)} rows</caption>" if len(self) > shown else ""
        return f"<table>{more}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


class Registry(Mapping[str, dict[str, Any]]):
    """The rows of a registry, by name."""

    __slots__ = ("_rows", "_text")

    def __init__(self, rows: list[dict[str, Any]], text: str) -> None:
        self._rows = {row["name"]: row for row in rows}
        self._text = text

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def table(self) -> Table:
        """A row an entry."""
        return Table.of_rows(list(self._rows.values()))

    def __repr__(self) -> str:
        return self._text.rstrip("\n")
