"""Links whose scans were told twice and differently."""

from typing import Any

from tests.core.oracle import parcels
from tests.core.plain_hash import identity
from tests.core.strategies import ALWAYS, BEGIN, World
from tests.core.world import Delivery, run


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
