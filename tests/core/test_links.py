"""Links whose scans were told twice and differently."""

from typing import Any

from tests.core.oracle import parcels
from tests.core.plain_hash import identity
from tests.core.strategies import ALWAYS, BEGIN, World
from tests.core.world import County, Delivery, arrow, run


def scan(number: str, received: int, link: dict[str, Any] | None, **more: object) -> dict[str, Any]:
    told = {"event_id": "e", "source": "zto", "issuer": "zto", "tracking_number": number, "activity": "ARRIVED"}
    place = {"tier": "UNKNOWN", "occurred_at": BEGIN, "received_at": BEGIN + received}
    return ALWAYS | told | place | {"link": link, "retracts": None} | more


def link(relation: str, number: str) -> dict[str, str]:
    return {"issuer": "zto", "tracking_number": number, "relation": relation, "evidence": "e"}


def test_the_far_end_learns_that_an_earlier_copy_named_a_container_instead() -> None:
    """A hand-over whose first copy is a bagging joins nothing, also where the hand-over was believed."""
    later, first = scan("4", 3, link("HANDED_OVER", "1")), scan("4", 1, link("IN_CONTAINER", "9"))
    world = World([later, first], Delivery(batch=1), BEGIN)
    found = run(world.scans, world.setting(), world.how)
    assert [p["waybills"] for p in found] == [["zto:4"]]
    assert found == parcels(world.scans, world.standard(), identity)


def test_a_row_told_in_an_earlier_life_is_taken_back() -> None:
    """Killed between a batch's outputs and its state, the worker reads again in larger batches."""
    told, linking = scan("4", 1, None), scan("4", 2, link("HANDED_OVER", "1"), event_id="f")
    world = World([told, linking], Delivery(batch=2), BEGIN)
    earlier = County(Delivery(batch=1), world.setting())
    earlier.run(arrow([told]))

    later = County(world.how, world.setting(), rows=list(earlier.rows))
    later.run(arrow(world.scans))

    assert earlier.rows[0]["parcel_id"] == "zto:4"
    assert [row["waybills"] for row in later.kept()] == [["zto:1", "zto:4"]]
