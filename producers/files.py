"""Payload files: one document a line, in the order in which they had arrived where that is known.

A file import is an operator's: `arrival.csv`, and `received_at` of canonical scans, are believed.
"""

import csv
from array import array
from collections.abc import Iterator, Sequence
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
    files = [f for path in paths for f in (_recognised(path, source) if path.is_dir() else [path])]
    if not any(_ordered(path) for path in paths):
        return sum(_count(file) for file in files)
    return sum(_count(path / ARRIVAL) - 1 if _ordered(path) else sum(map(_count, _of(path, source))) for path in paths)


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
    """In the order of arrival.csv; of each file only where its lines begin is held in memory."""
    files = {f.name: (f, _source(f, name), _starts(f)) for f in _recognised(folder, name)}
    handles = {file: path.open("rb") for file, (path, _, _) in files.items()}
    try:
        with (folder / ARRIVAL).open(encoding="utf-8", newline="") as arrivals:
            for row in csv.DictReader(arrivals):
                if row["file"] in files:
                    _, source, starts = files[row["file"]]
                    handle = handles[row["file"]]
                    handle.seek(starts[int(row["line"]) - 1])
                    yield _line(source, handle.readline(), int(row["arrived_at"]))
    finally:
        for handle in handles.values():
            handle.close()


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
