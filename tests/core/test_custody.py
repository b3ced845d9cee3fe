"""Whose delay: what custodians have of a stage's overrun, and what they have not, is all of it."""

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_jobs.lifecycle.columns import NEVER
from stream_jobs.lifecycle.custody import Custody, overruns
from stream_jobs.lifecycle.names import NOBODY
from tests.core import strategies
from tests.core.strategies import World
from tests.core.world import County, arrow

WORLDS = settings.get_profile("worlds")
MS = st.integers(0, 20_000) | st.sampled_from([0, 1, 999, 1000, 1001, 5000])


class Late(NamedTuple):
    """A parcel's hand-overs (instant and holder, by instant) and one late stage of it."""

    held: list[tuple[int, int]]
    due: int
    until: int


@st.composite
def late(draw: st.DrawFn) -> Late:
    """Holders 0 (nobody) to 3; two neighbours differ, as custody's intervals do."""
    instants = sorted(draw(st.sets(MS, max_size=6)))
    held: list[tuple[int, int]] = []
    for at in instants:
        others = [holder for holder in range(4) if not held or holder != held[-1][1]]
        held.append((at, draw(st.sampled_from(others))))
    due, behind = draw(MS), draw(MS)
    return Late(held, due, due + behind)


def columns(parcels: list[Late]) -> Custody:
    rows = [(n, at, holder) for n, parcel in enumerate(parcels) for at, holder in parcel.held]
    parcel, since, holder = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    ends = [until for p in parcels for until in [*(at for at, _ in p.held[1:]), NEVER][: len(p.held)]]
    first = np.searchsorted(parcel, np.arange(len(parcels) + 1))
    return Custody(parcel, since, np.array(ends, np.int64), holder.astype(np.uint32), first)


@settings(max_examples=500, deadline=None)
@given(st.lists(late(), min_size=1, max_size=5))
def test_shares_and_what_nobody_had_add_up_to_the_overrun(parcels: list[Late]) -> None:
    """To the millisecond: whole seconds of custodians, time without one, parts of seconds at hand-overs."""
    number = np.arange(len(parcels))
    due, until = (np.array([getattr(p, name) for p in parcels]) for name in ("due", "until"))
    found = overruns(columns(parcels), number, number, due, until)

    for row, parcel in enumerate(parcels):
        shares = found.seconds[found.stage_row == row].sum()
        ends = [*(at for at, _ in parcel.held[1:]), parcel.until]
        spans = [
            (holder, max(0, min(end, parcel.until) - max(at, parcel.due)))
            for (at, holder), end in zip(parcel.held, ends, strict=False)
        ]
        nobody = parcel.until - parcel.due - sum(ms for holder, ms in spans if holder != NOBODY)
        parts = sum(ms % 1000 for holder, ms in spans if holder != NOBODY)
        assert 1000 * shares + nobody + parts == parcel.until - parcel.due
        assert (parcel.until - parcel.due) // 1000 - shares >= 0


@WORLDS
@given(strategies.worlds())
def test_no_stage_s_custodians_have_more_than_its_overrun(world: World) -> None:
    """So the remainder of a statement is never negative, and where custody never lapsed it is below a second each."""
    county = County(world.how, world.setting())
    county.run(arrow(world.scans))
    for row in county.kept():
        for stage in row["stages"]:
            if stage["verdict"] in {"MISSED", "OVERDUE"}:
                overrun = int(((stage["ended_at"] or row["judged_at"]) - stage["deadline_at"]).total_seconds())
                assert overrun - sum(share["seconds"] for share in stage["overruns"]) >= 0
            else:
                assert not stage["overruns"]
