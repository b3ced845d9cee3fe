"""Alerts, incidents, the statement of overruns and the history of targets, on both stores."""

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from schemas.reference import Reference, Target
from schemas.targets import Edition
from sinks.clickhouse import reference
from sinks.clickhouse.store import Store
from sinks.clickhouse.writer import Kind
from tests.sinks.records import alert, parcel, stage
from tests.sinks.test_views import ON_A_SHARED_STORE, merge, read, write

MARCH = 1_772_294_400_000
"""1 March 2026, 00:00 in the county."""


def test_an_alert_is_what_its_highest_version_says(store: Store) -> None:
    """Its end holds, whether it comes before or after its beginning, twice or merged."""
    ended = alert(version=5, state="RESOLVED", resolution="MOVED", resolved_at=9_000)
    sql = "SELECT alert_id, state, resolution, raised_at, resolved_at FROM delay_alerts"
    write(store, Kind.ALERTS, ended, alert())
    write(store, Kind.ALERTS, alert(), ended)

    expected = [("a1", "RESOLVED", "MOVED", datetime.fromtimestamp(7, UTC), datetime.fromtimestamp(9, UTC))]
    assert read(store, sql) == expected
    merge(store, "stored_alerts")
    assert read(store, sql) == expected


def test_a_blocked_road_is_one_incident(store: Store) -> None:
    """Parcels are counted over all partitions, whatever each of them counted; place only where it is one."""
    write(
        store,
        Kind.ALERTS,
        *(
            alert(alert_id=f"a{n}", parcel_id=f"sf:{n}", raised_at=n, parcels=n, township="t", facility_id=f"f{n % 2}")
            for n in range(300)
        ),
        alert(alert_id="a7", parcel_id="sf:7", raised_at=7, state="RESOLVED", version=9, township="t"),
        alert(alert_id="other", incident_id="i2"),
    )
    sql = "SELECT incident_id, parcels, parcels_open, township, facility_id FROM delay_incidents ORDER BY incident_id"
    assert read(store, sql) == [("i1", 300, 299, "t", None), ("i2", 1, 1, None, None)]


SHARES = st.lists(st.tuples(st.sampled_from(["sf", "zto", "yto"]), st.integers(1, 90_000)), max_size=3)
LATE = st.tuples(SHARES, st.integers(0, 5_000), st.integers(0, 999), st.integers(0, 60), st.booleans())


@ON_A_SHARED_STORE
@given(st.lists(LATE, min_size=1, max_size=4))
def test_the_statement_adds_up_to_the_overruns(
    store: Store, late: list[tuple[list[tuple[str, int]], int, int, int, bool]]
) -> None:
    """By month and stage exactly the stages' overruns; what no operator had stands under the empty name."""
    store.command("TRUNCATE TABLE stored_parcels")
    rows = []
    due: Counter[str] = Counter()
    operators: Counter[tuple[str, str]] = Counter()
    for number, (shares, nobody, part, day, done) in enumerate(late):
        deadline = MARCH + day * 86_400_000 + 1
        overrun = sum(seconds for _, seconds in shares) + nobody
        ended = deadline + overrun * 1000 + part
        held = {name: sum(s for n, s in shares if n == name) for name, _ in shares}
        told = [{"operator": name, "seconds": seconds} for name, seconds in held.items()]
        verdict = {"verdict": "MISSED", "state": "done", "ended_at": ended} if done else {"verdict": "OVERDUE"}
        late_stage = stage(deadline_at=deadline, overruns=told, **verdict)
        rows.append(parcel(parcel_id=f"sf:{number}", judged_at=ended, stages=[late_stage, stage(verdict="MET")]))
        month = "2026-03-01" if day < 31 else "2026-04-01"
        due[month] += overrun
        for name, seconds in held.items():
            operators[month, name] += seconds
    write(store, Kind.LIFECYCLES, *rows)

    found = read(store, "SELECT toString(month), stage, operator, overrun_seconds FROM overrun_statement")
    assert {stage for _, stage, _, _ in found} <= {"county"}
    assert {(m, o): s for m, _, o, s in found if o} == operators
    for month, seconds in due.items():
        assert sum(int(str(s)) for m, _, _, s in found if m == month) == seconds


def test_editions_of_targets_say_who_and_when(store: Store) -> None:
    """A row for each target of each edition, of the last load only."""
    rows = (Target("county", "STANDARD", "ANY", "24"), Target("county", "STANDARD", "ANY", "12", "sf", "2026-03-01"))
    editions = (Edition(-(1 << 62), MARCH, "li", "LOAD", rows, ("2026-02-17",)),)
    reference.load(store, Reference(editions=editions))
    reference.load(
        store, Reference(editions=(*editions, Edition(MARCH, MARCH + 1000, "wu", "RECOMPUTE", rows[:1], ())))
    )

    told = "since, recorded_by, reason, holidays, target, operator, valid_from"
    sql = f"SELECT {told} FROM target_editions ORDER BY recorded_by, target"  # noqa: S608  # our own names
    ever = datetime.fromtimestamp(0, UTC)
    assert read(store, sql) == [
        (ever, "li", "LOAD", ["2026-02-17"], "12", "sf", "2026-03-01"),
        (ever, "li", "LOAD", ["2026-02-17"], "24", "", ""),
        (datetime.fromtimestamp(MARCH / 1000, UTC), "wu", "RECOMPUTE", [], "24", "", ""),
    ]
