"""From records as decoded from Avro to the rows of the stored tables: whole columns, no step per row.

Columns follow the fields of the .avsc, in order. A record within becomes columns `outer_inner` (link_issuer), a
map and an array of records become parallel arrays `outer.inner` (measures.key, stages.verdict; an array of
records within those `stages.overruns_seconds`), times become Int64 milliseconds.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sinks.clickhouse.store import Rows

Column = tuple[str, pa.Array]

_MAP_PARTS: Final = ("key", "value")


class BadRows(ValueError):
    """Rows that lack a field of their record: names the record and the fields."""


def scans(records: Rows) -> pa.RecordBatch:
    """Rows of `stored_scans` from records of scan_event.avsc."""
    return _rows("scan_event", records)


def lifecycles(records: Rows) -> pa.RecordBatch:
    """Rows of `stored_parcels` from records of parcel_lifecycle.avsc."""
    return _rows("parcel_lifecycle", records)


def dead_letters(records: Rows) -> pa.RecordBatch:
    """Rows of `stored_dead_letters` from records of dead_letter.avsc."""
    return _rows("dead_letter", records)


def alerts(records: Rows) -> pa.RecordBatch:
    """Rows of `stored_alerts` from records of parcel_alert.avsc."""
    return _rows("parcel_alert", records)


@cache
def fields(record: str) -> tuple[str, ...]:
    """The fields of a record's .avsc, in order."""
    text = resources.files("schemas").joinpath("avro", f"{record}.avsc").read_text("utf-8")
    return tuple(field["name"] for field in json.loads(text)["fields"])


def _rows(record: str, records: Rows) -> pa.RecordBatch:
    if missing := sorted(set(fields(record)) - set(records.schema.names)):
        raise BadRows(f"{record} without {', '.join(missing)}")
    whole = [(name, _one_chunk(records.column(name))) for name in fields(record)]
    columns = [column for name, values in whole for column in _flat(name, values, ".")]
    return pa.RecordBatch.from_arrays([v for _, v in columns], names=[n for n, _ in columns])


def _one_chunk(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(values, pa.ChunkedArray):
        return values
    return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)


def _flat(name: str, values: pa.Array, joint: str) -> Iterator[Column]:
    kind = values.type
    if pa.types.is_timestamp(kind):
        yield name, values.cast(pa.timestamp("ms", kind.tz)).cast(pa.int64())
    elif pa.types.is_struct(kind):
        yield from _inner(kind.names, values.flatten(), f"{name}_")
    elif pa.types.is_map(kind):
        yield from _parallel(f"{name}{joint}", values, _MAP_PARTS)
    elif pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        yield from _parallel(f"{name}{joint}", values, kind.value_type.names)
    else:
        yield name, _normal(values)


def _normal(values: pa.Array) -> pa.Array:
    """The plain form of Arrow's several kinds of text; all else as it is."""
    kind = values.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return values.cast(pa.string())
    if pa.types.is_dictionary(kind):
        return _normal(values.dictionary_decode())
    return values


def _inner(names: Sequence[str], columns: Sequence[pa.Array], before: str) -> Iterator[Column]:
    for name, values in zip(names, columns, strict=True):
        yield from _flat(f"{before}{name}", values, "_")


def _parallel(before: str, values: pa.Array, names: Sequence[str]) -> Iterator[Column]:
    if pa.types.is_map(values.type):
        kind = pa.struct([(name, t) for name, t in zip(names, _parts(values.type), strict=True)])
        values = values.cast(pa.list_(kind))
    counts = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.append(0, np.cumsum(counts)), pa.int32())
    for name, inner in _inner(names, values.flatten().flatten(), before):
        yield name, pa.ListArray.from_arrays(offsets, inner)


def _parts(kind: pa.MapType) -> tuple[pa.DataType, pa.DataType]:
    return kind.key_type, kind.item_type
