"""The `yizhan` command as a user meets it."""

import json
import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chain import running
from yizhan.embedded.door import Door, find_door


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the county was taken."""
    folder = tmp_path_factory.mktemp("county") / "data"
    running.up(folder, running.COUNTY)
    return folder


def test_track_finds_a_parcel_by_any_of_its_numbers(data: Path) -> None:
    """With or without the issuer, lower case or not."""
    for number in ("9800032848433", "sf:SF3125512866327", "sf3125512866327"):
        [found] = json.loads(running.run("track", number, "--data", data, "--json")[0])
        assert found["waybills"] == ["china-post:9800032848433", "sf:SF3125512866327"]
        assert found["status"] == "DELIVERED"
        assert {stage["stage"] for stage in found["stages"]} >= {"village_delivery", "whole"}


def test_track_of_an_unknown_number_fails_and_says_what_to_do(data: Path) -> None:
    """One line, no traceback, exit code 1."""
    _, complaint = running.run("track", "NOPE99", "--data", data, code=1)
    assert "no parcel ever travelled under NOPE99" in complaint
    assert "Traceback" not in complaint


def test_sql_reads_and_refuses_to_write(data: Path) -> None:
    """A query is for reading."""
    rows = json.loads(running.run("sql", "SELECT count() AS n FROM parcels", "--data", data, "--json")[0])
    assert rows == [{"n": 299}]
    _, complaint = running.run("sql", "TRUNCATE TABLE stored_scans", "--data", data, code=1)
    assert "a query begins with" in complaint


def test_dead_letters_are_listed_and_shown_with_their_bytes(data: Path) -> None:
    """The list names reason and cause, the letter holds the document."""
    letters = json.loads(running.run("dead-letters", "list", "--reason", "TOO_LARGE", "--data", data, "--json")[0])
    assert [letter["source"] for letter in letters] == ["county-joint"]
    [shown] = json.loads(running.run("dead-letters", "show", letters[0]["letter_id"], "--data", data, "--json")[0])
    assert len(shown["payload"].encode()) == shown["payload_bytes"] == 1_200_152


README = Path(__file__).parents[2] / "README.md"


def test_the_commands_of_the_readme_work(data: Path) -> None:
    """Each script is there to run, each query answers."""
    lines = [
        line for line in README.read_text("utf-8").splitlines() if line.startswith((".venv/bin/yizhan", "scripts/"))
    ]
    queries = [shlex.split(line)[1:] for line in lines if line.startswith(".venv") and " servers " not in line]
    scripts = [line for line in lines if line.startswith("scripts/")]

    assert (len(queries), len(scripts)) == (6, 2)
    assert all(os.access(README.parent / script, os.X_OK) for script in scripts)
    assert all(running.run(*words, "--data", data)[0] for words in queries)


def test_a_folder_without_data_is_told_how_to_begin(tmp_path: Path) -> None:
    """The next command stands in the answer."""
    _, complaint = running.run("sql", "SELECT 1", "--data", tmp_path / "none", code=1)
    assert "yizhan up PATH" in complaint


def test_up_without_reference_data_says_what_is_missing(tmp_path: Path) -> None:
    """No scan can be read without networks and facilities."""
    _, complaint = running.run("up", "--data", tmp_path / "data", "--exit", code=1)
    assert "networks.csv" in complaint


def test_a_bad_reference_line_is_named(tmp_path: Path) -> None:
    """File, line and cause."""
    folder = running.folder(tmp_path / "in", [])
    (folder / "targets.csv").write_text("stage,service,area_class,target\nwhole,STANDARD,ANY,soon\n")
    _, complaint = running.run("up", folder, "--data", tmp_path / "data", "--exit", code=1)
    assert "targets.csv, line 2" in complaint
    assert "soon" in complaint


def test_the_doctor_finds_this_machine_well(tmp_path: Path) -> None:
    """Every check passes where the tests run."""
    rows = json.loads(running.run("doctor", "--data", tmp_path, "--json")[0])
    assert len(rows) >= 10
    assert all(row["ok"] for row in rows)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[tuple[Path, Door]]:
    """A stack that stays up."""
    folder = running.folder(tmp_path / "in", running.canonical_lines()[:500])
    process = running.start("up", folder, "--data", tmp_path / "data", "--as-of", running.AS_OF)
    assert process.stdout is not None
    while "stop with Ctrl-C" not in (line := process.stdout.readline()):
        assert line, "the stack ended before it was up"
    door = find_door(tmp_path / "data")
    assert door is not None
    yield tmp_path / "data", door
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert find_door(tmp_path / "data") is None


def test_a_running_stack_answers_for_its_folder(stack: tuple[Path, Door], tmp_path: Path) -> None:
    """Queries and imports go to it; a second one is refused; its page asks for the key."""
    data, door = stack
    rest = running.folder(tmp_path / "rest", running.canonical_lines()[500:])
    account = json.loads(running.run("import", rest / "canonical.ndjson", "--data", data, "--json")[0])
    counted = json.loads(running.run("sql", "SELECT count() AS n FROM parcels", "--data", data, "--json")[0])
    _, complaint = running.run("up", "--data", data, "--exit", code=1)

    assert counted == [{"n": 299}]
    assert (account["stored"], account["missing"]) == (3265, 0)
    assert "runs on" in complaint
    assert httpx.get(f"{door.address}/").status_code == 401
    assert "slowest stages" in httpx.get(f"{door.address}/?key={door.key}").text
