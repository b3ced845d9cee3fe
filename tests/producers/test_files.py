"""Payload files: which they are, where their lines end, and in which order they come."""

from pathlib import Path

import pytest

from producers.files import BadArrival, Line, UnknownFile, count_lines, lines
from producers.sources import load_sources
from tests.producers.county import CANONICAL, COUNTY

ODD_LINES = [b'{"a":"1\r"}\r', '{"a":"\u2028\u0085"}'.encode(), b"", b"\x0b\x0c\x1c", b"\xff\0", b"last"]


def written(file: Path, parts: list[bytes]) -> Path:
    """A file of lines, the last without its end."""
    file.write_bytes(b"\n".join(parts))
    return file


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    """Carriage returns and Unicode's separators are bytes like others; an empty line is a document, too."""
    file = written(tmp_path / "zto_trace1.ndjson", ODD_LINES)
    assert list(lines([file])) == [Line("zto", "zto", part, None) for part in ODD_LINES]
    assert count_lines([file]) == len(ODD_LINES)


def test_lines_in_order_of_arrival_end_at_line_feeds_only(tmp_path: Path) -> None:
    """Lines of several files come as arrival.csv says, each with when it came."""
    written(tmp_path / "zto_trace.ndjson", ODD_LINES)
    written(tmp_path / "sf_route_push.ndjson", [b"one", b"two"])
    wanted = [("sf_route_push.ndjson", 2), *(("zto_trace.ndjson", n) for n in (6, 2, 1)), ("sf_route_push.ndjson", 1)]
    rows = "".join(f"{seq},{seq + 100},{file},{line}\n" for seq, (file, line) in enumerate(wanted))
    (tmp_path / "arrival.csv").write_text("seq,arrived_at,file,line\n" + rows, "utf-8")
    found = list(lines([tmp_path]))
    assert [line.payload for line in found[:5]] == [b"two", b"last", ODD_LINES[1], ODD_LINES[0], b"one"]
    assert [line.arrived_at for line in found[:5]] == [100, 101, 102, 103, 104]
    assert count_lines([tmp_path]) == len(found) == len(ODD_LINES) + 2


def test_the_county_comes_in_order_of_arrival() -> None:
    """All lines of the networks' own files, none of the ScanEvents that say the same again."""
    times = [line.arrived_at or 0 for line in lines([COUNTY])]
    assert times == sorted(times)
    assert times[0] > 0
    assert {line.format for line in lines([COUNTY])} == {s.network for s in load_sources().values()} - {"canonical"}


@pytest.mark.parametrize("source", [None, "sf", "county-joint", "county_joint"])
@pytest.mark.parametrize("path", [COUNTY, COUNTY / "sf_route_push.ndjson", CANONICAL])
def test_as_many_lines_are_counted_as_are_read(path: Path, source: str | None) -> None:
    """Of a folder with one source named, only that source's lines."""
    found = sum(1 for _ in lines([path], source))
    assert count_lines([path], source) == found > 0
    assert count_lines([path, path], source) == 2 * found


def test_a_file_that_nobody_recognises_is_refused(tmp_path: Path) -> None:
    """The error lists the patterns of all sources."""
    file = written(tmp_path / "whose.ndjson", [b"{}"])
    with pytest.raises(UnknownFile) as found:
        list(lines([file]))
    patterns = [pattern for source in load_sources().values() for pattern in source.mapped.files]
    assert "whose.ndjson" in str(found.value)
    assert [pattern for pattern in patterns if pattern not in str(found.value)] == []
    assert len(patterns) >= 8


def test_a_file_of_any_name_is_read_where_its_source_is_named(tmp_path: Path) -> None:
    """By folder or by network."""
    file = written(tmp_path / "whose.ndjson", [b"{}"])
    assert [next(lines([file], name)).network for name in ("china_post", "china-post")] == ["china-post"] * 2
    with pytest.raises(UnknownFile):
        list(lines([file], "nobody"))


def test_files_nobody_recognises_are_passed_over_in_folders(tmp_path: Path) -> None:
    """A folder may hold reference data and notes beside payloads."""
    written(tmp_path / "notes.txt", [b"x", b"y"])
    written(tmp_path / "locker_events_may.ndjson", [b"{}"])
    assert [line.network for line in lines([tmp_path])] == ["village-box"]
    assert count_lines([tmp_path]) == 1


@pytest.mark.parametrize(
    ("payload", "network", "at"),
    [
        (b'{"source":"zto","received_at":1772374967000}', "zto", 1772374967000),
        (b'{"source":"zto","received_at":"now"}', "zto", None),
        (b'{"source":"zto","received_at":true}', "zto", None),
        (b'{"source":7,"received_at":-1}', "canonical", None),
        (b"[]", "canonical", None),
        (b"noise", "canonical", None),
        (b"[" * 5000, "canonical", None),
    ],
)
def test_a_scan_event_goes_by_the_way_of_its_source(
    tmp_path: Path, payload: bytes, network: str, at: int | None
) -> None:
    """Where it names one readably; its time of receipt is an operator's word and believed if it is a time."""
    [line] = lines([written(tmp_path / "canonical.ndjson", [payload])])
    assert line == Line(network, "canonical", payload, at)


def test_lines_that_arrival_csv_does_not_name_come_after_the_others(tmp_path: Path) -> None:
    """Nothing is lost; when they came is not known."""
    (tmp_path / "zto_trace.ndjson").write_text("a\nb\nc\n", "utf-8")
    (tmp_path / "arrival.csv").write_text("seq,arrived_at,file,line\n1,7,zto_trace.ndjson,2\n", "utf-8")

    assert [(line.payload, line.arrived_at) for line in lines([tmp_path])] == [(b"b", 7), (b"a", None), (b"c", None)]
    assert count_lines([tmp_path]) == 3


@pytest.mark.parametrize("number", ["0", "2", "99", "x", ""])
def test_an_arrival_of_a_line_that_is_not_there_is_refused(number: str, tmp_path: Path) -> None:
    """The complaint names the line of arrival.csv."""
    (tmp_path / "zto_trace.ndjson").write_text("a\n", "utf-8")
    (tmp_path / "arrival.csv").write_text(f"seq,arrived_at,file,line\n1,7,zto_trace.ndjson,{number}\n", "utf-8")
    with pytest.raises(BadArrival, match=r"arrival\.csv, line 2"):
        list(lines([tmp_path]))
