"""docs/promises.md: its files load, its table is the code's, its defaults are those that hold."""

import re
from pathlib import Path

from schemas.promises import ADVICE, FREE_HOURS, RESOLUTIONS, SILENCE_HOURS
from schemas.reference import FILES, load

TEXT = (Path(__file__).parents[2] / "docs" / "promises.md").read_text("utf-8")


def test_the_files_shown_load(tmp_path: Path) -> None:
    """Each as it stands there."""
    shown = re.findall(r"```csv (\w+\.csv)\n(.*?)```", TEXT, re.DOTALL)
    for name, text in shown:
        (tmp_path / name).write_text(text, "utf-8")
    found = load(tmp_path)

    assert {name for name, _ in shown} == {*FILES} - {"networks.csv", "facilities.csv"}
    assert [len(part) for part in (found.targets, found.holidays, found.silence, found.free_time)] == [5, 2, 2, 2]


def test_the_table_of_alerts_is_the_code_s() -> None:
    """Kinds, levels and advice, in order; every way an alert ends is named."""
    rows = re.findall(r"^\| ([A-Z_]+) \| ([A-Z_]+) \| .* \| ([A-Z_]+) \| ", TEXT, re.MULTILINE)
    assert rows == [(kind, level, advice) for (kind, level), advice in ADVICE.items()]
    assert all(word in TEXT for word in RESOLUTIONS)


def test_the_defaults_are_those_that_hold() -> None:
    """Hours of silence and of free time."""
    assert f"Without the file: {FREE_HOURS}." in TEXT
    others = {stage: hours for stage, hours in SILENCE_HOURS.items() if hours != 24}
    assert others == {"transport": 72, "whole": 48, "township": 36, "village_delivery": 36, "delivery": 12}
    assert "24, but transport 72, whole 48, township and village_delivery 36, delivery 12" in TEXT
