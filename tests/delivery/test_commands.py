"""`yizhan alerts`, `late` and `figures` as an operator meets them, on the county with a few alerts."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from sinks.alerts.alert import Alert
from sinks.alerts.board import Board
from sinks.alerts.marks import Marks, read_marks
from sinks.alerts.outbox import Outbox
from sinks.clickhouse.embedded import ChdbStore
from tests.chain import running
from tests.delivery.alerts import alert
from tests.delivery.county_alerts import ALERTS, NOW_MS, VILLAGE
from tests.delivery.delivering import WallClock
from yizhan import printing
from yizhan.embedded.door import find_door
from yizhan.operations.cli import mount


def stored(alerts: list[Alert]) -> pa.Table:
    """Rows of stored_alerts."""
    return pa.Table.from_pylist([asdict(one) for one in alerts])


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the county as of its truth, and alerts."""
    data = tmp_path_factory.mktemp("commands") / "data"
    running.up(data, running.COUNTY)
    store = ChdbStore(data / "clickhouse")
    store.command("TRUNCATE TABLE stored_alerts")  # the county's own: what is looked at here is what is made here
    table = stored(ALERTS)
    store.insert("stored_alerts", table.set_column(16, "parcels", table["parcels"].cast(pa.int32())))
    store.close()
    return data


def run(*words: object, code: int = 0) -> Result:
    """Run a command of the operator's."""
    cli = typer.Typer()
    mount(cli)
    result = CliRunner().invoke(cli, [str(word) for word in words], env={"COLUMNS": "80"})
    assert result.exit_code == code, result.output
    return result


def asked(*words: object) -> Any:  # noqa: ANN401  # JSON
    return json.loads(run(*words, "--json").stdout)


def test_alerts_stand_gravest_first_with_what_is_needed(county: Path) -> None:
    """What is resolved is not shown; names, hours and what to do are."""
    found = asked("alerts", "--data", county)
    assert [row["alert_id"] for row in found] == ["a1", "a3", "a4", "a2"]
    assert [row["seconds_left"] for row in found] == [-5400, -60, -60, 7200]
    assert datetime.fromisoformat(found[0]["deadline_at"]) == datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(
        minutes=90
    )

    text = run("alerts", "--data", county).stdout
    for words in ("4 alerts of 3 incidents", "1.5 h late", "2.0 h left", "Deliver today", "trip day, stock waiting"):
        assert words in text


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("--kind", "missed_trip"), ["a3"]),
        (("--level", "AT_RISK"), ["a2"]),
        (("--township", "520330110000"), ["a2"]),
        (("--village", VILLAGE), ["a2"]),
        (("--county", "云岭县"), ["a1", "a3", "a4", "a2"]),
        (("--county", "520330000000", "--level", "OVERDUE", "--kind", "VILLAGE_LATE"), ["a1", "a4"]),
        (("--county", "990000000000"), []),
    ],
)
def test_alerts_are_narrowed(county: Path, words: tuple[str, ...], ids: list[str]) -> None:
    """By kind, level and places, named or by code."""
    assert [row["alert_id"] for row in asked("alerts", *words, "--data", county)] == ids


def test_a_village_goes_by_its_name(county: Path) -> None:
    """Or a part of it; one nobody knows is told so, with where to look."""
    store = ChdbStore(county / "clickhouse")
    sql = f"SELECT name FROM facilities WHERE region = '{VILLAGE}' AND tier = 'VILLAGE'"  # noqa: S608  # our own code
    name = store.query(sql)["name"][0].as_py()
    store.close()
    assert [row["alert_id"] for row in asked("alerts", "--village", name[:-3], "--data", county)] == ["a2"]
    assert name in run("alerts", "--village", name, "--data", county).stdout
    missing = run("late", "--village", "Nowhere", "--data", county, code=1)
    assert "no village is named 'Nowhere'" in str(missing.exception)


@pytest.mark.parametrize(("name", "ids"), [("a1", ["a1"]), ("i1", ["a1", "a4"]), ("SF4", ["a4"]), ("sf:SF4", ["a4"])])
def test_what_is_meant_is_found_by_alert_incident_or_number(county: Path, name: str, ids: list[str]) -> None:
    """And acknowledged by name."""
    found = asked("alerts", "ack", name, "--by", "li", "--note", "on the 14:00 trip", "--data", county)
    assert [row["alert_id"] for row in found] == ids
    assert {row["acknowledged_by"] for row in found} == {"li"}
    assert "li: on the 14:00 trip" in run("alerts", "show", name, "--data", county).stdout
    assert asked("alerts", "show", name, "--data", county) == found


def test_an_incident_is_marked_as_one(county: Path) -> None:
    """So alerts that join it later are covered; a parcel's mark is its alerts'."""
    asked("alerts", "snooze", "i1", "--for", "1d", "--data", county)
    asked("alerts", "snooze", "SF4", "--for", "1h", "--data", county)
    assert set(marks(county).snoozed) == {"i1", "a4"}
    untils = [row["snoozed_until"] for row in asked("alerts", "show", "i1", "--data", county)]
    assert untils[0] - untils[1] > 22 * 3_600_000
    for name in ("i1", "SF4"):
        asked("alerts", "snooze", name, "--for", "0", "--data", county)


def test_a_snooze_begins_and_ends(county: Path) -> None:
    """It is kept in the folder; deliveries read it; 0 ends it."""
    before = datetime.now(UTC)
    (found,) = asked("alerts", "snooze", "a2", "--for", "2h", "--data", county)
    until = found["snoozed_until"] / 1000
    assert 0 <= until - before.timestamp() - 7200 < 60
    assert set(marks(county).snoozed) == {"a2"}

    (found,) = asked("alerts", "snooze", "a2", "--for", "0", "--data", county)
    assert found["snoozed_until"] is None
    assert not marks(county).snoozed


def marks(county: Path) -> Marks:
    store = ChdbStore(county / "clickhouse")
    found = read_marks(store, int(WallClock()() * 1000))
    store.close()
    return found


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("ack", "nobody"), "no open alert, incident or parcel 'nobody'"),
        (("ack", "over"), "no open alert"),
        (("snooze", "a1", "--for", "soon"), "write it like 30m, 2h or 1d"),
        (("snooze", "a1", "--for", "-2h"), "write it like"),
        (("ack", "a' OR '1'='1"), "no open alert"),
    ],
)
def test_a_wrong_word_gets_a_clear_answer(county: Path, words: tuple[str, ...], cause: str) -> None:
    """And nothing is marked."""
    result = run("alerts", *words, "--data", county, code=1)
    assert cause in str(result.exception)


def test_messages_given_up_are_listed(county: Path, tmp_path: Path) -> None:
    """With the endpoint and the last cause."""
    store, outbox = ChdbStore(county / "clickhouse"), Outbox(tmp_path / "alerts.sqlite", WallClock())
    outbox.take([alert()], lambda _: ["desk"])
    delivery = outbox.next_waiting("desk", lambda _: False)
    assert delivery is not None
    outbox.given_up(delivery, "answered 500")
    Board(store, outbox, WallClock())._exchange()  # noqa: SLF001  # one look, without a loop
    outbox.close()
    store.close()

    (found,) = asked("alerts", "undelivered", "--data", county)
    assert (found["endpoint"], found["said"], found["alert_id"]) == ("desk", "answered 500", "a1")


def test_late_names_each_parcel_once_with_its_earliest_deadline(county: Path) -> None:
    """The running stages of truth.json that are late or at risk, no others."""
    expected = {}
    for parcel in running.truth()["parcels"]:
        hot = [s for s in parcel["stages"].values() if s.get("verdict") in {"OVERDUE", "AT_RISK"}]
        if hot:
            first = min(hot, key=lambda s: s["due"])
            expected[parcel["shown_by"]] = (first["due"], first["verdict"], len(hot))

    found = asked("late", "--data", county)
    told = {row["shown_by"]: (_ms(row["deadline_at"]), row["level"], len(row["stages"])) for row in found}
    assert len(expected) > 20
    assert told == expected
    assert [row["seconds_left"] for row in found] == sorted(row["seconds_left"] for row in found)
    assert all(row["seconds_left"] == (_ms(row["deadline_at"]) - NOW_MS) // 1000 for row in found)


def test_late_is_narrowed_and_readable(county: Path) -> None:
    """By village, township and who has it; in hours, with what to do."""
    everything = asked("late", "--data", county)
    for option, field in (("--village", "village"), ("--township", "township"), ("--operator", "custodian")):
        value = next(row[field] for row in everything if row[field])
        found = asked("late", option, value, "--data", county)
        assert found == [row for row in everything if row[field] == value]
        assert 0 < len(found) < len(everything)
    text = run("late", "--data", county).stdout
    assert f"{len(everything)} parcels:" in text
    assert " h late" in text
    assert "h left" in text


@pytest.mark.parametrize("words", [("late",), ("figures", "--by", "township"), ("alerts",), ("alerts", "show", "i1")])
def test_a_table_in_a_pipe_has_each_row_on_one_line(county: Path, words: tuple[str, ...]) -> None:
    """However narrow the terminal that nobody looks at: so grep finds what belongs together."""
    lines = run(*words, "--data", county).stdout.splitlines()
    rows = len({row["incident_id"] for row in asked("alerts", "--data", county)}) if words == ("alerts",) else None
    rows = rows or len(asked(*words, "--data", county))
    heading = next(number for number, line in enumerate(lines) if set(line.strip()) == {"─"})

    assert len([line for line in lines[heading + 1 :] if line.strip()]) == rows > 1
    assert max(map(len, lines)) > 100


def test_a_table_on_a_terminal_fits_it(county: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folded, not cut."""
    shown, parcels = StringIO(), len(asked("late", "--data", county))
    monkeypatch.setattr(printing, "OUT", Console(file=shown, force_terminal=True, color_system=None, width=80))
    run("late", "--data", county)
    lines = shown.getvalue().splitlines()

    assert max(map(len, lines)) <= 80
    assert len(lines) > parcels + 5


def test_figures_are_readable(county: Path) -> None:
    """Rates, percentiles and the means of the four stages, by any dimension."""
    text = run("figures", "--by", "township", "--data", county).stdout
    assert "双溪镇综合服务站" in text
    assert "%" in text
    for head in ("last leg", "48 h", "open > 72 h"):
        assert head in text
    (row,) = asked("figures", "--by", "county", "--data", county)[:1]
    assert {"county", "whole", "transport"} <= set(row)
    wrong = run("figures", "--from", "2026-03-05", "--to", "2026-03-04", "--data", county, code=1)
    assert "is later than" in str(wrong.exception)


def test_watching_shows_what_stands_until_it_is_stopped(county: Path) -> None:
    """A line of JSON for each alert that is new; Ctrl-C ends it in good order."""
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # ignored in the background
    program = "import typer; from yizhan.operations.cli import mount; cli = typer.Typer(); mount(cli); cli()"
    command = [sys.executable, "-c", f"{heeding}; {program}", "alerts", "--watch", "--json", "--data", str(county)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ids = [json.loads(process.stdout.readline())["alert_id"] for _ in range(4)]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert ids == ["a1", "a3", "a4", "a2"]
    assert rest == ""
    assert process.returncode == 0


@pytest.fixture
def stack(county: Path) -> Iterator[Path]:
    """The stack that runs on the folder."""
    process = running.start("up", "--data", county, "--as-of", running.AS_OF)
    assert process.stdout is not None
    while "stop with Ctrl-C" not in (line := process.stdout.readline()):
        assert line, "the stack ended before it was up"
    yield county
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def test_a_running_stack_is_asked_and_told(stack: Path) -> None:
    """The same answers and marks, though the folder is the stack's."""
    assert find_door(stack) is not None
    (found,) = asked("alerts", "ack", "a3", "--by", "wang", "--data", stack)
    assert (found["acknowledged_by"], found["seconds_left"]) == ("wang", -60)
    assert len(asked("late", "--data", stack)) > 20
    (row,) = asked("figures", "--by", "county", "--data", stack)[:1]
    assert row["whole"]["parcels"] > 0


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
