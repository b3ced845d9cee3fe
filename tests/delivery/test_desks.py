"""The questions behind the commands, on both stores: an old server understands them, too."""

from dataclasses import asdict
from datetime import UTC, datetime

import pyarrow as pa

from schemas.reference import Facility, Network, Reference
from sinks.clickhouse import reference
from sinks.clickhouse.clock import set_clock
from sinks.clickhouse.store import Store
from sinks.clickhouse.writer import Kind
from tests.delivery.alerts import DAY, alert, resolved
from tests.sinks.records import parcel, stage
from tests.sinks.test_views import write
from yizhan.desk import StoreDesk
from yizhan.operations import alerts as alerting
from yizhan.operations.late import late_parcels
from yizhan.operations.places import named

VILLAGE = "520330101201"
STATION = Facility("V-1", "上坝村服务站", "VILLAGE", VILLAGE, "FAR", "", (), (), None, None)
TOWN = Facility("T-520330101", "双溪镇综合服务站", "TOWNSHIP", "520330101000", "", "", (), (), None, None)


def desk(store: Store) -> StoreDesk:
    """The county's places, its clock an hour after DAY."""
    network = Network("sf", "CARRIER", "顺丰", "Asia/Shanghai", ())
    reference.load(store, Reference({"sf": network}, {"V-1": STATION, "T-520330101": TOWN}, ()))
    set_clock(store, datetime.fromtimestamp(DAY / 1000 + 3600, UTC))
    return StoreDesk(store)


def keep(store: Store, *rows: object) -> None:
    table = pa.Table.from_pylist([asdict(row) for row in rows])  # type: ignore[call-overload]  # alerts
    place = table.schema.get_field_index("parcels")
    store.insert("stored_alerts", table.set_column(place, "parcels", table["parcels"].cast(pa.int32())))


def test_alerts_are_found_marked_and_shown(store: Store) -> None:
    """By id, incident and number; named by village, township or the place where they were last seen."""
    asked = desk(store)
    trip = {"alert_id": "a3", "kind": "MISSED_TRIP", "parcel_id": "", "shown_by": "", "incident_id": "i3"}
    nowhere = {"village": None, "township": None, "deadline_at": None}
    keep(store, alert(), alert(alert_id="a2", level="AT_RISK"), alert(**trip, **nowhere))
    keep(store, alert(alert_id="over"), resolved(alert_id="over"))

    found = alerting.open_alerts(asked)
    assert [(row["alert_id"], row["place"]) for row in found] == [
        ("a1", "上坝村服务站"),
        ("a3", "双溪镇综合服务站"),
        ("a2", "上坝村服务站"),
    ]
    assert [row["seconds_left"] for row in found] == [-3600, None, -3600]
    for name, ids in {"a2": ["a2"], "i3": ["a3"], "SF1": ["a1", "a2"], "sf:SF1": ["a1", "a2"]}.items():
        assert [row["alert_id"] for row in alerting.found_by(asked, name)] == ids

    now = int(datetime.now(UTC).timestamp() * 1000)
    asked.mark(alerting.acknowledgements(["i1"], "li", "on its way", now))
    asked.mark(alerting.snoozes(["a3"], 60_000, "li", "", now))
    told = {row["alert_id"]: (row["acknowledged_by"], row["snoozed_until"]) for row in alerting.open_alerts(asked)}
    assert told == {"a1": ("li", None), "a2": ("li", None), "a3": (None, now + 60_000)}


def test_alerts_are_narrowed_by_names(store: Store) -> None:
    """Of places, kinds and levels."""
    asked = desk(store)
    keep(store, alert(), alert(alert_id="a2", village=None, township=None))
    wanted = {
        "kind": "VILLAGE_LATE",
        "level": "OVERDUE",
        "county": "520330000000",
        "township": "双溪",
        "village": "上坝",
    }
    assert [row["alert_id"] for row in alerting.open_alerts(asked, alerting.narrowed(asked, **wanted))] == ["a1"]


def test_late_parcels_have_their_place_and_what_to_do(store: Store) -> None:
    """One row each, with all stages that are hot."""
    asked = desk(store)
    due = {"started_at": DAY - 7_200_000, "deadline_at": DAY, "risk_at": DAY - 60_000, "village": VILLAGE}
    stages = [stage(stage="village_delivery", **due), stage(stage="county", **due | {"deadline_at": DAY + 7_200_000})]
    write(store, Kind.LIFECYCLES, parcel(custodian="sf", stages=stages))
    waits = parcel(parcel_id="zto:Z", custodian="zto", stages=[stage(stage="point_dwell", **due)])
    write(store, Kind.LIFECYCLES, waits)

    (row,) = late_parcels(asked, village="上坝", operator="sf")
    assert (row["stages"], row["level"], row["hours_left"]) == (["village_delivery", "county"], "OVERDUE", -1)
    assert (row["place"], row["advice"]) == ("上坝村服务站", "DELIVER_NOW")
    assert [row["advice"] for row in late_parcels(asked)] == ["DELIVER_NOW", "REMIND_RECIPIENT"]
    assert named(asked)[VILLAGE] == named(asked)["V-1"] == "上坝村服务站"
