"""A county-like stream of any length: the sample's scans under fresh numbers, merged by arrival."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.columns import arrow_schema
from schemas.records import RECORDS

COUNTY: Final = Path(__file__).parents[1] / "tests" / "data" / "county"
RECORD: Final = RECORDS["ScanEvent"]
SCHEMA: Final = arrow_schema(RECORD.schema)
SPREAD_MS: Final = 14 * 24 * 3_600_000
"""The copies of the sample begin at moments spread over this long, so that batches mix parcels."""


def stream(events: int, *, linked: bool, seed: int = 1) -> pa.RecordBatch:
    """At least so many scans in order of arrival; `linked`: with the sample's share of links, else plain ones."""
    lines = (COUNTY / "canonical.ndjson").read_bytes().splitlines()
    scans = _tuples([json.loads(line) for line in lines])
    scans = scans if linked else _plain(scans)
    sample = pa.RecordBatch.from_pylist(scans, schema=SCHEMA)
    shifts = np.random.default_rng(seed).integers(0, SPREAD_MS, -(-events // len(scans))).tolist()
    copies = [_copy(sample, number, shift) for number, shift in enumerate(shifts)]
    merged = pa.Table.from_batches(copies).sort_by("received_at").combine_chunks()
    return merged.to_batches()[0]


def _tuples(scans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [scan | {"measures": list((scan["measures"] or {}).items()) or None} for scan in scans]


def _plain(scans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The scans of waybills that no link touches."""
    touched = {(end["issuer"], end["tracking_number"]) for s in scans if s["link"] for end in (s, s["link"])}
    return [scan for scan in scans if (scan["issuer"], scan["tracking_number"]) not in touched]


def _copy(sample: pa.RecordBatch, number: int, shift: int) -> pa.RecordBatch:
    """The sample again, later and under numbers of its own; ids belong to their numbers and get the same mark."""
    table = pa.Table.from_batches([sample])
    for name in ("tracking_number", "event_id", "retracts"):
        table = _put(table, name, _marked(table[name].combine_chunks(), number))
    for name in ("occurred_at", "received_at"):
        table = _put(table, name, pa.array(np.asarray(table[name].cast(pa.int64())) + shift).cast(pa.timestamp("ms")))
    link = table["link"].combine_chunks()
    parts = [link.field(n) if n != 1 else _marked(link.field(n), number) for n in range(link.type.num_fields)]
    shown = pa.StructArray.from_arrays(parts, fields=list(link.type), mask=link.is_null())
    return _put(table, "link", shown).combine_chunks().to_batches()[0]


def _put(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), column)


def _marked(column: pa.Array, number: int) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar(f"{number:x}"), column, "-")
