"""Runs the `yizhan` command as a user does, and reads the answers back from ClickHouse in the shape of truth.json."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from schemas.vocabulary import MILESTONES
from sinks.clickhouse.embedded import ChdbStore

COUNTY: Final = Path(__file__).parent.parent / "data" / "county"
AS_OF: Final = "2026-03-15T12:00:00Z"
REFERENCE: Final = ("networks.csv", "facilities.csv", "targets.csv")
COMMAND: Final = (sys.executable, "-m", "yizhan.cli")
Row = dict[str, Any]


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
        found = store.query("SELECT * FROM parcels").to_pylist()
        stages = store.query("SELECT * FROM parcel_stages ORDER BY parcel_id").to_pylist()
    finally:
        store.close()
    by_parcel: dict[str, list[Row]] = {row["parcel_id"]: [] for row in found}
    for stage in stages:
        by_parcel[stage["parcel_id"]].append(stage)
    return {tuple(row["waybills"]): _parcel(row, by_parcel[row["parcel_id"]]) for row in found}


def expected() -> dict[tuple[str, ...], Row]:
    """The same of truth.json, without the features it lists for its readers."""
    return {tuple(p["waybills"]): {k: v for k, v in p.items() if k != "features"} for p in truth()["parcels"]}


def _parcel(row: Row, stages: list[Row]) -> Row:
    same = ("waybills", "shown_by", "direction", "service", "status", "destination_region", "destination_village")
    times = {m.name: _ms(row[f"{m.name}_at"]) for m in MILESTONES}
    return {name: row[name] for name in (*same, "custodians", "scans")} | {
        "collected_inferred": bool(row["collected_inferred"]),
        "milestones": {name: at for name, at in times.items() if at is not None},
        "stages": {stage["stage"]: _stage(stage) for stage in stages},
        "late": sorted(s["stage"] for s in stages if s["verdict"] in {"MISSED", "OVERDUE"}),
    }


def _stage(row: Row) -> Row:
    told = {
        "from": _ms(row["started_at"]),
        "to": _ms(row["ended_at"]),
        "seconds": row["seconds"],
        "state": row["state"],
    }
    if row["clock_skew"]:
        told["clock_skew"] = True
    if row["target"] is not None:
        told |= {"target": row["target"], "due": _ms(row["deadline_at"]), "verdict": row["verdict"]}
    if row["overrun_operators"]:
        told["overrun"] = dict(zip(row["overrun_operators"], row["overrun_seconds"], strict=True))
    return told


def _ms(at: Any) -> int | None:  # noqa: ANN401  # a datetime of Arrow's
    return None if at is None else int(pa.scalar(at, pa.timestamp("ms", "UTC")).value)
