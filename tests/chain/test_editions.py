"""Targets that change under a stack: past verdicts keep theirs until somebody says to judge the past anew."""

from pathlib import Path

from schemas import editions as history
from tests.chain import running
from yizhan.sla.book import FileBook

MARCH = 1_772_294_400_000


def targets_of(data: Path) -> set[str]:
    parcels = running.parcels(data)
    return {stage["target"] for p in parcels.values() for stage in p["stages"].values() if "target" in stage}


def test_past_verdicts_keep_their_targets_until_they_are_recomputed(tmp_path: Path) -> None:
    """Load, change, start again, recompute, start again."""
    data, folder = tmp_path / "data", running.folder(tmp_path / "in", running.canonical_lines())
    running.up(data, folder)
    assert running.parcels(data) == running.expected()

    (folder / "canonical.ndjson").unlink()
    (folder / "targets.csv").write_text("stage,service,area_class,target\ncounty,STANDARD,ANY,7\n", "utf-8")
    running.up(data, folder)
    assert running.parcels(data) == running.expected()

    book = FileBook(data / "reference")
    (_, changed) = book.known()
    book.add(history.recompute(book.known(), MARCH, changed.recorded_at + 1, "wu"))
    running.up(data)
    assert targets_of(data) == {"7"}
