"""What the views show, on both stores: nothing twice, nothing older, nothing that is gone."""

from datetime import UTC, datetime
from itertools import count

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinks.clickhouse.clock import set_clock
from sinks.clickhouse.store import Store
from sinks.clickhouse.writer import Kind, Writer
from tests.sinks.records import letter, parcel, scan, stage, table

ON_A_SHARED_STORE = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_names = count(1)


def write(store: Store, kind: Kind, *rows: dict[str, object]) -> None:
    record = {
        "scans": "scan_event",
        "lifecycles": "parcel_lifecycle",
        "dead_letters": "dead_letter",
        "alerts": "parcel_alert",
    }[kind]
    Writer(store).write([(kind, table(record, rows))])


def read(store: Store, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in store.query(sql).to_pylist()]


def everything(store: Store, view: str) -> pa.Table:
    return store.query(f"SELECT * FROM {view} ORDER BY 1, 2")  # noqa: S608  # a name from the test


def merge(store: Store, name: str) -> None:
    store.command(f"OPTIMIZE TABLE {name} FINAL")


def test_batches_delivered_twice_leave_the_same_rows(store: Store) -> None:
    """Every view shows the same after a replay as before."""
    batches = [
        (Kind.SCANS, table("scan_event", [scan(), scan(event_id="e2", measures=[("weight_kg", "1.5")])])),
        (Kind.LIFECYCLES, table("parcel_lifecycle", [parcel(stages=[stage(), stage(stage="whole")])])),
        (Kind.DEAD_LETTERS, table("dead_letter", [letter()])),
    ]
    views = {"scan_events": 2, "parcels": 1, "parcel_stages": 2, "parcel_waybills": 1, "dead_letters": 1}
    Writer(store).write(batches)
    before = {view: everything(store, view) for view in views}

    Writer(store).write(batches)

    assert {view: rows.num_rows for view, rows in before.items()} == views
    assert {view: everything(store, view) for view in views} == before


@ON_A_SHARED_STORE
@given(
    known=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=6),
    gone=st.sets(st.tuples(st.integers(1, 3), st.integers(1, 3))),
    together=st.booleans(),
)
def test_an_older_record_never_wins(
    store: Store, known: list[tuple[int, int]], gone: set[tuple[int, int]], *, together: bool
) -> None:
    """The higher version holds, of equal ones the later judged, in any order of writing, merged or not."""
    name = f"sf:P{next(_names)}"
    rows = [
        parcel(parcel_id=name, version=v * 2**60, judged_at=j, gone=(v, j) in gone, status=f"{v}.{j}") for v, j in known
    ]
    sql = f"SELECT status FROM parcels WHERE parcel_id = '{name}'"  # noqa: S608  # our own name

    for batch in [rows] if together else [[row] for row in rows]:
        write(store, Kind.LIFECYCLES, *batch)

    last = max(known)
    expected = [] if last in gone else [(f"{last[0]}.{last[1]}",)]
    assert read(store, sql) == expected
    merge(store, "stored_parcels")
    assert read(store, sql) == expected


@ON_A_SHARED_STORE
@given(
    copies=st.lists(st.tuples(st.integers(1, 3), st.sampled_from("abc")), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_the_copy_received_first_stays(store: Store, copies: list[tuple[int, str]], order: object) -> None:
    """Of copies of a scan the first received is shown; equal ones are settled by content, not by order."""
    shown = []
    for _ in range(2):
        number = f"N{next(_names)}"
        for received, code in copies:
            write(store, Kind.SCANS, scan(tracking_number=number, received_at=received * 1000, raw_code=code))
        sql = f"SELECT raw_code, received_at FROM scan_events WHERE tracking_number = '{number}'"  # noqa: S608  # the same
        shown.append(read(store, sql))
        order.shuffle(copies)  # type: ignore[attr-defined]  # hypothesis types its randoms as objects

    assert shown[0] == shown[1]
    ((shown_code, shown_at),) = shown[0]
    first = min(received for received, _ in copies)
    assert shown_at == datetime.fromtimestamp(first, UTC)
    assert (first, shown_code) in copies


def test_a_stage_that_a_later_record_lacks_is_gone(store: Store) -> None:
    """Stages belong to their parcel's record: none of an older version stays."""
    write(store, Kind.LIFECYCLES, parcel(stages=[stage(), stage(stage="whole")]))
    write(store, Kind.LIFECYCLES, parcel(version=2, stages=[stage(stage="whole")]))

    assert read(store, "SELECT stage FROM parcel_stages") == [("whole",)]


def test_a_parcel_that_is_gone_comes_back_with_a_higher_version(store: Store) -> None:
    """`gone` hides parcel, stages and waybills until a higher version says otherwise."""
    seen = "SELECT count() FROM parcels UNION ALL SELECT count() FROM parcel_waybills"
    write(store, Kind.LIFECYCLES, parcel(stages=[stage()]))
    write(store, Kind.LIFECYCLES, parcel(version=2, gone=True, waybills=[]))
    assert read(store, seen) == [(0,), (0,)]
    assert read(store, "SELECT count() FROM parcel_stages") == [(0,)]

    write(store, Kind.LIFECYCLES, parcel(version=3))
    assert read(store, seen) == [(1,), (1,)]


@pytest.mark.parametrize(
    ("second", "verdict"),
    [(3999, "RUNNING"), (4000, "AT_RISK"), (5000, "AT_RISK"), (5001, "OVERDUE")],
)
def test_running_stages_are_judged_by_the_clock(store: Store, second: int, verdict: str) -> None:
    """At risk from risk_at, overdue after the deadline; every other stage keeps its stored verdict."""
    due = {"deadline_at": 5_000_000, "risk_at": 4_000_000, "verdict": "RUNNING"}
    stages = [
        stage(**due),
        stage(stage="township"),
        stage(stage="village_delivery", **due | {"state": "done", "verdict": "MET", "ended_at": 2_000_000}),
        stage(stage="whole", **due | {"state": "stopped", "verdict": None}),
    ]
    write(store, Kind.LIFECYCLES, parcel(stages=stages))
    set_clock(store, datetime.fromtimestamp(second, UTC))

    rows = store.query("SELECT stage, verdict FROM parcel_stages").to_pydict()
    verdicts = dict(zip(rows["stage"], rows["verdict"], strict=True))
    assert verdicts == {"county": verdict, "township": None, "village_delivery": "MET", "whole": None}
    late = read(store, "SELECT stage, seconds_left FROM parcels_late")
    assert late == ([] if verdict == "RUNNING" else [("county", 5000 - second)])


def test_a_clock_that_is_let_go_runs_with_the_server(store: Store) -> None:
    """Without a held instant the wall clock judges: a deadline of 1970 is past."""
    write(store, Kind.LIFECYCLES, parcel(stages=[stage(deadline_at=5_000_000, risk_at=4_000_000)]))
    sql = "SELECT verdict FROM parcel_stages"
    assert read(store, sql) == [("OVERDUE",)]
    set_clock(store, datetime.fromtimestamp(1, UTC))
    assert read(store, sql) == [("RUNNING",)]
    set_clock(store, None)
    assert read(store, sql) == [("OVERDUE",)]


def test_times_and_bytes_come_back_as_written(store: Store) -> None:
    """Instants are UTC; a payload that is no text comes back byte for byte."""
    write(store, Kind.DEAD_LETTERS, letter(payload=b"\xff\x00'\n"))

    rows = store.query("SELECT payload, received_at FROM dead_letters")
    assert rows["payload"].to_pylist() == [b"\xff\x00'\n"]
    assert rows["received_at"].to_pylist() == [datetime.fromtimestamp(7, UTC)]


def test_a_scan_keeps_its_link_and_measures(store: Store) -> None:
    """The link is flat, the measures a map; a scan without either has nulls and an empty map."""
    link = {"issuer": "yto", "tracking_number": "Y1", "relation": "RELABELLED", "evidence": "换单"}
    write(store, Kind.SCANS, scan(link=link, measures=[("a", "1"), ("b", "2")]), scan(event_id="e2"))

    rows = store.query("SELECT * FROM scan_events ORDER BY event_id")
    assert [rows[f"link_{part}"].to_pylist() for part in link] == [[said, None] for said in link.values()]
    pairs = [[tuple(p.values()) if isinstance(p, dict) else p for p in m] for m in rows["measures"].to_pylist()]
    assert pairs == [[("a", "1"), ("b", "2")], []]


def test_no_rows_are_nothing_to_do(store: Store) -> None:
    """An empty batch is not sent."""
    write(store, Kind.SCANS)

    store.insert("a_table_that_is_not_there", pa.table({"a": []}))
    assert read(store, "SELECT count() FROM scan_events") == [(0,)]
