"""How fast one core turns scans into lifecycles: `python -m benchmarks.core [--events N] [--json FILE]`."""

import os

os.environ["POLARS_MAX_THREADS"] = os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from sys import getsizeof
from time import process_time
from typing import Any, Final

import pyarrow as pa

from benchmarks.stream import COUNTY, KINDS, RECORD, stream
from schemas import reference
from schemas.blobs import Blobs
from schemas.bulk import Bulk
from schemas.records import RECORDS
from schemas.wire import Codec
from stream_jobs.engine.run import spare_garbage_collector
from stream_jobs.identity import wire
from stream_jobs.identity.knowledge import Told
from stream_jobs.identity.state import Step, Timelines
from stream_jobs.lifecycle.evaluate import lifecycles
from stream_jobs.lifecycle.output import Names, rows
from stream_jobs.lifecycle.targets import plan
from stream_jobs.timeline.hashing import hash_words
from stream_jobs.timeline.pack import Packed, pack

BATCHES: Final = (1_000, 5_000, 20_000, 50_000)
CORE: Final = ("decode", "pack", "timeline", "links", "lifecycle")
STREAMS: Final = ("plain", "linked:20", "linked:60", "bags:200", "county")
WARM_UP: Final = 2_000
"""Events that are not counted: the first load what is compiled."""
NOW: Final = 1_774_000_000_000


@dataclass
class Clock:
    """Seconds of this process on its core, by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time spent inside."""
        begun = process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + process_time() - begun


@dataclass
class Run:
    """One pass over the stream with a state of its own."""

    clock: Clock = field(default_factory=Clock)
    state: Timelines = field(default_factory=Timelines)
    changelog: int = 0

    def __post_init__(self) -> None:
        county = reference.load(COUNTY)
        self.plan, self.names = plan(county), Names(hash_words(county.networks))
        self.links = Codec(RECORDS["ParcelLinks"], 3)
        self.scans = Bulk(1, RECORD.text, RECORD.text)
        output = RECORDS["ParcelLifecycle"].text
        self.output = Bulk(2, output, output)

    def take(self, values: list[bytes]) -> None:
        """One batch from framed bytes to framed bytes, and the messages it causes."""
        with self.clock.stage("decode"):
            read = self.scans.read(Blobs.of(values))
        assert read  # noqa: S101  # the stream is our own
        with self.clock.stage("pack"):
            packed: Packed | None = pack(read[0])
        told: list[tuple[bytes, Told]] = []
        while packed or told:
            with self.clock.stage("timeline"):
                step = self.state.step(packed, told)
            if step.parcels.count:
                self._derive(step)
            self.changelog += sum(len(k) + len(v or b"") for k, v in step.changed.items())
            packed, told = None, self._told(step)

    def _told(self, step: Step) -> list[tuple[bytes, Told]]:
        """The messages, there and back again as on their topic."""
        with self.clock.stage("links"):
            found, _, _ = wire.decoded(wire.encoded(step.told, self.links), self.links)
            return found

    def _derive(self, step: Step) -> None:
        with self.clock.stage("lifecycle"):
            found = lifecycles(step.parcels, self.plan, NOW)
        with self.clock.stage("rows"):
            out = rows(found, step.identity, self.plan, self.names)
        with self.clock.stage("encode"):
            self.output.write(out)


def encoded(scans: pa.RecordBatch) -> list[bytes]:
    """Framed bytes, as they lie in the topic."""
    bulk = Bulk(1, RECORD.text, RECORD.text)
    parts = [scans.slice(at, 50_000) for at in range(0, scans.num_rows, 50_000)]
    return [value or b"" for part in parts for value in bulk.write(part)]


def held(state: Timelines) -> int:
    """Bytes of the state in memory: what each waybill holds itself and of others."""
    own = sum(getsizeof(key) + getsizeof(rows) for key, rows in state.own.items())
    others = (t for known in state.known.values() for t in (*known.timelines.values(), *known.profiles.values()))
    return getsizeof(state.own) + own + sum(getsizeof(t) + sum(map(getsizeof, t)) for t in others)


def measure(values: list[bytes], batch: int) -> dict[str, Any]:
    """Figures of one pass."""
    run = Run()
    for at in range(0, len(values), batch):
        run.take(values[at : at + batch])
    per_event = {name: round(1e6 * s / len(values), 3) for name, s in run.clock.seconds.items()}
    core, whole = sum(per_event.get(name, 0) for name in CORE), sum(per_event.values())
    return {
        "batch": batch,
        "us_per_event": per_event,
        "events_per_s": round(1e6 / core),
        "events_per_s_with_output": round(1e6 / whole),
        "changelog_bytes_per_event": round(run.changelog / len(values)),
        "bytes_per_parcel": round(held(run.state) / len(run.state.own)),
        "waybills": len(run.state.own),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def show(figures: dict[str, Any], say: Callable[[str], None] = print) -> None:
    """One line per pass."""
    stages = "  ".join(f"{name} {us:.2f}" for name, us in figures["us_per_event"].items())
    say(
        f"{figures['stream']:9} batch {figures['batch']:6,}: {figures['events_per_s']:8,} events/s"
        f" ({figures['events_per_s_with_output']:,} with output)  us: {stages}"
        f"  changelog {figures['changelog_bytes_per_event']} B/event"
        f"  memory {figures['bytes_per_parcel']} B/waybill, peak {figures['peak_mib']} MiB"
    )


def main() -> None:
    """All batch sizes (or the one asked for) over each stream, on one core."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=500_000)
    asked.add_argument("--batch", type=int, nargs="*", default=list(BATCHES))
    asked.add_argument("--stream", nargs="*", default=STREAMS, help=KINDS)
    asked.add_argument("--json", type=Path)
    args = asked.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    spare_garbage_collector()
    found = []
    for name in args.stream:
        values = encoded(stream(args.events, name))
        measure(values[:WARM_UP], WARM_UP)
        for batch in args.batch:
            found.append({"stream": name, "events": len(values)} | measure(values, batch))
            show(found[-1])
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
