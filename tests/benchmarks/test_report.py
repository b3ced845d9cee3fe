"""What is made of the figures."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import report
from benchmarks.peers.command import spread
from benchmarks.peers.machine import LOAD
from benchmarks.peers.roster import BY_NAME
from benchmarks.peers.scenario import row


def figures(load: str = "0.1 0.1 0.1") -> list[dict[str, Any]]:
    """Three runs of two peers on one core and two."""
    runs: list[dict[str, Any]] = [
        {"events_per_s": speed, "cpu_s_per_million": 1e6 / speed, "rss_mb": 99, "changelog_records": 7}
        for speed in (90_000, 400_000, 100_000)
    ]
    found = []
    for name, same in (("ours-small", True), ("limit-raw", None)):
        runs = [run | {"same_states": same, "events": 1_000} for run in runs]
        found += [
            row(BY_NAME[name], cores, runs) | {"machine": {"cpu": "a <fast> one", "cores": "2", LOAD: load}}
            for cores in (1, 2)
        ]
    return found


def test_a_row_has_medians_and_all_speeds() -> None:
    first = figures()[0]
    assert (first["name"], first["cores"], first["events_per_s"], first["cpu_s_per_million"]) == (
        "ours-small",
        1,
        100_000,
        10,
    )
    assert first["all_events_per_s"] == [90_000, 400_000, 100_000]
    assert [found["same_states"] for found in figures()] == [True, True, None, None]


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """Plots lie in it as SVG; what the machine says of itself is text, no markup."""
    page = report.page(figures())
    assert page.count("<svg") == len(report.PLOTS)
    assert "a &lt;fast&gt; one" in page
    assert "100,000" in page
    assert "<script" not in page
    assert " src=" not in page
    assert "url(http" not in page


def test_the_table_of_a_document_is_replaced_between_its_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", "utf-8")
    report.put_into(document, figures())
    once = document.read_text("utf-8")
    report.put_into(document, figures())

    assert once == document.read_text("utf-8")
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "| ours, the smaller job | 1 | 100,000 | 10.00 | 99 | 7 | 1,000 | yes |" in once
    assert "old" not in once


def test_a_busy_machine_is_said() -> None:
    assert report.BUSY in report.markdown(figures("2.1 0.0 0.0"))
    assert report.BUSY not in report.markdown(figures("1.9 9.0 9.0"))


def test_a_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("no place", "utf-8")
    with pytest.raises(report.NoMarks, match="put them where the table belongs"):
        report.put_into(document, figures())
    assert document.read_text("utf-8") == "no place"


def test_options_take_several_words() -> None:
    words = ["--peers", "faust", "flink", "--events", "8", "--cores", "1", "2", "--json", "x"]
    assert spread(words, ("--peers", "--cores")) == [
        "--peers", "faust", "--peers", "flink", "--events", "8", "--cores", "1", "--cores", "2", "--json", "x",
    ]  # fmt: skip
