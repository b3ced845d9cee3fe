"""Timelines join as sets do, whatever copies disagree and whenever they come."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_jobs.identity.joining import join_all
from stream_jobs.timeline.pack import pack
from stream_jobs.timeline.record import SCAN, read
from stream_jobs.timeline.union import FEW, knowledge, union
from tests.core.samples import SCANS, county
from tests.core.world import County, Delivery, arrow

SMALL = st.integers(0, 2)
Row = tuple[int, int, int, int]
ROWS = st.lists(st.tuples(st.integers(1, 4), SMALL, SMALL, SMALL), max_size=12)
"""Few ids, instants, receipts and places: nearly every copy disagrees, many were received at once."""
TIMELINES = ROWS.map(lambda rows: join(b"", _packed(rows)))


def join(mine: bytes, theirs: bytes) -> bytes:
    """Union of two timelines of one waybill."""
    return join_all([mine + theirs])[0]


def _packed(rows: list[Row]) -> bytes:
    found = np.zeros(len(rows), SCAN)
    for name, column in zip(("id", "at", "received", "fac"), zip(*rows, strict=True), strict=False):
        found[name] = column
    return found.tobytes()


@given(TIMELINES, TIMELINES)
def test_who_joins_whom_is_the_same(one: bytes, other: bytes) -> None:
    """Union is commutative, of copies received at the same instant, too."""
    assert join(one, other) == join(other, one)


@given(TIMELINES, TIMELINES, TIMELINES)
def test_what_joins_first_is_the_same(one: bytes, two: bytes, three: bytes) -> None:
    """Union is associative."""
    assert join(join(one, two), three) == join(one, join(two, three))


@given(TIMELINES, TIMELINES)
def test_joining_again_changes_nothing(one: bytes, other: bytes) -> None:
    """Union is idempotent."""
    assert join(join(one, other), other) == join(one, other)


@given(TIMELINES, TIMELINES)
def test_more_is_never_known_less(one: bytes, other: bytes) -> None:
    """What a timeline knows grows with each union, and only with what is new."""
    joined = join(one, other)
    before, after = (int(knowledge(read(timeline)).sum()) for timeline in (one, joined))
    assert after > before if {*read(joined)["id"].tolist()} > {*read(one)["id"].tolist()} else after >= before


@given(ROWS)
def test_each_scan_is_kept_once_as_first_received(rows: list[Row]) -> None:
    """One row per id, that of the earliest receipt, in order of time."""
    kept = read(join(b"", _packed(rows)))
    first = {number: min(r[2] for r in rows if r[0] == number) for number, *_ in rows}
    assert dict(zip(kept["id"].tolist(), kept["received"].tolist(), strict=True)) == first
    assert len(kept) == len(first)
    assert kept["at"].tolist() == sorted(kept["at"].tolist())


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_beside_an_owner_of_very_many_scans_all_are_joined_the_same(
    lists: list[list[tuple[int, int, int, int]]],
) -> None:
    """Those are sorted, few are put in place one by one."""
    rows = np.concatenate([read(_packed(rows)) for rows in lists])
    owner = np.repeat(np.arange(len(lists)), [len(rows) for rows in lists])
    many = np.zeros(FEW + 1, SCAN)
    many["id"] = np.arange(len(many))
    few = union(rows, owner)
    with_many = union(np.concatenate([rows, many]), np.append(owner, np.full(len(many), len(lists))))
    assert with_many[0][: len(few[0])].tobytes() == few[0].tobytes()
    assert with_many[1].tolist() == [*few[1].tolist(), *[len(lists)] * len(many)]


def test_a_replayed_batch_says_nothing() -> None:
    """No state changes, nobody is told, no parcel is derived: a replay costs no record."""
    done = County(Delivery(), county())
    done.run(arrow(SCANS))
    again = done.states[0].step(pack(arrow(SCANS)))
    assert (again.changed, again.told, again.parcels.count) == ({}, [], 0)
