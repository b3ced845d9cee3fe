"""Payload files: one document a line, in the order in which they had arrived where that is known.

A file import is an operator's: `arrival.csv`, and `received_at` of canonical scans, are believed.
"""

import csv
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import orjson

from producers.documents import LARGEST
from producers.mapping import Source
from producers.sources import load_sources

ARRIVAL: Final = "arrival.csv"
CANONICAL: Final = "canonical"


class UnknownFile(ValueError):
    """A file that no source recognises."""


class BadArrival(ValueError):
    """An arrival.csv that does not fit its files: says which line and why."""


@dataclass(frozen=True)
class Line:
    """One document: by whose ingress it goes, which source reads it, its bytes, when it came (epoch ms, if known)."""

    network: str
    format: str
    payload: bytes
    arrived_at: int | None


def lines(paths: Sequence[Path], source: str | None = None) -> Iterator[Line]:
    """All documents of files and folders. Of a folder only recognised files are read; a file must be."""
    for path in paths:
        if path.is_dir():
            yield from _folder(path, source)
        else:
            yield from _file(path, _source(path, source))


def count_lines(paths: Sequence[Path], source: str | None = None) -> int:
    """How many documents `lines` will give."""
    return sum(_arrivals(path, source) if _ordered(path) else sum(map(_count, _of(path, source))) for path in paths)


def _arrivals(folder: Path, source: str | None) -> int:
    """Lines that arrival.csv names, as often as it does, and those it does not name."""
    files = {file.name: _count(file) for file in _recognised(folder, source)}
    with (folder / ARRIVAL).open(encoding="utf-8", newline="") as arrivals:
        named = [(row["file"], row["line"]) for row in csv.DictReader(arrivals) if row["file"] in files]
    return len(named) + sum(files.values()) - len(set(named))


def _of(path: Path, source: str | None) -> list[Path]:
    return _recognised(path, source) if path.is_dir() else [path]


def _ordered(path: Path) -> bool:
    return path.is_dir() and (path / ARRIVAL).exists()


def _count(file: Path) -> int:
    with file.open("rb") as found:
        return sum(1 for _ in found)


def _source(file: Path, name: str | None) -> Source:
    sources = load_sources()
    for source in sources.values():
        if name in {source.folder, source.network} or (
            name is None and any(fnmatch(file.name, p) for p in source.mapped.files)
        ):
            return source
    known = ", ".join(pattern for s in sources.values() for pattern in s.mapped.files)
    raise UnknownFile(f"{file.name}: whose format is it? Name it with --source, or as one of {known}")


def _recognised(folder: Path, name: str | None) -> list[Path]:
    """The folder's payload files; canonical ones only where there is no network's own file beside them."""
    patterns = [p for s in load_sources().values() if name in {None, s.folder, s.network} for p in s.mapped.files]
    found = [f for f in sorted(folder.iterdir()) if any(fnmatch(f.name, p) for p in patterns)]
    native = [f for f in found if not f.name.startswith(CANONICAL)]
    return native or found


def _folder(folder: Path, name: str | None) -> Iterator[Line]:
    if _ordered(folder):
        yield from _in_order(folder, name)
        return
    for file in _recognised(folder, name):
        yield from _file(file, _source(file, name))


def _file(file: Path, source: Source) -> Iterator[Line]:
    with file.open("rb") as found:
        for line in found:
            yield _line(source, line, None)


def _in_order(folder: Path, name: str | None) -> Iterator[Line]:
    """In the order of arrival.csv, then the lines it does not name; only where lines begin is held in memory."""
    with ExitStack() as opened:
        files = {f.name: _Indexed(f, _source(f, name), opened) for f in _recognised(folder, name)}
        arrivals = opened.enter_context((folder / ARRIVAL).open(encoding="utf-8", newline=""))
        for number, row in enumerate(csv.DictReader(arrivals), start=2):
            if row["file"] in files:
                yield _named(files[row["file"]], row, number)
        for file in files.values():
            yield from file.rest()


def _named(file: "_Indexed", row: dict[str, str], number: int) -> Line:
    try:
        return file.take(int(row["line"]), int(row["arrived_at"]))
    except (TypeError, ValueError) as cause:
        raise BadArrival(f"{ARRIVAL}, line {number}: {cause}") from cause


class _Indexed:
    """A file whose lines are taken by number, from 1."""

    def __init__(self, file: Path, source: Source, opened: ExitStack) -> None:
        self._file, self._source, self._starts = file, source, _starts(file)
        self._taken = bytearray(len(self._starts) - 1)
        self._handle = opened.enter_context(file.open("rb"))

    def take(self, number: int, arrived_at: int | None) -> Line:
        """One line; raises ValueError for a number the file does not have."""
        if not 1 <= number <= len(self._taken):
            raise ValueError(f"{self._file.name} has {len(self._taken)} lines, no line {number}")
        self._taken[number - 1] = 1
        self._handle.seek(self._starts[number - 1])
        return _line(self._source, self._handle.readline(), arrived_at)

    def rest(self) -> Iterator[Line]:
        """The lines that were not taken, in order."""
        yield from (self.take(at + 1, None) for at, taken in enumerate(self._taken) if not taken)


def _starts(file: Path) -> "array[int]":
    starts = array("q", [0])
    with file.open("rb") as found:
        for line in found:
            starts.append(starts[-1] + len(line))
    return starts


def _line(source: Source, line: bytes, arrived_at: int | None) -> Line:
    payload = line.removesuffix(b"\n")
    if not source.mapped.canonical:
        return Line(source.network, source.network, payload, arrived_at)
    network, received_at = _told(payload)
    return Line(network, source.network, payload, arrived_at if arrived_at is not None else received_at)


def _told(payload: bytes) -> tuple[str, int | None]:
    """Whose scan a canonical line is, and when it was received, if it says so readably."""
    try:
        told = orjson.loads(payload) if len(payload) <= LARGEST else None
    except orjson.JSONDecodeError:
        told = None
    told = told if isinstance(told, dict) else {}
    network, at = told.get("source"), told.get("received_at")
    at = at if isinstance(at, int) and not isinstance(at, bool) and 0 < at < 1 << 41 else None
    return network if isinstance(network, str) else CANONICAL, at
