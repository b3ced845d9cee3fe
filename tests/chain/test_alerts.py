"""The embedded stack raises and shows alerts: those of the county's truth, once, over imports and starts."""

from pathlib import Path

from sinks.clickhouse.embedded import ChdbStore
from tests.chain import running

Alert = tuple[str, str, str]


def alerts(data: Path, kind: str = "VILLAGE_LATE") -> dict[Alert, str]:
    """State of each alert, by id, parcel and level."""
    store = ChdbStore(data / "clickhouse")
    try:
        rows = store.query(f"SELECT * FROM delay_alerts WHERE kind = '{kind}'").to_pylist()  # noqa: S608  # our word
    finally:
        store.close()
    return {(row["alert_id"], row["shown_by"], row["level"]): row["state"] for row in rows}


def late() -> set[tuple[str, str]]:
    """Deliveries to villages that the truth says are at risk or overdue, by level."""
    levels = {"AT_RISK": ["AT_RISK"], "OVERDUE": ["AT_RISK", "OVERDUE"]}
    told = {p["shown_by"]: p["stages"].get("village_delivery", {}).get("verdict") for p in running.truth()["parcels"]}
    return {(parcel, level) for parcel, verdict in told.items() for level in levels.get(verdict, [])}


def test_the_county_s_alerts_are_its_truth_s_and_none_is_raised_on_the_way(tmp_path: Path) -> None:
    """What was late only as long as half the scans were in is not there at all."""
    running.up(tmp_path / "data", running.COUNTY)
    found = alerts(tmp_path / "data")

    assert {(parcel, level) for _, parcel, level in found} == late()
    assert set(found.values()) == {"RAISED"}


def test_another_start_raises_nothing_again_and_ends_what_is_over(tmp_path: Path) -> None:
    """Half of the scans, then the other half in a later run, then nothing in a third."""
    data, lines = tmp_path / "data", running.canonical_lines()
    running.up(data, running.folder(tmp_path / "first", lines[::2]))
    half = alerts(data)
    running.up(data, running.folder(tmp_path / "second", lines[1::2]))
    whole = alerts(data)
    running.up(data)

    assert alerts(data) == whole
    assert {(parcel, level) for (_, parcel, level), state in whole.items() if state == "RAISED"} == late()
    assert half.keys() <= whole.keys()
    assert {whole[alert] for alert in half} == {"RAISED", "RESOLVED"}
