"""What is asked by number is what the views say, on both stores, and is found by an index where there are some."""

import random

import pytest

from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.store import Store
from sinks.clickhouse.writer import Kind
from tests.sinks.records import parcel, scan, stage
from tests.sinks.test_views import write
from yizhan.desk import StoreDesk
from yizhan.numbers import NUMBERS, Numbers, Row
from yizhan.track import parcels

SOURCES = ("sf", "zto", "yunda")
WAYBILLS = [f"{issuer}:N{number}" for issuer in ("sf", "zto") for number in range(6)]
RELATIONS = ("HANDED_OVER", "PIECE_OF", "IN_CONTAINER")


def drawn(draw: random.Random, event: int) -> dict[str, object]:
    """A scan of one of few numbers: a link, a withdrawal, or plain; the same event may come again otherwise."""
    issuer, number = draw.choice(WAYBILLS).split(":")
    known: dict[str, object] = {
        "event_id": str(event % 40),
        "source": draw.choice(SOURCES),
        "issuer": issuer,
        "tracking_number": number,
    }
    known["received_at"] = 1_773_000_000_000 + draw.randrange(5)
    what = draw.randrange(4)
    if what == 0:
        return scan(activity="RETRACTED", retracts=str(draw.randrange(40)), **known)
    if what == 1:
        return scan(**known)
    other, named = draw.choice(WAYBILLS).split(":")
    link = {"issuer": other, "tracking_number": named, "relation": draw.choice(RELATIONS), "evidence": "said"}
    return scan(link=link, **known)


def world(store: Store) -> None:
    draw = random.Random(7)
    for start in range(0, 90, 30):
        write(store, Kind.SCANS, *(drawn(draw, start + event) for event in range(30)))
    at = {
        "first_scan_at": 1_772_900_000_000,
        "last_scan_at": 1_772_900_000_000,
        "stages": [stage(), stage(stage="whole")],
    }
    joined = [WAYBILLS[:2], *([waybill] for waybill in WAYBILLS[2:])]
    write(store, Kind.LIFECYCLES, *(parcel(parcel_id=some[0], waybills=some, **at) for some in joined))
    write(store, Kind.LIFECYCLES, parcel(parcel_id=WAYBILLS[5], waybills=[WAYBILLS[5]], version=2, gone=True, **at))


def keyed(rows: list[Row]) -> list[list[tuple[str, str]]]:
    return sorted(sorted((name, str(value)) for name, value in row.items()) for row in rows)


def test_links_pieces_parcels_and_stages_by_number_are_those_of_the_views(store: Store) -> None:
    """Whatever stands, was withdrawn or is a claim, by every number."""
    world(store)
    desk = StoreDesk(store)
    numbers = Numbers(desk)
    links, pieces = desk.rows("SELECT * FROM parcel_links"), desk.rows("SELECT * FROM order_pieces")
    assert {row["state"] for row in links} == {"STANDING", "WITHDRAWN", "CLAIM"}
    assert pieces

    for waybill in WAYBILLS:
        named = [row for row in links if waybill in {row["waybill"], row["linked_waybill"]}]
        assert keyed(numbers.links([waybill])) == keyed(named)
        orders = {row["parcel_id"]: row["order_number"] for row in pieces if row["order_number"] == waybill}
        assert numbers.pieces([waybill]) == orders
        own = [row for row in desk.rows("SELECT * FROM parcels") if waybill in row["waybills"]]
        assert keyed(numbers.parcels(waybill)) == keyed(own)
        ids = [row["parcel_id"] for row in own]
        stages = [row for row in desk.rows("SELECT * FROM parcel_stages") if row["parcel_id"] in ids]
        assert keyed(numbers.stages(ids)) == keyed(stages)


def test_a_number_without_issuer_is_that_of_every_issuer(store: Store) -> None:
    world(store)
    found = Numbers(StoreDesk(store)).parcels(" n3")
    assert sorted(row["parcel_id"] for row in found) == ["sf:N3", "zto:N3"]


def test_of_one_parcel_the_answer_is_the_same_by_any_of_its_numbers(store: Store) -> None:
    """Its pieces, too, though only one of its numbers is an order's."""
    world(store)
    first, second = (parcels(StoreDesk(store), number) for number in WAYBILLS[:2])
    assert first == second
    assert any(row["piece_of"] for row in first)


@pytest.mark.parametrize(
    ("index", "asked"),
    [
        ("by_number", f"SELECT parcel_id FROM stored_parcels WHERE hasAny({NUMBERS}, ['N3'])"),  # noqa: S608  # our own
        ("by_linked_number", "SELECT issuer FROM stored_scans WHERE link_tracking_number IN ('N3')"),
    ],
)
def test_numbers_are_found_by_an_index(embedded: ChdbStore, index: str, asked: str) -> None:
    world(embedded)
    assert index in "\n".join(embedded.query(f"EXPLAIN indexes = 1 {asked}")["explain"].to_pylist())
