"""The official figures of the county, on both stores, against plain loops over truth.json."""

from datetime import UTC, date, datetime
from importlib import resources
from typing import Any

import pyarrow as pa
import pytest

from sinks.clickhouse.clock import set_clock
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.store import Store
from sinks.clickhouse.writer import Kind
from tests.chain import running
from tests.delivery.figures_model import HOUR, STAGES, Span, figures, spans
from tests.sinks.records import parcel, scan, stage
from tests.sinks.test_views import read, write
from yizhan.desk import StoreDesk
from yizhan.operations.figures import FIGURES, By, official

DIMENSIONS = ("day", "operator", "county", "township", "village", "route")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """What the whole chain writes of the county."""
    data = tmp_path_factory.mktemp("figures") / "data"
    running.up(data, running.COUNTY)
    store = ChdbStore(data / "clickhouse")
    found = {name: store.query(f"SELECT * FROM {name}") for name in ("stored_parcels", "stored_scans")}  # noqa: S608  # our own names
    store.close()
    return found


@pytest.fixture
def county(store: Store, rows: dict[str, pa.Table]) -> Store:
    """A store that holds it, its clock at the truth's."""
    for name, table in rows.items():
        store.insert(name, table)
    set_clock(store, datetime.fromtimestamp(running.truth()["as_of"] / 1000, UTC))
    return store


def modelled(store: Store) -> list[Span]:
    found = store.query("SELECT shown_by, stage, operator FROM judged_stages").to_pylist()
    return spans({(row["shown_by"], row["stage"]): row["operator"] or "UNKNOWN" for row in found})


def shown(store: Store, sql: str, key: str) -> dict[Any, dict[str, Any]]:
    rows = store.query(sql).to_pylist()
    return {(row.pop(key), row.pop("stage")): row for row in rows}


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_views_show_what_plain_loops_find(county: Store, dimension: str) -> None:
    """Counts exactly; means, percentiles and rates as computed from the exact lengths."""
    if dimension == "route":
        found = shown(county, "SELECT * FROM official_routes", "route")
    else:
        sql = f"SELECT * FROM official_figures WHERE dimension = '{dimension}'"  # noqa: S608  # our own word
        found = shown(county, sql, "key")
        assert {row.pop("dimension") for row in found.values()} == {dimension}

    expected = figures(modelled(county), dimension)
    assert len({key for key, _ in expected}) >= (1 if dimension == "county" else 4)
    assert {stage for _, stage in expected} == set(STAGES)
    assert set(found) == set(expected)
    for key, row in expected.items():
        assert found[key] == {name: pytest.approx(value) for name, value in row.items()}, key


def test_a_day_is_china_s(store: Store) -> None:
    """What is collected at 16:30 UTC belongs to the day after."""
    late = int(datetime(2026, 3, 1, 16, 30, tzinfo=UTC).timestamp() * 1000)
    whole = stage(stage="whole", started_at=late, state="running")
    write(store, Kind.LIFECYCLES, parcel(collected_at=late, stages=[whole]))
    assert read(store, "SELECT toString(day), stage FROM official_spans") == [("2026-03-02", "whole")]


def test_only_a_parcel_whose_collection_is_known_counts(store: Store) -> None:
    """Its other official stages do not count either; stages that are not the Bureau's never do."""
    write(store, Kind.LIFECYCLES, parcel(stages=[stage(stage="transport"), stage(stage="county")]))
    write(store, Kind.LIFECYCLES, parcel(parcel_id="b", collected_at=1, stages=[stage(stage="county")]))
    assert read(store, "SELECT count() FROM official_spans") == [(0,)]


@pytest.mark.parametrize(
    ("milliseconds", "within"), [(0, (1, 1)), (48 * HOUR, (1, 1)), (48 * HOUR + 1, (0, 1)), (72 * HOUR + 1, (0, 0))]
)
def test_the_limits_belong_to_what_is_in_time(store: Store, milliseconds: int, within: tuple[int, int]) -> None:
    """48 hours to the millisecond are within 48 hours. A negative length counts 0."""
    done = {"stage": "whole", "state": "done", "started_at": 1_000_000}
    skewed = stage(**done, ended_at=0)
    write(store, Kind.LIFECYCLES, parcel(collected_at=1, stages=[stage(**done, ended_at=1_000_000 + milliseconds)]))
    counts = "SELECT within_48h, within_72h FROM official_figures WHERE dimension = 'day'"
    assert read(store, counts) == [within]
    write(store, Kind.LIFECYCLES, parcel(version=2, collected_at=1, stages=[skewed]))
    assert read(store, "SELECT mean_seconds FROM official_figures WHERE dimension = 'day'") == [(0,)]


def test_a_parcel_that_never_came_cannot_hide(store: Store) -> None:
    """Rates are of what was delivered, as the Bureau's; beside them stands what still runs past the limits."""
    running_ = stage(stage="whole", started_at=0)
    stopped = stage(stage="whole", started_at=0, state="stopped")
    done = stage(stage="whole", started_at=0, ended_at=1, state="done")
    for number, one in enumerate((running_, stopped, done)):
        write(store, Kind.LIFECYCLES, parcel(parcel_id=str(number), collected_at=1, stages=[one]))
    set_clock(store, datetime.fromtimestamp(60 * 3600, UTC))

    columns = "parcels, done, stopped, rate_48h, rate_72h, open_past_48h, open_past_72h"
    sql = f"SELECT {columns} FROM official_figures WHERE dimension = 'county'"  # noqa: S608  # our own words
    assert read(store, sql) == [(3, 1, 1, 1.0, 1.0, 1, 0)]


def test_the_route_is_known_by_the_scan_that_collected(store: Store) -> None:
    """Of the scans at that instant the one of the collecting activity; a withdrawn one does not count."""
    at = {"occurred_at": 5_000, "region": "440300000001"}
    write(
        store,
        Kind.SCANS,
        scan(event_id="1", activity="ACCEPTED", **at | {"region": "310100000000"}),
        scan(event_id="2", activity="COLLECTED", **at),
        scan(event_id="3", activity="COLLECTED", **at | {"region": "110100000000", "tracking_number": "SF2"}),
        scan(event_id="4", activity="RETRACTED", retracts="3", tracking_number="SF2"),
        scan(event_id="5", activity="COLLECTED", occurred_at=4_000, region="510100000000"),
    )
    whole = stage(stage="whole", started_at=5_000, county="520330000000")
    for number in ("SF1", "SF2"):
        known = {"parcel_id": f"sf:{number}", "waybills": [f"sf:{number}"], "collected_at": 5_000}
        write(store, Kind.LIFECYCLES, parcel(stages=[whole], **known))

    found = read(store, "SELECT parcel_id, route FROM official_route_spans ORDER BY parcel_id")
    assert found == [("sf:SF1", "440300000000-520330000000"), ("sf:SF2", "UNKNOWN-520330000000")]


def test_the_command_and_the_views_count_alike() -> None:
    """The columns are written three times, for a view cannot be asked for a period; they are the same."""
    for name in ("0047_official_figures.sql", "0048_official_routes.sql"):
        text = resources.files("sinks.clickhouse.migrations").joinpath(name).read_text("utf-8")
        assert FIGURES in text, name


@pytest.mark.parametrize("by", By)
def test_a_period_is_its_days_of_collection(county: Store, by: By) -> None:
    """The command's figures of three days equal plain loops over the parcels collected on them."""
    since, until = date(2026, 3, 4), date(2026, 3, 6)
    found = official(StoreDesk(county), by, since, until)

    expected = figures(modelled(county), by.value, lambda span: str(since) <= span.keys["day"] <= str(until))
    told = {(row[by.value], stage): row[stage] for row in found for stage in row if stage != by.value}
    assert len(expected) >= 5
    assert told == {key: {n: pytest.approx(v) for n, v in row.items()} for key, row in expected.items()}
