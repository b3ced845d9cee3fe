"""Closed lifecycles leave the state and come back: no answer changes, whatever the order of the changelog."""

import random
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_jobs.identity.leaving import Departures, StoreBehind
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.state import Timelines
from tests.core.small_worlds import BEGIN, DAY, Partitions, Scan, key, packed, world
from tests.core.test_identity import DIGITS, link, scan, wanted

SEVERAL = settings(settings.get_profile("worlds"), max_examples=300)
EAGER: Final = replace(Limits(), leave_wait=0)
LATER: Final = BEGIN + 4_000 * DAY
ALL: Final = 1_000


class Leaving(Partitions):
    """Workers that let go of all they may after each batch of scans, and read what comes back out of a store."""

    store: list[Scan]
    gone = 0

    def _join(self, number: int, scans: list[Scan], told: list[tuple[bytes, object]]) -> None:
        departures = Departures(self.states[number])
        self.store = [*getattr(self, "store", []), *scans]
        touched = {key(s).encode() for s in scans} | {waybill for waybill, _ in told}
        if back := departures.spoken_of(touched):
            departures.bring_back(back, packed(self.store))
        super()._join(number, scans, told)
        if not scans:
            return  # numbers that speak of each other would bring each other back for ever
        before = len(self.states[number].own)
        self.logs[number] += departures.leave(LATER, ALL).items()
        self.gone += before - len(self.states[number].own)

    def take_all(self, scans: list[Scan]) -> None:
        """In any order and any batches, messages between them."""
        arriving = self.random.sample(scans, len(scans))
        while arriving:
            batch = self.random.choice([1, 2, 5])
            self.take(arriving[:batch])
            del arriving[:batch]
            self.deliver(self.random.random())
        self.settle()


@SEVERAL
@given(st.lists(DIGITS, min_size=1, max_size=14), st.integers(0, 1 << 32))
def test_a_state_that_lets_go_of_all_that_rests_gives_the_same_parcels(numbers: list[int], seed: int) -> None:
    """Each batch finds an empty state and brings back what it touches; restarts read farewells in any order."""
    chance = random.Random(seed)
    scans = world(numbers)
    run = Leaving(chance.randint(1, 2), chance, limits=EAGER, restarts=chance.random() < 0.5)
    run.take_all(scans)
    assert run.parcels() == wanted(scans)
    assert run.gone


def delivered(at: int = 0) -> list[Scan]:
    """Two scans of a parcel that has arrived."""
    return [scan("a", "1", at), scan("b", "1", at + 5, activity="DELIVERED")]


def left(scans: list[Scan], now: int, limits: Limits = EAGER) -> tuple[Timelines, dict[bytes, bytes | None]]:
    """A state with these scans after those that may have left it, and the records that say so."""
    state = Timelines(limits)
    state.step(packed(scans))
    return state, Departures(state).leave(now, ALL)


def test_only_what_is_closed_and_has_rested_leaves() -> None:
    """An open parcel stays, one just delivered stays; a month later the delivered one goes, a year later both."""
    scans = [*delivered(), scan("c", "2")]
    month, year = BEGIN + 31 * DAY, BEGIN + 366 * DAY
    assert set(left(scans, BEGIN + 29 * DAY)[0].own) == {b"zto:1", b"zto:2"}
    assert set(left(scans, month)[0].own) == {b"zto:2"}
    assert set(left(scans, year)[0].own) == set()


def test_nothing_leaves_before_the_store_has_had_time_to_take_it_in() -> None:
    """It must be seen at rest twice, an hour apart."""
    state = Timelines(Limits())
    state.step(packed(delivered()))
    departures, now = Departures(state), BEGIN + 40 * DAY
    assert departures.leave(now, ALL) == {}
    assert departures.leave(now + DAY // 24 - 1, ALL) == {}
    assert set(departures.leave(now + DAY // 24, ALL)) == {b"zto:1"}


def test_a_store_that_lacks_scans_stops_the_job() -> None:
    """Better no answer than one made of half the scans."""
    state, _ = left(delivered(), LATER)
    with pytest.raises(StoreBehind, match="zto:1: 2 scans have left, 1 are stored"):
        Departures(state).bring_back([b"zto:1"], packed(delivered()[:1]))


def test_a_record_of_before_the_farewell_brings_nobody_back_and_one_of_after_does() -> None:
    """A worker that lost its partition may write its old state late."""
    state = Timelines(EAGER)
    old = state.step(packed(delivered())).changed
    farewell = Departures(state).leave(LATER, ALL)
    departures = Departures(state)
    departures.bring_back([b"zto:1"], packed(delivered()))
    again = state.step(packed([scan("late", "1", 9)])).changed
    for records, there in (([farewell, old], False), ([old, farewell], False), ([again, farewell, old], True)):
        joined = Timelines(EAGER)
        for some in records:
            joined.apply(some.items())
        assert (b"zto:1" in joined.own, b"zto:1" in joined.left) == (there, not there)


def test_a_linked_number_leaves_with_the_version_it_had_also_after_a_restart() -> None:
    """It is the least that its parcel's next row must have: with a lower one nobody would see it."""
    scans = [scan("x", "1", link=link("2")), scan("y", "2", 5, activity="DELIVERED")]
    run = Partitions(1, random.Random(0), limits=EAGER)
    run.take(scans)
    run.settle()
    versions = {waybill: known.version for waybill, known in run.states[0].known.items()}
    run.restart(0)
    Departures(run.states[0]).leave(LATER, ALL)
    assert {waybill: said.version for waybill, said in run.states[0].left.items()} == versions
    assert len(versions) == 2


def test_what_knows_of_others_comes_back_with_all_it_knew() -> None:
    """Deleted records of a linked parcel are tombstones; a late scan still ends in the same parcel."""
    scans = [scan("x", "1", link=link("2")), scan("y", "2", 5, activity="DELIVERED")]
    run = Leaving(1, random.Random(0), limits=EAGER)
    run.take(scans)
    run.settle()
    run.logs[0] += Departures(run.states[0]).leave(LATER, ALL).items()
    assert not run.states[0].own
    assert any(value is None for _, value in run.logs[0])
    late = scan("late", "2", 9)
    run.take([late])
    run.settle()
    assert run.parcels() == wanted([*scans, late])
