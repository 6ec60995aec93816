"""What is handed in, as files that the readers take: paths, frames, rows, arrays."""

from __future__ import annotations

import importlib
import json
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from .errors import EquipoiseError, EquipoiseWarning, InputError

if TYPE_CHECKING:  # what is imported where it is used, for the package is imported in milliseconds
    from pathlib import Path

#: The name of data that come from no file, in messages.
IN_MEMORY = "the data"


def needed(module: str, what: str, package: str) -> Any:
    """A module that only some calls need; where it is not installed the error says how it is."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.split(".")[0]:
            raise
        raise ModuleNotFoundError(f"{what} needs {error.name}: pip install {package}", name=error.name) from error


def warn(notes: Iterable[str]) -> None:
    """Remarks of a reader as one warning; how many rows there were is none."""
    text = "\n".join(note for note in notes if not re.match(r"\d+ comparisons; ", note))
    if text:
        warnings.warn(text, EquipoiseWarning, stacklevel=4)


def existing(path: os.PathLike[str] | str) -> str:
    """A path, refused by the system's own error if nothing is there; patterns and standard input pass."""
    text = os.fspath(path)
    if text != "-" and not any(c in text for c in "*?[") and not os.path.exists(text):
        raise FileNotFoundError(2, os.strerror(2), text)
    return text


def hint(data: object) -> str:
    """How an object of another library is handed in, where that is not by itself: the end of a message, or nothing."""
    module, name = type(data).__module__.split(".")[0], type(data).__name__
    if module in ("pref_voting", "pyspiel"):
        there = "pref_voting" if module == "pref_voting" else "open_spiel"
        return f"; equipoise.interop.{there}(..) makes a game of it"
    if module in ("duckdb", "_duckdb"):
        return '; a relation can: connection.sql("FROM battles")'
    if isinstance(data, Mapping) and data and all(hasattr(part, "data") and hasattr(part, "column_names") for part in data.values()):
        return f"; these are several data sets, take one: data[{next(iter(data))!r}]"
    if hasattr(data, "__iter__") and not hasattr(data, "__len__"):
        return "; rows that come one by one are first put into a list: list(..)"
    return ""


def in_python(text: str) -> str:
    """A message of the readers with the options as keywords: the command line has ``--outcomes 1=a``, a call ``outcomes={"1": "a"}``."""

    def pairs(found: re.Match[str]) -> str:
        named = (pair.split("=", 1) for pair in found[2].split(","))
        return f"{found[1]}={{{', '.join(f'{json.dumps(name)}: {json.dumps(meant)}' for name, meant in named)}}}"

    text = re.sub(r"--(columns|outcomes)(?:, as in)? ([^\s=,;]+=[^\s=,;]+(?:,[^\s=,;]+=[^\s=,;]+)*)", pairs, text)
    text = re.sub(r"--(invalid|format) ([a-z]+(?:-[a-z]+)*)\b", r'\1="\2"', text)
    text = re.sub(r"\bequipoise list ([a-z]+)", r"equipoise.\1()", text)
    return re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda found: found[1].replace("-", "_"), text)


def reword(error: EquipoiseError, words: Callable[[str], str]) -> None:
    """Rewrites what an error says, in its text and in its parts."""
    for name in ("place", "rule", "help"):
        text = getattr(error, name)
        if text:
            setattr(error, name, words(text))
    error.args = tuple(words(str(a)) for a in error.args)


def named(table: Any, what: str) -> tuple[Any, list[str] | None]:
    """A table and what a frame of pandas or polars calls its rows, which are its columns in their order; None where it has no names."""
    pandas = hasattr(table, "reindex") and hasattr(table, "columns")
    if not pandas and not (type(table).__module__.startswith("polars") and hasattr(table, "columns")):
        return table, None
    columns = [str(name) for name in table.columns]
    rows = [str(name) for name in table.index] if pandas else columns
    numbers = [str(k) for k in range(len(rows))]
    if rows == columns:
        nameless = rows == numbers or rows == [f"column_{k}" for k in range(len(rows))]
        return table, None if nameless else rows
    if sorted(rows) == sorted(columns) and len(set(rows)) == len(rows):
        order = [columns.index(name) for name in rows]
        return np.asarray(table)[:, order], rows
    if len(rows) == len(columns) and (rows == numbers or columns == numbers):
        return table, columns if rows == numbers else rows
    lacking = ", ".join(repr(name) for name in sorted(set(rows) ^ set(columns))[:4])
    raise InputError(
        f"{what}: rows and columns must be the same items, and {lacking or 'a repeated name'} is not once among both; "
        f"items = frame.index.union(frame.columns), then frame.reindex(index=items, columns=items, fill_value=..)",
        key=what,
    )


def _is_path(data: object) -> bool:
    return isinstance(data, str | os.PathLike)


def _frame(data: Any) -> Any:
    """What has an Arrow stream, from what holds one."""
    if hasattr(data, "collect") and type(data).__module__.startswith("polars"):
        data = data.collect()
    if not hasattr(data, "__arrow_c_stream__"):
        table = getattr(getattr(data, "data", None), "table", None)  # a Hugging Face data set
        if table is not None:
            return table
    return data


def _nested(value: object) -> bool:
    return isinstance(value, list | tuple | dict | np.ndarray)


def _cell(value: Any) -> Any:
    """A value of a row; None for what stands for nothing: NaN, and the missing values of pandas."""
    if isinstance(value, float | np.floating) and value != value:
        return None
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _plain(value: Any) -> Any:
    """What JSON does not know, as what it knows."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _write_records(rows: Sequence[Any], folder: Path) -> Path:
    """Rows that are mappings, or tuples of ``item_a, item_b, outcome[, weight]``; as JSON where cells hold lists or mappings."""
    if isinstance(rows[0], Mapping):
        if not all(isinstance(row, Mapping) for row in rows):
            raise InputError(f"{IN_MEMORY}: the first row is a mapping, and not all of them are", key="data")
        table = [{str(name): _cell(value) for name, value in row.items()} for row in rows]
        if any(_nested(value) for row in table for value in row.values()):
            path = folder / "data.jsonl"
            with path.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, default=_plain) + "\n" for row in table)
            return path
        names = list(dict.fromkeys(name for row in table for name in row))
        cells = [["" if row.get(name) is None else row.get(name) for name in names] for row in table]
    else:
        names = ["item_a", "item_b", "outcome", "weight"]
        width = len(rows[0])
        if width not in (3, 4) or any(not isinstance(row, Sequence) or len(row) != width for row in rows):
            raise InputError(
                f"{IN_MEMORY}: rows must be mappings, or tuples of item_a, item_b, outcome and, if wanted, weight",
                key="data",
            )
        names, cells = names[:width], list(rows)
    return _write_cells(names, cells, folder)


def _write_cells(names: Sequence[str], cells: Iterable[Sequence[Any]], folder: Path) -> Path:
    import csv

    path = folder / "data.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(names)
        out.writerows(cells)
    return path


def _write_array(data: Any, folder: Path) -> Path:
    numbers = np.asarray(data)
    if np.iscomplexobj(numbers):
        raise InputError(f"{IN_MEMORY}: complex numbers are no preferences; take `.real` if the imaginary part is to be left out", key="data")
    path = folder / "data.npy"
    np.save(path, numbers.astype(np.float64))
    return path


def _names_rows(data: Any) -> bool:
    """Whether a frame is a table of numbers whose rows have names as its columns do: of such a table pandas leaves the names out."""
    if not (hasattr(data, "reindex") and hasattr(data, "columns") and len(data.index) == len(data.columns) > 0):
        return False
    return all(isinstance(name, str) for name in data.index) and all(getattr(kind, "kind", "O") in "iufb" for kind in data.dtypes)


def _write(data: Any, folder: Path) -> Path:
    """Writes data in memory to a file of its kind."""
    from pathlib import Path

    data = _frame(data)
    if _names_rows(data):
        _, names = named(data, IN_MEMORY)
        if names is not None:
            data = data.iloc[:, [[str(name) for name in data.columns].index(row) for row in names]]
    if hasattr(data, "__arrow_c_stream__"):
        try:
            return Path(_core.write_rows(data, folder)[0])
        except ImportError:  # pandas without pyarrow
            if not hasattr(data, "to_dict"):
                raise
    if hasattr(data, "to_dict") and hasattr(data, "columns"):  # a frame without an Arrow stream
        rows = data.to_dict(orient="records")
        return _write_records(rows, folder) if rows else _write_cells([str(name) for name in data.columns], [], folder)
    if isinstance(data, Mapping):
        if hint(data):
            raise InputError(f"{type(data).__name__} is no frame{hint(data)}", key="data")
        columns = {str(name): list(column) for name, column in data.items()}
        lengths = {len(column) for column in columns.values()}
        if len(lengths) != 1:
            raise InputError(f"{IN_MEMORY}: columns must be equally long, and have {sorted(lengths)} rows", key="data")
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return _write_records(rows, folder) if rows else _write_cells(list(columns), [], folder)
    if isinstance(data, np.ndarray):
        return _write_array(data, folder)
    if isinstance(data, Sequence) and len(data) and not isinstance(data, bytes):
        first = data[0]
        if isinstance(first, Mapping) or (isinstance(first, Sequence) and any(isinstance(c, str) for c in first)):
            return _write_records(data, folder)
        return _write_array(data, folder)
    raise InputError(
        f"{type(data).__name__} cannot be read as data: give a path, a frame (polars, pandas, pyarrow, DuckDB, Hugging Face), "
        f"rows, columns, or a matrix{hint(data)}",
        key="data",
    )


@contextmanager
def files(data: Any) -> Iterator[list[str]]:
    """Paths that stand for ``data``; messages name options as keywords, and not the file that stands for data in memory."""
    try:
        with _files(data) as paths:
            yield paths
    except EquipoiseError as error:
        reword(error, in_python)
        raise


@contextmanager
def _files(data: Any) -> Iterator[list[str]]:
    if _is_path(data):
        yield [existing(data)]
        return
    if isinstance(data, Sequence) and not isinstance(data, bytes) and len(data) and all(_is_path(d) for d in data):
        yield [existing(d) for d in data]
        return
    import tempfile
    from pathlib import Path

    matrix = getattr(data, "_as_matrix_file", None)
    with tempfile.TemporaryDirectory(prefix="equipoise-") as folder:
        path = matrix(Path(folder)) if matrix is not None else _write(data, Path(folder))
        try:
            yield [str(path)]
        except EquipoiseError as error:
            reword(error, lambda text: text.replace(str(path), IN_MEMORY))
            raise
