"""Of several records of a parcel in a batch, the highest alone is read and stored; what is no record comes to light."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fetched import fetched
from schemas.blobs import Blobs, Longs
from schemas.contracts import Contracts, contracts
from schemas.log.batch import RecordBatch
from schemas.records import PARCEL_LIFECYCLE
from schemas.registry import register_all, registry
from schemas.topics import LIFECYCLE
from schemas.wire import Codec
from sinks.clickhouse.store import Store
from sinks.clickhouse.writer import Writer
from sinks.newest import begin_so, newest
from sinks.role import SinkRole, Undecodable
from tests.sinks.records import parcel, stage, table

CODEC = Codec(PARCEL_LIFECYCLE, 7)
IDS = begin_so({7: PARCEL_LIFECYCLE.schema})
LONGS = st.integers(-(1 << 63), (1 << 63) - 1)
KNOWN = st.tuples(st.sampled_from(["", "sf:1", "sf:10", "邮:1"]), st.integers(0, 3) | LONGS, st.integers(0, 2))


def records(*rows: dict[str, object], codec: Codec = CODEC) -> list[bytes]:
    return codec.encode_arrow(table("parcel_lifecycle", rows).combine_chunks().to_batches()[0])


def versions(*rows: tuple[str, int, int]) -> list[bytes]:
    return records(*(parcel(parcel_id=of, version=version, judged_at=at) for of, version, at in rows))


def kept(values: list[bytes], ids: Longs = IDS) -> list[int]:
    found: list[int] = newest(Blobs.of(values), ids).tolist()
    return found


@pytest.fixture(scope="module")
def spoken() -> Contracts:
    register_all(registry("mock://newest"))
    return contracts(registry("mock://newest"))


def told(values: list[bytes]) -> list[RecordBatch]:
    return [fetched(LIFECYCLE.name, values)]


@settings(deadline=None)  # the first call compiles
@given(st.lists(KNOWN, min_size=1, max_size=30))
def test_the_highest_version_of_each_parcel_is_kept(rows: list[tuple[str, int, int]]) -> None:
    """Of equal versions the later judged, of equals the last: whatever comes first."""
    best = {of: max((v, at, n) for n, (o, v, at) in enumerate(rows) if o == of)[-1] for of, _, _ in rows}
    assert kept(versions(*rows)) == sorted(best.values())


def test_a_lower_version_sent_again_does_not_displace_a_higher() -> None:
    """A worker started anew sends what it had sent before."""
    assert kept(versions(("sf:1", 9, 1), ("sf:1", 3, 2), ("sf:2", 1, 1))) == [0, 2]


@settings(deadline=None)
@given(st.data())
def test_what_has_no_head_is_left_to_the_decoder(data: st.DataObject) -> None:
    """Cut off within its head, of no size, or with a size beyond its end: never taken for a parcel's version."""
    good = versions(("sf:1", 1 << 40, 5))[0]
    cut = good[: data.draw(st.integers(0, len(b"\0\0\0\0\7\x08sf:1") + 6))]
    sizes = (b"\x01", b"\x03", b"\xff" * 11, b"\xfe" + b"\xff" * 8 + b"\x01")  # -1, -2, endless, 2^63 - 1
    strange = data.draw(st.sampled_from([b"", b"{}", cut, *(good[:5] + size + good[6:] for size in sizes)]))
    assert kept([strange, good, strange, good]) == [0, 2, 3]


def test_records_of_unknown_schemas_are_left_to_the_decoder() -> None:
    """Their heads may mean anything."""
    high, low = versions(("sf:1", 9, 1), ("sf:1", 8, 1))
    foreign = high[:4] + b"\x08" + high[5:]
    assert kept([foreign, low, foreign]) == [0, 1, 2]


def test_only_schemas_that_begin_with_the_head_are_looked_into() -> None:
    """A release that moved its fields is decoded whole."""
    moved = json.loads(PARCEL_LIFECYCLE.text)
    moved["fields"].append(moved["fields"].pop(1))
    assert begin_so({7: PARCEL_LIFECYCLE.schema, 8: moved}).tolist() == [7]
    assert kept(versions(("sf:1", 2, 1), ("sf:1", 1, 1)), np.array([8])) == [0, 1]


def test_nothing_is_nothing() -> None:
    """No records, none kept."""
    assert kept([]) == []


def test_a_batch_of_versions_is_stored_as_one_row(store: Store, spoken: Contracts) -> None:
    """The highest, whole; in the table, too, not just in the view."""
    rows = [parcel(version=v, judged_at=5, status=f"S{v}", stages=[stage()]) for v in (2, 7, 3)]
    SinkRole(Writer(store), spoken).take(told(records(*rows, codec=spoken.lifecycles)))

    assert store.query("SELECT count() AS n FROM stored_parcels")["n"].to_pylist() == [1]
    found = store.query("SELECT version, status, (SELECT count() FROM parcel_stages) AS n FROM parcels").to_pylist()
    assert found == [{"version": 7, "status": "S7", "n": 1}]


def test_a_record_that_cannot_be_read_still_stops_the_sink(store: Store, spoken: Contracts) -> None:
    """Highest, and broken behind its head: nothing is written, nothing committed."""
    low, high = records(parcel(version=1), parcel(version=2), codec=spoken.lifecycles)
    role = SinkRole(Writer(store), spoken)
    for broken in (high[:-1], high + b"\0", b"{}"):
        with pytest.raises(Undecodable):
            role.take(told([low, broken, low]))
    assert store.query("SELECT count() AS n FROM stored_parcels")["n"].to_pylist() == [0]
