"""The operations views and reference data, on both stores."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from schemas.reference import Facility, Network, Reference, Target
from sinks.clickhouse import reference
from sinks.clickhouse.clock import set_clock
from sinks.clickhouse.store import Store
from sinks.clickhouse.writer import Kind
from tests.sinks.records import letter, parcel, scan, stage
from tests.sinks.test_views import read, write

SF = Network("sf", "CARRIER", "顺丰", "Asia/Shanghai", ("SF", "shunfeng"))
COUNTY = Facility("F1", "county", "COUNTY", "520330000000", "", "", ("sort",), (), 27.5, None)


def known(*targets: str) -> Reference:
    rows = tuple(Target("county", "STANDARD", "ANY", hours) for hours in targets)
    return Reference({"sf": SF}, {"F1": COUNTY}, rows)


def test_on_time_counts_what_is_judged(store: Store) -> None:
    """An overdue stage that still runs counts as late, a running or inferred one not at all."""
    place = {"county": "c", "operator": "sf", "started_at": 86_400_000}
    done = place | {"state": "done", "seconds": 100, "ended_at": 1_100_000}
    stages = [stage(**done, verdict="MET"), stage(**done, verdict="MISSED"), stage(**place, state="inferred")]
    running = [stage(**place, deadline_at=2_000_000), stage(**place, deadline_at=9_000_000)]
    write(store, Kind.LIFECYCLES, parcel(stages=[*stages, *running]))
    set_clock(store, datetime.fromtimestamp(3000, UTC))

    numbers = "stages, judged, met, on_time_rate, done, seconds_p50, seconds_p90"
    daily = f"SELECT toString(day), {numbers} FROM stage_on_time_daily WHERE operator = 'sf'"  # noqa: S608  # our own
    by_place = f"SELECT {numbers} FROM stage_on_time WHERE county = 'c'"  # noqa: S608  # the same
    expected = (5, 3, 1, pytest.approx(1 / 3), 2, 100, 100)
    assert read(store, by_place) == [expected]
    assert read(store, daily) == [("1970-01-02", *expected)]


def test_stock_counts_parcels_where_they_were_last_left(store: Store) -> None:
    """By the last deposit that stands, over all numbers of a parcel; a withdrawn deposit does not count."""
    at = {"activity": "STORED_AT_POINT"}
    numbers = ["sf:SF1", "yto:Y1"]
    write(store, Kind.LIFECYCLES, parcel(status="AT_POINT", waybills=numbers))
    write(store, Kind.LIFECYCLES, parcel(parcel_id="sf:SF2", status="DELIVERED", waybills=["sf:SF2"]))
    write(
        store,
        Kind.SCANS,
        scan(event_id="1", facility_id="locker", occurred_at=1_000_000, **at),
        scan(event_id="2", facility_id="station", occurred_at=2_000_000, issuer="yto", tracking_number="Y1", **at),
        scan(event_id="3", facility_id="withdrawn", occurred_at=3_000_000, **at),
        scan(event_id="4", activity="RETRACTED", retracts="3", occurred_at=4_000_000),
        scan(event_id="5", facility_id="locker", tracking_number="SF2", **at),
    )
    set_clock(store, datetime.fromtimestamp(2500, UTC))

    assert read(store, "SELECT * FROM point_stock") == [("station", 1, 500)]


def test_dead_letters_are_counted_once(store: Store) -> None:
    """By source, reason and day; the same letter again changes nothing."""
    write(store, Kind.DEAD_LETTERS, letter(), letter(letter_id="01"), letter(letter_id="02", reason="LIMIT"))
    write(store, Kind.DEAD_LETTERS, letter(received_at=9_000))

    counted = read(store, "SELECT reason, letters FROM dead_letter_counts ORDER BY reason")
    assert counted == [("BAD_TIME", 2), ("LIMIT", 1)]
    first = read(store, "SELECT received_at FROM dead_letters WHERE letter_id = '00ff'")
    assert first == [(datetime.fromtimestamp(7, UTC),)]


def test_a_parcel_is_found_by_any_of_its_numbers(store: Store) -> None:
    """By the view or by has(); a number that left the parcel no longer finds it."""
    write(store, Kind.LIFECYCLES, parcel(waybills=["sf:SF1", "yto:Y1"]))
    write(store, Kind.LIFECYCLES, parcel(version=2, waybills=["sf:SF1", "zto:Z1"]))

    assert read(store, "SELECT parcel_id FROM parcel_waybills WHERE waybill = 'zto:Z1'") == [("sf:SF1",)]
    assert read(store, "SELECT parcel_id FROM parcels WHERE has(waybills, 'zto:Z1')") == [("sf:SF1",)]
    assert read(store, "SELECT parcel_id FROM parcel_waybills WHERE waybill = 'yto:Y1'") == []
    assert read(store, "SELECT parcel_id FROM parcels WHERE has(waybills, 'yto:Y1')") == []


def test_a_load_replaces_the_one_before(store: Store) -> None:
    """All three views show the last load; lists and missing coordinates stay what they are."""
    assert read(store, "SELECT * FROM networks") == []
    for hours in ("24", "36", "48"):
        reference.load(store, known(hours))

    assert read(store, "SELECT * FROM stage_targets") == [("county", "STANDARD", "ANY", "48", "", "")]
    assert read(store, "SELECT * FROM networks") == [("sf", "CARRIER", "顺丰", "Asia/Shanghai", ["SF", "shunfeng"])]
    where: list[tuple[object, ...]] = [("F1", ["sort"], [], 27.5, None)]
    assert read(store, "SELECT facility_id, functions, operators, lat, lon FROM facilities") == where
    assert read(store, "SELECT count(DISTINCT load) FROM stored_stage_targets") == [(2,)]


def test_a_load_cut_short_is_not_seen(store: Store) -> None:
    """Rows without their entry in reference_loads show nowhere, and the next load is whole."""
    number = reference.load(store, known("24"))
    half = {"load": pa.array([number + 1], pa.uint64()), "stage": ["half"], "target": ["1"]}
    store.insert("stored_stage_targets", pa.table(half))
    assert read(store, "SELECT target FROM stage_targets") == [("24",)]

    reference.load(store, known("36"))
    assert read(store, "SELECT target FROM stage_targets") == [("36",)]
