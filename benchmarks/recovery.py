"""How fast a state is joined from its changelog: `python -m benchmarks.recovery [--parcels N] [--json FILE]`.

So many parcels of 8 scans go into one state; a new one is joined from its records, 10,000 at a time, no broker:
first from the newest of each key, as a compacted changelog has them, then from all that were written, oldest first.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any, Final

import numpy as np

from benchmarks.growth import AT_ONCE, WAY, scans
from stream_jobs.engine.run import spare_garbage_collector
from stream_jobs.identity.state import Timelines
from stream_jobs.timeline.pack import pack

BATCH: Final = 10_000
SCANS: Final = len(WAY) - 1
Records = list[tuple[bytes, bytes | None]]


def filled(parcels: int) -> tuple[Timelines, Records]:
    """A state of so many parcels, and all its records: all parcels' first scans, then all second ones, and so on."""
    state = Timelines()
    written: Records = []
    for number in range(SCANS):
        for first in range(0, parcels, AT_ONCE):
            some = np.arange(first, min(first + AT_ONCE, parcels))
            written += state.step(pack(scans(some, number))).changed.items()
    return state, written


def joined(records: Sequence[tuple[bytes, bytes | None]]) -> tuple[Timelines, float]:
    """The state of these records, and the seconds of CPU it took."""
    state, seconds = Timelines(), 0.0
    for batch in _batches(iter(records)):
        begun = process_time()
        state.apply(batch)
        seconds += process_time() - begun
    return state, seconds


def _batches(records: Iterator[tuple[bytes, bytes | None]]) -> Iterator[Records]:
    while batch := list(islice(records, BATCH)):
        yield batch


def measure(parcels: int) -> dict[str, Any]:
    """Parcels and records a second; ValueError if a state that was joined differs from the one written."""
    state, written = filled(parcels)
    found: dict[str, Any] = {"parcels": parcels}
    for name, records in (("compacted", list(dict(written).items())), ("all", written)):
        again, seconds = joined(records)
        if again.own != state.own:
            raise ValueError(f"{name}: the state that was joined is another")
        rates = {"parcels_per_s": round(parcels / seconds), "records_per_s": round(len(records) / seconds)}
        found[name] = {"records": len(records)} | rates
    return found


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--parcels", type=int, default=250_000)
    asked.add_argument("--json", type=Path)
    args = asked.parse_args()
    spare_garbage_collector()
    found = measure(args.parcels)
    for name in ("compacted", "all"):
        figures = found[name]
        print(
            f"{name:9} {figures['records']:9,} records: {figures['parcels_per_s']:,} parcels/s,"
            f" {figures['records_per_s']:,} records/s"
        )
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
