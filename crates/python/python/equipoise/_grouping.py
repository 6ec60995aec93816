"""Battles that an engine holds, counted where they are: what leaves it is a row a context, pair and outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Names by which a role is known without being told, as the readers of comparisons know them.
_NAMES = {
    "item_a": ("item_a", "model_a"),
    "item_b": ("item_b", "model_b"),
    "outcome": ("outcome", "winner"),
    "context": ("context", "question_id"),
    "weight": ("weight",),
}
#: Columns that make a row something else than one outcome of one pair; such tables are read row by row.
_OTHER = frozenset(
    "magnitude ranking wins_a wins_b ties both_bad score_a score_b winner_model_a winner_model_b winner_tie "
    "loser winner_name loser_name item opponent wins prompt chosen rejected score_chosen score_rejected".split()
)


def _roles(names: list[str], told: Mapping[str, str]) -> dict[str, str] | None:
    """The column of every role; None where the table is not plainly one of comparisons."""
    lower = {name.lower(): name for name in names}
    if len(lower) != len(names):
        return None
    found = {}
    for role, known in _NAMES.items():
        if role in told:
            if told[role] not in names:
                return None  # the reader says so, and what there is
            found[role] = told[role]
            continue
        there = [lower[name] for name in known if name in lower]
        if len(there) > 1:
            return None
        if there:
            found[role] = there[0]
    plain = {"item_a", "item_b", "outcome"} <= found.keys()
    if not plain or len(set(found.values())) != len(found) or (_OTHER & lower.keys()) - {n.lower() for n in found.values()}:
        return None
    return found


def grouped(data: Any, told: Mapping[str, str]) -> Any:
    """A lazy polars frame, a DuckDB relation or an ibis table of battles, grouped by its engine; anything else as it is.

    Groups stand in the order in which they first appear, so that items are numbered as they would be row by row. Weights in
    fractions are left alone: their sum would depend on the order in which an engine adds.
    """
    kind = f"{type(data).__module__}.{type(data).__qualname__}"
    if kind.startswith("polars.") and kind.endswith("LazyFrame"):
        return _polars(data, told)
    if "duckdb" in kind and kind.endswith("DuckDBPyRelation"):
        return _duckdb(data, told)
    if kind.startswith("ibis.") and kind.endswith(".Table"):
        return _ibis(data, told)
    return data


def _polars(frame: Any, told: Mapping[str, str]) -> Any:
    import polars

    schema = frame.collect_schema()
    roles = _roles(schema.names(), told)
    if roles is None or ("weight" in roles and not schema[roles["weight"]].is_integer()):
        return frame
    keys = [name for role, name in roles.items() if role != "weight"]
    weight = roles.get("weight", "weight")
    if "weight" in roles:
        least = frame.select(polars.col(weight).min()).collect(engine="streaming").item()
        if least is not None and least < 0:
            return frame  # the reader refuses it, and says in which row
    # a row without a weight counts once, as it does row by row
    count = polars.col(weight).fill_null(1).cast(polars.Int64).sum() if "weight" in roles else polars.len()
    groups = (
        frame.select(list(roles.values()))
        .with_row_index("equipoise row")
        .group_by(keys)
        .agg(count.cast(polars.Int64).alias(weight), polars.col("equipoise row").min())
        .sort("equipoise row")
        .drop("equipoise row")
    )
    return groups.collect(engine="streaming")


def _duckdb(relation: Any, told: Mapping[str, str]) -> Any:
    roles = _roles(relation.columns, told)
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    if roles is None or ("weight" in roles and "INT" not in types[roles["weight"]].upper()):
        return relation

    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    keys = ", ".join(quoted(name) for role, name in roles.items() if role != "weight")
    weight = quoted(roles.get("weight", "weight"))
    if "weight" in roles:
        ((least,),) = relation.aggregate(f"min({weight})").fetchall()
        if least is not None and least < 0:
            return relation  # the reader refuses it, and says in which row
    # a row without a weight counts once, as it does row by row
    count = f"sum(coalesce({weight}, 1))" if "weight" in roles else "count(*)"
    return relation.query(
        "equipoise_battles",
        f"SELECT {keys}, CAST({count} AS BIGINT) AS {weight} "
        'FROM (SELECT *, row_number() OVER () AS "equipoise row" FROM equipoise_battles) '
        f'GROUP BY {keys} ORDER BY min("equipoise row")',
    )


def _ibis(table: Any, told: Mapping[str, str]) -> Any:
    import importlib

    ibis: Any = importlib.import_module("ibis")  # typed in some of its versions, and not in others
    schema = table.schema()
    roles = _roles(list(schema.names), told)
    if roles is None or ("weight" in roles and not schema[roles["weight"]].is_integer()):
        return table
    keys = [name for role, name in roles.items() if role != "weight"]
    weight = roles.get("weight", "weight")
    if "weight" in roles:
        least = table[weight].min().to_pyarrow().as_py()
        if least is not None and least < 0:
            return table  # the reader refuses it, and says in which row
    rows = table.select(*roles.values()).mutate(**{"equipoise row": ibis.row_number()})
    # a row without a weight counts once, as it does row by row
    count = ibis.coalesce(rows[weight], 1).sum() if "weight" in roles else rows.count()
    groups = rows.group_by(keys).aggregate(
        **{weight: count.cast("int64"), "equipoise row": rows["equipoise row"].min()}
    )
    return groups.order_by("equipoise row").drop("equipoise row").to_pyarrow()
