"""Runs the `yizhan` command as a user does, and reads the answers back from ClickHouse in the shape of truth.json."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from sinks.clickhouse.embedded import ChdbStore
from tests.shown import Row, shown_parcels

COUNTY: Final = Path(__file__).parent.parent / "data" / "county"
AS_OF: Final = "2026-03-15T12:00:00Z"
REFERENCE: Final = ("networks.csv", "facilities.csv", "targets.csv")
COMMAND: Final = (sys.executable, "-m", "yizhan.cli")


def truth() -> Row:
    """The county's answers."""
    found: Row = json.loads((COUNTY / "truth.json").read_text("utf-8"))
    return found


def start(*words: str | Path, **settings: str) -> "subprocess.Popen[str]":
    """Begin a command; settings go into its environment."""
    told = [*COMMAND, *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(told, env={**os.environ, **settings}, text=True, **pipes)  # type: ignore[call-overload]  # two pipes


def run(*words: str | Path, code: int = 0) -> tuple[str, str]:
    """Run a command to its end; gives what it printed and what it complained of."""
    process = start(*words)
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, err or out
    return out, err


def up(data: Path, *paths: Path) -> Row:
    """`yizhan up PATHS --exit --json`; gives the account."""
    out, _ = run("up", *paths, "--data", data, "--as-of", AS_OF, "--exit", "--json")
    found: Row = json.loads(out)
    return found


def folder(place: Path, lines: list[bytes]) -> Path:
    """A folder of reference data and canonical lines."""
    place.mkdir()
    for name in REFERENCE:
        (place / name).write_bytes((COUNTY / name).read_bytes())
    (place / "canonical.ndjson").write_bytes(b"".join(line + b"\n" for line in lines))
    return place


def canonical_lines() -> list[bytes]:
    """The county's scans as ScanEvents."""
    return (COUNTY / "canonical.ndjson").read_bytes().splitlines()


def parcels(data: Path) -> dict[tuple[str, ...], Row]:
    """What ClickHouse says of every parcel, by its waybills."""
    store = ChdbStore(data / "clickhouse")
    try:
        found = shown_parcels(store)
    finally:
        store.close()
    assert not found.repeated
    return found.parcels


def expected() -> dict[tuple[str, ...], Row]:
    """The same of truth.json, without the features it lists for its readers."""
    return {tuple(p["waybills"]): {k: v for k, v in p.items() if k != "features"} for p in truth()["parcels"]}
