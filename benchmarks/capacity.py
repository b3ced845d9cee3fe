"""What a county, a province and the country need: `python -m benchmarks.capacity FIGURES.json ... [--write FILE]`.

From the files that benchmarks.chain, benchmarks.growth and benchmarks.writer wrote with `--json`, in any order: each is
known by what it holds; what none of them tells is asked for. `--write`: puts the tables between a page's marks.
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from schemas.topics import LIFECYCLE, SCANS

BEGIN: Final = "<!-- computed: python -m benchmarks.capacity -->"
END: Final = "<!-- end -->"
LOADED: Final = 0.5
"""A core is planned to be busy for half of the time at peak: the other half is for catching up after a fault."""
SCANS_EACH: Final = 8
"""Of a parcel on its way."""
OPEN_DAYS: Final = 7
"""From the first scan of a parcel until its row changes no more, to be on the safe side."""
KEPT_DAYS: Final = 7
"""Of scans in the log (retention_hours of `schemas.topics`)."""
STORED_DAYS: Final = 365
COPIES: Final = 3
PARTITION_BYTES: Final = 16 << 30
"""Of states: what a worker holds of one partition, recovers and hands over at once."""
OVERHEAD: Final = 31
"""Bytes of a record in the log beside its message: key and head."""
DAY_S: Final = 86_400
GIB: Final = 1 << 30
SCAN_TOPIC: Final = SCANS["CARRIER"].name
STAGES: Final = ("admission", "worker", "sink", "broker")
ASK: Final = "no file holds {}; run: python -m benchmarks.{} --json FILE, and name FILE here"
Row = dict[str, Any]


class Missing(ValueError):
    """A figure that no file holds: names the benchmark to run."""


@dataclass(frozen=True)
class Area:
    """Scans a second, on average of a day and at its peak."""

    name: str
    average: int
    peak: int


AREAS: Final = (Area("county", 10, 50), Area("province", 4_000, 20_000), Area("country", 80_000, 400_000))


@dataclass(frozen=True)
class Figures:
    """What was measured: microseconds of CPU an event by stage; bytes."""

    cpu_us: Mapping[str, float]
    parcel_bytes: float
    message_bytes: float
    lifecycle_bytes: float
    scan_disk: float
    parcel_disk: float


def figures(files: Sequence[Path]) -> Figures:
    """Out of the files; raises `Missing`."""
    told = [json.loads(path.read_text("utf-8")) for path in files]
    chain = _holding(told, "cpu_us_in_all", "chain")
    topics = _holding(told, "topics", "writer")["topics"]
    scans, parcels = topics[SCAN_TOPIC], topics[LIFECYCLE.name]
    sizes = scans["message_bytes"], parcels["message_bytes"], scans["bytes_on_disk"], parcels["bytes_on_disk"]
    return Figures(chain["cpu_us"], _growth(told), *sizes)


def _holding(told: Sequence[Any], name: str, benchmark: str) -> Row:
    for one in told:
        if isinstance(one, dict) and name in one:
            return one
    raise Missing(ASK.format(name, benchmark))


def _growth(told: Sequence[Any]) -> float:
    """Of plain parcels in the largest state."""
    rows = [row for one in told if isinstance(one, list) for row in one if "bytes_per_parcel" in row]
    if not rows:
        raise Missing(
            "no file holds bytes_per_parcel; run: python -m benchmarks.growth --json FILE, and name FILE here"
        )
    plain = [row for row in rows if not row.get("linked")]
    return float(max(plain or rows, key=lambda row: row["parcels"])["bytes_per_parcel"])


def needs(area: Area, known: Figures) -> Row:
    """Of one area: cores by stage, partitions, memory, disk."""
    cores = {stage: area.peak * known.cpu_us[stage] / 1e6 / LOADED for stage in STAGES}
    a_day = area.average * DAY_S
    open_parcels = a_day * OPEN_DAYS / SCANS_EACH
    states = open_parcels * known.parcel_bytes
    log = a_day * KEPT_DAYS * (known.message_bytes + OVERHEAD) * 2 * COPIES
    kept = a_day * STORED_DAYS / SCANS_EACH * (known.lifecycle_bytes + OVERHEAD) * COPIES
    stored = a_day * STORED_DAYS * (known.scan_disk + known.parcel_disk / SCANS_EACH)
    return {
        "area": area.name,
        "scans/s": f"{area.average:,}, peak {area.peak:,}",
        **{f"cores {stage}": max(1, math.ceil(many)) for stage, many in cores.items()},
        "partitions": max(4, math.ceil(cores["worker"]) * 2, math.ceil(states / PARTITION_BYTES)),
        "open parcels": f"{open_parcels:,.0f}",
        "states GiB": _size(states * 2),
        "log of scans GiB": _size(log),
        "parcels.lifecycle GiB a year": _size(kept),
        "ClickHouse GiB a year": _size(stored),
    }


def _size(many: float) -> str:
    return f"{many / GIB:,.1f}"


def tables(known: Figures) -> str:
    """The page's tables, as Markdown."""
    rows = [needs(area, known) for area in AREAS]
    names = [name for name in rows[0] if name != "area"]
    head = f"| | {' | '.join(row['area'] for row in rows)} |\n|---|{'---|' * len(rows)}\n"
    body = "".join(f"| {name} | {' | '.join(str(row[name]) for row in rows)} |\n" for name in names)
    measured = [("CPU us an event, " + stage, known.cpu_us[stage]) for stage in STAGES]
    measured += [
        ("bytes of an open parcel in a worker", known.parcel_bytes),
        ("bytes of a scan's message", known.message_bytes),
        ("bytes of a lifecycle's message", known.lifecycle_bytes),
        ("bytes of a stored scan", known.scan_disk),
        ("bytes of a stored parcel", known.parcel_disk),
    ]
    return (
        head + body + "\n| measured | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in measured)
    )


def written(page: str, new: str) -> str:
    """The page with other tables between its marks; ValueError if it has none."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"the page needs one line {BEGIN} and one line {END}")
    return f"{page.partition(BEGIN)[0]}{BEGIN}\n\n{new}\n{END}{page.partition(END)[2]}"


def main(words: Sequence[str] | None = None) -> None:
    """Compute, print, write."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("files", type=Path, nargs="+", help="what benchmarks wrote with --json")
    asked.add_argument("--write", type=Path, help="the page whose tables are to be written anew: docs/capacity.md")
    asked.add_argument("--json", type=Path)
    args = asked.parse_args(words)
    try:
        known = figures(args.files)
    except Missing as fault:
        asked.error(str(fault))
    print(tables(known))
    if args.write:
        args.write.write_text(written(args.write.read_text("utf-8"), tables(known)), "utf-8")
    if args.json:
        args.json.write_text(json.dumps([needs(area, known) for area in AREAS], indent=1), "utf-8")


if __name__ == "__main__":
    main()
