"""What the views show of links, claims and orders, on both stores."""

from typing import Final

from sinks.clickhouse.store import Store
from sinks.clickhouse.writer import Kind
from tests.sinks.records import parcel, scan
from tests.sinks.test_views import read, write

AT: Final = 1_772_900_000_000
STATES: Final = "SELECT waybill, relation, linked_waybill, state, evidence FROM parcel_links ORDER BY event_id"


def link(event: str, number: str, relation: str = "HANDED_OVER", **words: object) -> dict[str, object]:
    """A scan of sf:SF1 that names another number."""
    issuer, tracking = number.split(":")
    named = {"issuer": issuer, "tracking_number": tracking, "relation": relation, "evidence": f"said {event}"}
    return scan(event_id=event, link=named, **words)


def test_a_link_is_shown_with_its_evidence_standing_withdrawn_or_claimed(store: Store) -> None:
    """The network's own number is enough; a stranger's link is a claim, a retracted one is withdrawn."""
    write(
        store,
        Kind.SCANS,
        link("a", "china-post:C1"),
        link("b", "china-post:C2"),
        scan(event_id="r", activity="RETRACTED", retracts="b"),
        link("c", "china-post:C3", source="yunda"),
        link("d", "zto:Z1", "IN_CONTAINER", source="zto"),
    )

    assert read(store, STATES) == [
        ("sf:SF1", "HANDED_OVER", "china-post:C1", "STANDING", "said a"),
        ("sf:SF1", "HANDED_OVER", "china-post:C2", "WITHDRAWN", "said b"),
        ("sf:SF1", "HANDED_OVER", "china-post:C3", "CLAIM", "said c"),
        ("sf:SF1", "IN_CONTAINER", "zto:Z1", "STANDING", "said d"),
    ]
    assert read(store, "SELECT source, relation, claims FROM link_claims") == [("yunda", "HANDED_OVER", 1)]


def test_a_claim_becomes_a_link_when_its_network_has_another_standing_scan_of_one_number(store: Store) -> None:
    """Of either end; and it is a claim again once that scan is withdrawn."""
    claim = link("c", "china-post:C3", source="yunda")
    other = scan(event_id="x", source="yunda", issuer="china-post", tracking_number="C3")
    states = "SELECT state FROM parcel_links"
    write(store, Kind.SCANS, claim)
    assert read(store, states) == [("CLAIM",)]
    write(store, Kind.SCANS, other)
    assert read(store, states) == [("STANDING",)]
    write(store, Kind.SCANS, other | {"event_id": "r", "activity": "RETRACTED", "retracts": "x"})
    assert read(store, states) == [("CLAIM",)]
    write(store, Kind.SCANS, scan(event_id="y", source="yunda"))
    assert read(store, states) == [("STANDING",)]


def test_an_order_shows_all_its_pieces_each_with_its_own_lifecycle(store: Store) -> None:
    """The mother number is a piece, too, if it was scanned; a withdrawn piece is none."""
    pieces = [link(n, "sf:M1", "PIECE_OF", tracking_number=f"SF{n}") for n in "123"]
    write(store, Kind.SCANS, *pieces, scan(event_id="r", activity="RETRACTED", retracts="3", tracking_number="SF3"))
    rows = {"sf:SF1": "DELIVERED", "sf:SF2": "AT_POINT", "sf:SF3": "LOST", "sf:M1": "DELIVERED", "sf:M1~2": "CREATED"}
    spans = {"sf:M1~2": AT + 300 * 86_400_000}
    write(
        store,
        Kind.LIFECYCLES,
        *(
            parcel(
                parcel_id=name,
                waybills=[name.partition("~")[0]],
                status=status,
                first_scan_at=spans.get(name, AT),
                last_scan_at=spans.get(name, AT),
            )
            for name, status in rows.items()
        ),
    )

    shown = read(store, "SELECT order_number, piece, parcel_id, status FROM order_pieces ORDER BY piece")
    assert shown == [
        ("sf:M1", "sf:M1", "sf:M1", "DELIVERED"),
        ("sf:M1", "sf:SF1", "sf:SF1", "DELIVERED"),
        ("sf:M1", "sf:SF2", "sf:SF2", "AT_POINT"),
    ]
    assert read(store, "SELECT order_number, pieces, delivered FROM orders") == [("sf:M1", 3, 2)]
