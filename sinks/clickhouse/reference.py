"""Reference data in ClickHouse: each load is whole before a reader sees any of it.

The rows of a load carry its number; the views show the highest number in `reference_loads`, which is written
last. A load cut short is never seen. The load before stays, for queries that began with it; older ones go.
"""

import time
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

import pyarrow as pa

from schemas.reference import Edition, Facility, Network, Reference, Target
from sinks.clickhouse.store import Store

_KINDS: Final = {"networks": Network, "facilities": Facility, "stage_targets": Target}
_EDITIONS: Final = "target_editions"
_LISTS: Final = frozenset({"codes", "functions", "operators"})
_NUMBERS: Final = frozenset({"lat", "lon"})


def load(store: Store, reference: Reference) -> int:
    """Replace what `networks`, `facilities` and `stage_targets` show; the number of the load."""
    last = _number(store, "SELECT max(load) AS n FROM reference_loads")
    number = max(time.time_ns(), last + 1)
    parts = (reference.networks.values(), reference.facilities.values(), reference.targets)
    for (name, kind), entries in zip(_KINDS.items(), parts, strict=True):
        store.insert(f"stored_{name}", _rows(kind, list(entries), number))
    store.insert(f"stored_{_EDITIONS}", _editions(reference.editions, number))
    store.insert("reference_loads", pa.table({"load": pa.array([number], pa.uint64())}))
    for name in (*_KINDS, _EDITIONS):
        _forget(store, f"stored_{name}", last)
    return number


def _editions(editions: Iterable[Edition], number: int) -> pa.Table:
    """A row for each target of each edition."""
    of = [(edition, target) for edition in editions for target in edition.targets]
    whole = _rows(Target, [target for _, target in of], number)
    # An edition that holds for all time began at the beginning of time; the views can't show that.
    for name in ("since", "recorded_at"):
        whole = whole.append_column(name, pa.array([max(getattr(e, name), 0) for e, _ in of], pa.int64()))
    for name in ("recorded_by", "reason"):
        whole = whole.append_column(name, pa.array([getattr(e, name) for e, _ in of], pa.string()))
    return whole.append_column("holidays", pa.array([list(e.holidays) for e, _ in of], pa.list_(pa.string())))


def _rows(kind: type, entries: list[Any], number: int) -> pa.Table:
    columns = {f.name: pa.array([_cell(e, f.name) for e in entries], _type(f.name)) for f in fields(kind)}
    return pa.table({"load": pa.array([number] * len(entries), pa.uint64())} | columns)


def _cell(entry: object, column: str) -> object:
    value = getattr(entry, column)
    return list(value) if isinstance(value, tuple) else value


def _type(column: str) -> pa.DataType:
    if column in _LISTS:
        return pa.list_(pa.string())
    return pa.float64() if column in _NUMBERS else pa.string()


def _forget(store: Store, table: str, before: int) -> None:
    old = store.query(f"SELECT DISTINCT load FROM {table} WHERE load < {before}")  # noqa: S608  # own name, number
    for number in old["load"].to_pylist():
        store.command(f"ALTER TABLE {table} DROP PARTITION {number}")


def _number(store: Store, sql: str) -> int:
    return int(store.query(sql)["n"][0].as_py())
