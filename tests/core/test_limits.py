"""Beyond a limit the first received stay, the rest is refused: never a crash, a stall or a record too large."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.dead_letter import Reason
from schemas.records import RECORDS
from schemas.wire import Codec
from stream_jobs.identity import wire
from stream_jobs.identity.knowledge import Told
from stream_jobs.identity.limits import RECORD_BYTES, Limits
from stream_jobs.identity.state import Step, Timelines
from tests.core.plain_hash import identity
from tests.core.small_worlds import Partitions, Scan, packed, world
from tests.core.test_identity import DIGITS, Shown, link, scan

SEVERAL = settings(settings.get_profile("worlds"), max_examples=200)
NARROW: Final = Limits(scans_per_waybill=3, links_per_waybill=2, waybills_per_parcel=3, parcels_per_container=2)
RECORD_LIMIT: Final = 1 << 20


class Refusing(Partitions):
    """Workers that count what they refuse."""

    refused = 0

    def _keep(self, number: int, step: Step) -> None:
        assert all(why.reason is Reason.LIMIT for _, why in step.refused)
        self.refused += len(step.refused)
        super()._keep(number, step)


def delivered(scans: Sequence[Scan], seed: int, limits: Limits) -> tuple[Shown, int]:
    """Parcels, and how many refusals it took."""
    chance = random.Random(seed)
    run = Refusing(2, chance, limits=limits)
    arriving = chance.sample(scans, len(scans))
    while arriving:
        run.take(arriving[:2])
        del arriving[:2]
        run.deliver(chance.random())
    run.settle()
    return run.parcels(), run.refused


def ids(*events: str) -> set[int]:
    """Ids of scans of zto's."""
    return {identity("zto", event) for event in events}


@pytest.mark.parametrize("seed", range(10))
def test_a_number_keeps_the_scans_received_first_whatever_comes_first(seed: int) -> None:
    """Three are let in here; of the others each was refused when it came or gave way to an earlier one."""
    scans = [scan(f"e{n}", "1", n) for n in range(9)]
    found, refused = delivered(scans, seed, replace(Limits(), scans_per_waybill=3))
    assert found == [("zto:1", ["zto:1"], ids("e0", "e1", "e2"))]
    assert refused <= 6


def test_a_refused_scan_is_named_by_its_place_in_the_batch() -> None:
    """So that its dead letter carries its bytes; read again, it is refused again."""
    state = Timelines(replace(Limits(), scans_per_waybill=2))
    batch = packed([scan(f"e{n}", "1", n) for n in (3, 1, 2)])
    assert [at for at, _ in state.step(batch).refused] == [0]
    again = state.step(batch)
    assert ([at for at, _ in again.refused], again.changed) == ([0], {})


@pytest.mark.parametrize("seed", range(10))
def test_a_number_states_so_many_links_and_no_more(seed: int) -> None:
    """The first two it named belong to it, the third does not."""
    scans = [scan(f"e{n}", "1", n, link=link(str(n + 2))) for n in range(3)]
    found, refused = delivered(scans, seed, replace(Limits(), links_per_waybill=2))
    assert [waybills for _, waybills, _ in found] == [["zto:1", "zto:2", "zto:3"]]
    assert refused <= 1


@pytest.mark.parametrize("seed", range(10))
def test_a_number_is_named_by_so_many_and_no_more(seed: int) -> None:
    """Those that named it later stay parcels of their own."""
    scans = [scan(f"e{n}", str(n + 2), n, link=link("1")) for n in range(4)]
    found, _ = delivered([*scans, scan("own", "1")], seed, replace(Limits(), links_per_waybill=2))
    assert [waybills for _, waybills, _ in found] == [["zto:1", "zto:2", "zto:3"], ["zto:4"], ["zto:5"]]


@pytest.mark.parametrize("seed", range(10))
def test_a_bag_holds_so_many_parcels_and_no_more(seed: int) -> None:
    """Its scans count for the two bagged first."""
    bagged = [scan(f"e{n}", str(n), n, activity="BAGGED", link=link("joint:B", "IN_CONTAINER")) for n in range(4)]
    bag = scan("bag", "joint:B", 9)
    found, _ = delivered([*bagged, bag], seed, replace(Limits(), parcels_per_container=2))
    assert [len(counting) for _, _, counting in found] == [2, 2, 1, 1]


@pytest.mark.parametrize("seed", range(10))
def test_a_parcel_has_so_many_waybills_and_no_more(seed: int) -> None:
    """Of a chain the links received first join, as far as there is room."""
    chain = [scan(f"e{n}", str(n), n, link=link(str(n + 1))) for n in range(1, 6)]
    found, _ = delivered(chain, seed, replace(Limits(), waybills_per_parcel=3))
    assert [waybills for _, waybills, _ in found] == [["zto:1", "zto:2", "zto:3"], ["zto:4", "zto:5", "zto:6"]]


@SEVERAL
@given(st.lists(DIGITS, min_size=8, max_size=24), st.integers(0, 1 << 32))
def test_a_world_far_beyond_its_limits_settles(numbers: list[int], seed: int) -> None:
    """Whatever is refused: messages end, and no number has more scans or waybills than it may."""
    found, _ = delivered(world(numbers), seed, NARROW)
    assert all(len(waybills) <= NARROW.waybills_per_parcel for _, waybills, _ in found)


def test_the_largest_timeline_fits_into_a_record_of_the_changelog_and_of_the_links() -> None:
    """At the limits as they are set."""
    state = Timelines()
    many = [scan(f"e{n}", "1", n) for n in range(Limits().scans_per_waybill + 500)]
    step = state.step(packed([*many, scan("x", "1", 1, link=link("0"))]))
    told = wire.encoded(step.told, Codec(RECORDS["ParcelLinks"], 7))
    assert max(len(value or b"") for value in step.changed.values()) < RECORD_LIMIT // 4
    assert told.values.sizes.max() < RECORD_LIMIT // 4
    assert len(step.refused) >= 500


def test_a_message_too_large_for_a_record_is_cut_into_several_that_say_the_same() -> None:
    """Messages are sets."""
    codec = Codec(RECORDS["ParcelLinks"], 7)
    message = Told({b"zto:p": b"p"}, {b"zto:%d" % n: bytes(RECORD_BYTES // 3) for n in range(10)})
    records = wire.encoded([(b"zto:1", message), (b"zto:2", Told())], codec)
    found, positions, refused = wire.decoded(records, codec)
    joined = Told()
    for waybill, part in found:
        if waybill == b"zto:1":
            joined.add(part)
    assert len(records) > 4
    assert records.values.sizes.max() < RECORD_LIMIT
    assert (joined, refused) == (message, [])
    assert positions == list(range(len(records)))


@pytest.mark.parametrize("packed_bytes", [b"", b"x", bytes(40), bytes(31), b"\xff" * 60])
def test_a_message_that_holds_no_profile_or_timeline_is_refused_and_the_others_are_heard(packed_bytes: bytes) -> None:
    """Only we write that topic; still a bad record must not stop it for good."""
    state = Timelines()
    good = Timelines().step(packed([scan("e", "2", link=link("1"))])).told
    bad = Told({b"zto:9": packed_bytes}, {b"zto:9": packed_bytes})
    step = state.step(None, [(b"zto:1", bad), *good])
    assert b"zto:2" in state.known[b"zto:1"].profiles
    assert {at for at, _ in step.refused} <= {0}
