"""`yizhan sla` as its users meet it: what is refused, what is recorded, what is shown."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from schemas.reference import load
from schemas.targets import EVER
from yizhan.sla.book import FileBook, recorded
from yizhan.sla.cli import mount

COUNTY = Path(__file__).parents[1] / "data" / "county"


def ask(*words: str | Path) -> Any:  # noqa: ANN401  # JSON, or the failure
    cli = typer.Typer()
    mount(cli)
    result = CliRunner().invoke(cli, ["sla", *map(str, words)])
    if result.exception is not None:
        return result.exception
    return json.loads(result.stdout) if "--json" in words else result.stdout


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder that a stack has run on, with the county's promises in force."""
    kept = tmp_path / "data" / "reference"
    shutil.copytree(COUNTY, kept, ignore=lambda _, names: [n for n in names if not n.endswith(".csv")])
    recorded(FileBook(kept), load(kept), "li")
    return tmp_path / "data"


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A folder with one target of twelve hours."""
    folder = tmp_path / "changed"
    folder.mkdir()
    (folder / "targets.csv").write_text("stage,service,area_class,target\ncounty,STANDARD,ANY,12\n", "utf-8")
    return folder


def test_a_wrong_line_is_refused_and_nothing_is_loaded(data: Path, changed: Path) -> None:
    """With file, line number and cause; the good file stays."""
    (changed / "targets.csv").write_text("stage,service,area_class,target\ncounty,STANDARD,ANY,soon\n", "utf-8")

    for answer in (ask("check", changed), ask("load", changed, "--data", data)):
        assert "targets.csv, line 2: target 'soon' is neither hours" in str(answer)
    assert (data / "reference" / "targets.csv").read_bytes() == (COUNTY / "targets.csv").read_bytes()
    assert len(FileBook(data / "reference").known()) == 1


def test_check_counts_what_it_read(changed: Path) -> None:
    """For programs, too."""
    counts = {"targets": 1, "holidays": 0, "silence": 0, "free_time": 0}
    assert ask("check", changed, "--json") == counts


def test_a_load_is_recorded_once_and_holds_from_its_moment(data: Path, changed: Path) -> None:
    """The first edition stays in force for what began before."""
    told = ask("load", changed, "--data", data, "--by", "wu", "--json")
    again = ask("load", changed, "--data", data, "--by", "wu")
    first, second = FileBook(data / "reference").known()

    assert (told["by"], told["reason"], told["targets"]) == ("wu", "LOAD", 1)
    assert "in force already" in again
    assert (first.since, len(first.targets), second.since) == (EVER, 72, second.recorded_at)


def test_a_recompute_is_recorded_from_midnight_of_the_county(data: Path, changed: Path) -> None:
    """And shown with who and when; a day that is none, or is to come, is refused."""
    ask("load", changed, "--data", data)
    told = ask("recompute", "--from", "2026-03-01", "--data", data, "--by", "wu", "--json")
    assert (told["since"], told["reason"], told["targets"]) == ("2026-02-28 16:00:00", "RECOMPUTE", 1)

    shown = ask("show", "--data", data, "--json")
    assert [(row["since"] == "ever", row["by"] == "wu") for row in shown] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert "write it like 2026-03-01" in str(ask("recompute", "--from", "1 March", "--data", data))
    assert "valid_from" in str(ask("recompute", "--from", "2099-01-01", "--data", data))


def test_a_folder_without_a_stack_says_what_to_do(tmp_path: Path) -> None:
    """Start one."""
    assert "yizhan up FOLDER" in str(ask("show", "--data", tmp_path / "none"))
