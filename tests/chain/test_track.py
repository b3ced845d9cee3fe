"""`yizhan track` on numbers that were used again, pieces of an order, and links that are claims."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.chain import running

DAY: Final = 86_400_000
BEGIN: Final = 1_740_000_000_000
Row = dict[str, Any]


def scan(event: str, number: str, activity: str, day: int, **more: object) -> bytes:
    """A canonical line of zto's, so many days after the beginning."""
    model: Row = json.loads(running.canonical_lines()[0])
    told = {"event_id": event, "source": "zto", "source_kind": "CARRIER", "issuer": "zto", "tracking_number": number}
    when = {"occurred_at": BEGIN + day * DAY, "received_at": BEGIN + day * DAY}
    plain = {"activity": activity, "link": None, "retracts": None, "reason": None, "measures": None}
    return json.dumps(model | told | when | plain | more).encode()


def link(number: str, relation: str) -> dict[str, Row]:
    return {"link": {"issuer": "zto", "tracking_number": number, "relation": relation, "evidence": "zto:said"}}


LINES: Final = [
    scan("a", "ZT0001", "COLLECTED", 0, **link("ZT0002", "HANDED_OVER")),
    scan("b", "ZT0002", "DELIVERED", 2),
    scan("c", "ZT0001", "COLLECTED", 300),
    scan("p1", "ZT0011", "COLLECTED", 1, **link("ZT0010", "PIECE_OF")),
    scan("p2", "ZT0012", "DELIVERED", 1, **link("ZT0010", "PIECE_OF")),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("track")
    running.up(place / "data", running.folder(place / "in", LINES))
    return place / "data"


def tracked(data: Path, number: str) -> list[Row]:
    """What the command says as JSON."""
    found: list[Row] = json.loads(running.run("track", number, "--data", data, "--json")[0])
    return found


def test_every_life_of_a_number_is_found_the_latest_first(data: Path) -> None:
    """The old parcel keeps its id, its waybills and its links with their evidence."""
    new, old = tracked(data, "zt0001")
    assert (new["parcel_id"], new["status"]) == ("zto:ZT0001~2", "COLLECTED")
    assert (old["parcel_id"], old["status"]) == ("zto:ZT0001", "DELIVERED")
    assert old["waybills"] == ["zto:ZT0001", "zto:ZT0002"]
    assert [(one["relation"], one["state"], one["evidence"]) for one in old["links"]] == [
        ("HANDED_OVER", "STANDING", "zto:said")
    ]
    assert [parcel["parcel_id"] for parcel in tracked(data, "zto:ZT0002")] == ["zto:ZT0001"]


def test_a_mother_number_shows_all_its_pieces(data: Path) -> None:
    """Though nobody ever scanned it; each piece has a lifecycle of its own."""
    found = {parcel["parcel_id"]: parcel for parcel in tracked(data, "ZT0010")}
    assert {name: parcel["status"] for name, parcel in found.items()} == {
        "zto:ZT0011": "COLLECTED",
        "zto:ZT0012": "DELIVERED",
    }
    assert {parcel["piece_of"] for parcel in found.values()} == {"zto:ZT0010"}
    [order] = json.loads(running.run("sql", "SELECT * FROM orders", "--data", data, "--json")[0])
    assert (order["order_number"], order["pieces"], order["delivered"]) == ("zto:ZT0010", 2, 1)


def test_track_prints_links_and_pieces_for_people(data: Path) -> None:
    """As tables."""
    printed, _ = running.run("track", "ZT0010", "--data", data)
    assert "piece of zto:ZT0010" in printed
    assert "PIECE_OF" in printed
