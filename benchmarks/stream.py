"""A stream of any length: the sample county's scans under fresh numbers, merged by arrival; or parcels of one way."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.peers.life import MILESTONES
from schemas.columns import arrow_schema
from schemas.records import RECORDS

COUNTY: Final = Path(__file__).parents[1] / "tests" / "data" / "county"
RECORD: Final = RECORDS["ScanEvent"]
SCHEMA: Final = arrow_schema(RECORD.schema)
MINUTE: Final = timedelta(minutes=1)
SPREAD_MS: Final = 14 * 24 * 3_600_000
"""The copies of the sample begin at moments spread over this long, so that batches mix parcels."""


BEGUN: Final = 1_772_000_000_000
HOUR: Final = 3_600_000
ON_THE_WAY: Final = 300_000
"""Of `eights`: a parcel's scans come within so many of the stream, and so do the second copies of some."""
LATE: Final = 30_000
"""Of `eights`: a scan comes up to so many places later than its turn."""
TWICE: Final = 0.02

Scans = list[dict[str, Any]]
Numbers = npt.NDArray[np.int64]
Way = Sequence[tuple[str, str]]
KINDS: Final = (
    "plain, county (as the sample is), linked:PERCENT of parcels under two numbers, bags:PARCELS in each,"
    " eights (of each parcel one scan for each of eight milestones, one in fifty doubled)"
)


def stream(events: int, kind: str, seed: int = 1) -> pa.RecordBatch:
    """At least so many scans in order of arrival, of one of KINDS; ValueError for any other."""
    name, _, size = kind.partition(":")
    if kind == "eights":
        return _eights(-(-events // len(MILESTONES)), seed)
    if name not in {"plain", "county", "linked", "bags"} or (name in {"linked", "bags"}) != size.isdecimal():
        raise ValueError(f"no stream {kind!r}: {KINDS}")
    scans = [json.loads(line) for line in (COUNTY / "canonical.ndjson").read_bytes().splitlines()]
    scans = _tuples(scans if name == "county" else _plain(scans))
    sample = pa.RecordBatch.from_pylist(_handed_over(scans, int(size)) if name == "linked" else scans, schema=SCHEMA)
    shifts = np.random.default_rng(seed).integers(0, SPREAD_MS, -(-events // len(scans))).tolist()
    copies = [_copy(sample, number, shift) for number, shift in enumerate(shifts)]
    if name == "bags":
        copies += [pa.RecordBatch.from_pylist(_bagging(pa.Table.from_batches(copies), int(size)), schema=SCHEMA)]
    merged = pa.Table.from_batches(copies).sort_by("received_at").combine_chunks()
    return merged.to_batches()[0]


def way_scans(parcels: Numbers, number: Numbers, way: Way) -> pa.RecordBatch:
    """Of each parcel the scan of this number on its way, five hours after the one before: activity and tier."""
    at = pa.array(BEGUN + number * 5 * HOUR + parcels * 13 % HOUR).cast(pa.timestamp("ms"))
    pairs = list(zip(parcels.tolist(), number.tolist(), strict=True))
    told: dict[str, Any] = {
        "event_id": pa.array([f"{parcel:x}-{scan}" for parcel, scan in pairs]),
        "tracking_number": pa.array([f"SF{parcel:012d}" for parcel, _ in pairs]),
        "activity": pa.array([activity for activity, _ in way]).take(pa.array(number)),
        "tier": pa.array([tier for _, tier in way]).take(pa.array(number)),
        "occurred_at": at,
        "received_at": at,
        "facility_id": pa.array([f"F{parcel % 97:03d}-{scan}" for parcel, scan in pairs]),
    }
    same = {"source": "sf", "source_kind": "CARRIER", "issuer": "sf"}
    same |= {"time_basis": "GIVEN", "region": "511402001001", "consent": "UNKNOWN", "raw_code": "x"}
    columns = [
        told.get(field.name, pa.repeat(pa.scalar(same.get(field.name), field.type), len(at))) for field in SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _eights(parcels: int, seed: int) -> pa.RecordBatch:
    """Parcels set out one after another; the scans of many are mixed, out of order within a stretch, some twice."""
    draw, each = np.random.default_rng(seed), len(MILESTONES)
    owner, number = np.repeat(np.arange(parcels), each), np.tile(np.arange(each), parcels)
    turns = np.sort(draw.integers(0, ON_THE_WAY, (parcels, each)), axis=1).ravel() + owner * each
    turns += draw.integers(0, LATE, len(turns))
    again = draw.choice(len(turns), round(TWICE * len(turns)), replace=False)
    turns = np.concatenate([turns, turns[again] + draw.integers(0, ON_THE_WAY, len(again))])
    places = np.concatenate([np.arange(len(owner)), again])[np.argsort(turns, kind="stable")]
    return way_scans(owner[places], number[places], MILESTONES)


def _tuples(scans: Scans) -> Scans:
    return [scan | {"measures": list((scan["measures"] or {}).items()) or None} for scan in scans]


def _plain(scans: Scans) -> Scans:
    """The scans of waybills that no link touches."""
    touched = {(end["issuer"], end["tracking_number"]) for s in scans if s["link"] for end in (s, s["link"])}
    return [scan for scan in scans if (scan["issuer"], scan["tracking_number"]) not in touched]


def _by_waybill(scans: Scans) -> list[Scans]:
    found: dict[tuple[str, str], Scans] = {}
    for scan in scans:
        found.setdefault((scan["issuer"], scan["tracking_number"]), []).append(scan)
    return list(found.values())


def _handed_over(scans: Scans, percent: int) -> Scans:
    """Of so many parcels in a hundred the second half of the way goes by post, under the post's number."""
    found: Scans = []
    for number, mine in enumerate(_by_waybill(scans)):
        half = len(mine) // 2 if number * 37 % 100 < percent else len(mine)
        post = {"issuer": "china-post", "tracking_number": f"{mine[0]['tracking_number']}P"}
        link = post | {"relation": "HANDED_OVER", "evidence": "handed over"}
        found += mine[: half - 1]
        found += [scan | ({"link": link} if half < len(mine) else {}) for scan in mine[half - 1 : half]]
        found += [scan | post for scan in mine[half:]]
    return found


def _bagging(scans: pa.Table, size: int) -> Scans:
    """All parcels bagged with those that come in about the same time; a bag has four scans, then is emptied."""
    first = scans.group_by(["issuer", "tracking_number"]).aggregate([("received_at", "min")]).sort_by("received_at_min")
    parcels = first.to_pylist()
    model = scans.slice(0, 1).to_pylist()[0] | {"source": "county-joint", "link": None, "retracts": None}
    found: Scans = []
    for start in range(0, len(parcels), size):
        inside = parcels[start : start + size]
        label = {"issuer": "county-joint", "tracking_number": f"BAG{start}"}
        link = label | {"relation": "IN_CONTAINER", "evidence": "bagged"}
        since, until = inside[0]["received_at_min"] + MINUTE, inside[-1]["received_at_min"] + 10 * MINUTE
        for place, parcel in enumerate(inside):
            mine = {name: parcel[name] for name in ("issuer", "tracking_number")} | {"link": link}
            found += [_scan(model, f"b{start}.{place}", "BAGGED", parcel["received_at_min"] + MINUTE) | mine]
            found += [_scan(model, f"u{start}.{place}", "UNBAGGED", until + MINUTE) | mine]
        for step in range(4):
            at = max(since, until) - MINUTE * (4 - step)
            found.append(_scan(model, f"l{start}.{step}", ("DEPARTED", "ARRIVED")[step % 2], at) | label)
    return found


def _scan(model: dict[str, Any], event: str, activity: str, at: datetime) -> dict[str, Any]:
    return model | {"event_id": event, "activity": activity, "occurred_at": at, "received_at": at}


def _copy(sample: pa.RecordBatch, number: int, shift: int) -> pa.RecordBatch:
    """The sample again, later and under numbers of its own; ids belong to their numbers and get the same mark."""
    table = pa.Table.from_batches([sample])
    for name in ("tracking_number", "event_id", "retracts"):
        table = _put(table, name, _marked(table[name].combine_chunks(), number))
    for name in ("occurred_at", "received_at"):
        table = _put(
            table, name, pa.array(np.asarray(table[name].cast(pa.int64())) + shift).cast(SCHEMA.field(name).type)
        )
    link = table["link"].combine_chunks()
    parts = [link.field(n) if n != 1 else _marked(link.field(n), number) for n in range(link.type.num_fields)]
    shown = pa.StructArray.from_arrays(parts, fields=list(link.type), mask=link.is_null())
    return _put(table, "link", shown).combine_chunks().to_batches()[0]


def _put(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), column)


def _marked(column: pa.Array, number: int) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar(f"{number:x}"), column, "-")
