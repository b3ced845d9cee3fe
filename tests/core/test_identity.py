"""Which scans are one parcel: small random worlds against the plain reading of section 6, and the cases by name."""

import random
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream_jobs.identity.state import Timelines
from tests.core.oracle_groups import groups
from tests.core.plain_hash import identity
from tests.core.small_worlds import BEGIN, DAY, Partitions, Scan, packed, rank, world

SMALL = settings.get_profile("small worlds")
Shown = list[tuple[str, list[str], set[int]]]
DIGITS: Final = st.integers(0, (1 << 48) - 1)
RARELY: Final = 0.3


def wanted(scans: list[Scan]) -> Shown:
    """Id, waybills and scans of all parcels, as the oracle groups them."""
    found = groups(scans, identity, rank)
    return sorted((g.name, g.waybills, {identity(s["source"], s["event_id"]) for s in g.scans}) for g in found)


def delivered(scans: list[Scan], seed: int, *, deaths: float = RARELY, least: int = 1) -> Shown:
    """The same as the state groups them: scans in any order, some twice, in any batches, messages late and twice.

    `deaths`: how likely workers die now and then; `least`: how many partitions there are at least.
    """
    chance = random.Random(seed)
    killed = chance.random() < deaths
    run = Partitions(chance.randint(least, 3), chance, restarts=chance.random() < RARELY)
    arriving = scans + chance.choices(scans, k=chance.randint(0, 3))
    chance.shuffle(arriving)
    while arriving:
        batch = chance.choice([1, 1, 2, 3, 5, 20])
        run.take(arriving[:batch])
        del arriving[:batch]
        for _ in range(chance.randint(0, 2)):
            run.deliver(chance.random())
        if killed and chance.random() < RARELY:
            run.kill(chance.randrange(run.count))
    if killed:
        run.deliver(chance.random())
        run.kill(chance.randrange(run.count))
    run.settle()
    return run.parcels()


@SMALL
@given(st.lists(DIGITS, min_size=1, max_size=16), st.integers(0, 1 << 32))
@example([46_792, 462, 18_805_602_816, 3_755_686_150_656, 462, 27_030_521], 1484)  # read again, a copy comes later
def test_any_small_world_has_the_parcels_the_rules_say(numbers: list[int], seed: int) -> None:
    """Links, bags, retractions, rests, claims, pieces and copies that disagree, in whatever order they come."""
    scans = world(numbers)
    assert delivered(scans, seed) == wanted(scans)


def scan(event: str, number: str, at: int = 0, **more: object) -> Scan:
    """A scan of zto's on a number of zto's, `at` ms after the beginning, received in order of event."""
    issuer, _, tracking = number.rpartition(":")
    told: Scan = {"event_id": event, "source": "zto", "issuer": issuer or "zto", "tracking_number": tracking}
    when = {"occurred_at": BEGIN + at, "received_at": BEGIN + at, "activity": "ARRIVED"}
    return told | when | {"link": None, "retracts": None} | more


def link(number: str, relation: str = "HANDED_OVER") -> dict[str, Any]:
    """The far end of a link."""
    issuer, _, tracking = number.rpartition(":")
    return {"issuer": issuer or "zto", "tracking_number": tracking, "relation": relation}


def shown(scans: list[Scan]) -> dict[str, list[str]]:
    """Waybills by parcel id; the same for a dozen deliveries, and what the oracle says."""
    found = [delivered(list(scans), seed) for seed in range(12)]
    assert all(one == wanted(scans) for one in found)
    return {name: waybills for name, waybills, _ in found[0]}


def test_copies_of_one_retraction_that_name_different_scans_withdraw_what_the_first_received_names() -> None:
    """The link that the later copy would withdraw stands, also where it was believed withdrawn."""
    told = [scan("a", "1", link=link("2")), scan("b", "2")]
    later = scan("r", "1", 9, activity="RETRACTED", retracts="a")
    first = scan("r", "1", 5, activity="RETRACTED", retracts="other")
    assert shown([*told, later]) == {"zto:2": ["zto:2"]}
    assert shown([*told, later, first]) == {"zto:1": ["zto:1", "zto:2"]}


@pytest.mark.parametrize("apart", [False, True])
def test_a_later_copy_of_another_year_counts_for_as_much_alone_as_beside_the_first(apart: bool) -> None:  # noqa: FBT001  # a parameter
    """Else a worker that reads it again in another batch would know less than it once told."""
    first, copy = scan("a", "1"), scan("a", "1", 200 * DAY)
    state = Timelines()
    for batch in ([first], [copy]) if apart else ([first, copy],):
        state.step(packed(batch))
    known = state.known[b"zto:1"]
    assert (known.lives, known.version) == (2, 2 * known.major)


@pytest.mark.parametrize("rival", range(8))
def test_of_three_copies_received_in_the_same_millisecond_one_is_chosen_by_content(rival: int) -> None:
    """One names this number, one that, one none: all workers and orders agree which holds."""
    copies = [scan("a", "1", rival, link=link("2")), scan("a", "1", rival, link=link("3")), scan("a", "1", rival)]
    told = [copy | {"received_at": BEGIN} for copy in copies]
    assert shown([*told, scan("b", "2"), scan("c", "3")])


def test_a_number_scanned_again_half_a_year_after_it_was_delivered_is_another_parcel_s() -> None:
    """The old one keeps its id; a day less and the number is still the same parcel's."""
    old = [scan("a", "1"), scan("b", "1", DAY, activity="DELIVERED")]
    assert shown([*old, scan("c", "1", 181 * DAY)]) == {"zto:1": ["zto:1"], "zto:1~2": ["zto:1"]}
    assert shown([*old, scan("c", "1", 180 * DAY)]) == {"zto:1": ["zto:1"]}


def test_a_late_scan_that_closes_the_rest_makes_one_parcel_of_two() -> None:
    """The second parcel's row is gone."""
    old = [scan("a", "1"), scan("b", "1", DAY, activity="DELIVERED"), scan("c", "1", 300 * DAY)]
    assert shown([*old, scan("late", "1", 150 * DAY)]) == {"zto:1": ["zto:1"]}


def test_a_parcel_that_was_never_closed_is_the_same_after_half_a_year_but_not_after_a_whole_one() -> None:
    """Forgotten in a locker it may be collected yet; a year later the number is somebody else's."""
    waiting = [scan("a", "1", activity="STORED_AT_POINT")]
    assert shown([*waiting, scan("b", "1", 200 * DAY)]) == {"zto:1": ["zto:1"]}
    assert shown([*waiting, scan("b", "1", 366 * DAY)]) == {"zto:1": ["zto:1"], "zto:1~2": ["zto:1"]}


def test_each_life_of_a_number_has_its_own_links() -> None:
    """What the number was handed over to last year is no part of this year's parcel."""
    old = [scan("a", "1", link=link("2")), scan("b", "2", DAY, activity="DELIVERED")]
    new = [scan("c", "1", 300 * DAY, link=link("3")), scan("d", "3", 301 * DAY)]
    assert shown([*old, *new]) == {"zto:1": ["zto:1", "zto:2"], "zto:1~2": ["zto:1", "zto:3"]}


def test_a_network_that_has_nothing_to_do_with_two_numbers_cannot_join_them() -> None:
    """Its link is a claim, until another of its scans shows that it had one of the parcels."""
    strangers = [scan("a", "1"), scan("b", "sf:2", source="sf")]
    claim = scan("c", "1", 5, source="yunda", link=link("sf:2"))
    assert shown([*strangers, claim]) == {"sf:2": ["sf:2"], "zto:1": ["zto:1"]}
    had_it = scan("d", "sf:2", 9, source="yunda")
    assert shown([*strangers, claim, had_it]) == {"sf:2": ["sf:2", "zto:1"]}
    withdrawn = scan("e", "sf:2", 10, source="yunda", activity="RETRACTED", retracts="d")
    assert shown([*strangers, claim, had_it, withdrawn]) == {"sf:2": ["sf:2"], "zto:1": ["zto:1"]}


def test_nobody_else_can_make_a_parcel_a_container() -> None:
    """A claim that a number was a bag leaves it the parcel it is."""
    told = [scan("a", "1"), scan("b", "sf:2", source="yunda", activity="BAGGED", link=link("1", "IN_CONTAINER"))]
    assert shown(told) == {"sf:2": ["sf:2"], "zto:1": ["zto:1"]}


def test_pieces_of_one_order_stay_parcels_of_their_own() -> None:
    """A piece names its mother number and joins nothing."""
    pieces = [scan(f"p{n}", str(n), link=link("9", "PIECE_OF")) for n in (1, 2)]
    assert shown([*pieces, scan("m", "9")]) == {f"zto:{n}": [f"zto:{n}"] for n in (1, 2, 9)}
