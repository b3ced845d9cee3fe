"""How fast the sink stores what it reads: `python -m benchmarks.writer [--events N] [--batch N] [--json FILE]`.

From Avro messages, as the sink's reader hands them over, to rows that chdb has on disk: the sink role's own `take`, on
one core, scans and the lifecycles the job made of them. CPU is the whole process's, chdb's merges included.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import pyarrow as pa

from benchmarks.job_process import SOURCE, Watched, spoken
from benchmarks.stream import stream
from schemas.blobs import Blobs
from schemas.log.batch import RecordBatch
from schemas.reader import MOST_A_BATCH
from schemas.topics import LIFECYCLE
from sinks.clickhouse import migrate
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.writer import Writer
from sinks.role import SinkRole

BATCH: Final = MOST_A_BATCH
STEP: Final = 50_000
"""Events of a step of the lifecycle job, whose rows are then stored."""
VIEWS: Final = {SOURCE: ("scan_events", "stored_scans"), LIFECYCLE.name: ("parcels", "stored_parcels")}
Figures = dict[str, Any]


def records(events: int) -> tuple[Blobs, Blobs]:
    """Messages of a stream of scans, and of the lifecycles the job sends for them."""
    scans = spoken().scans[SOURCE].encode_blobs(stream(events, "plain"))
    job = Watched()
    state = job.new_state()
    found = [job.scans(state, SOURCE, scans[at : at + STEP]).lifecycles for at in range(0, len(scans), STEP)]
    return scans, Blobs.of([value for some in found for value in some.values])


def batches(topic: str, values: Blobs, batch: int) -> Iterator[list[RecordBatch]]:
    """A topic's messages as the reader hands them over."""
    for at in range(0, len(values), batch):
        some = values[at : at + batch]
        yield [RecordBatch(topic, 0, [None] * len(some), some, at, at + len(some))]


def store(role: SinkRole, topic: str, values: Blobs, batch: int) -> Figures:
    """Store them all; speed and cost."""
    ready = list(batches(topic, values, batch))
    wall, cpu = perf_counter(), process_time()
    for one in ready:
        role.take(one)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    return {
        "rows": len(values),
        "rows_per_s": round(len(values) / wall),
        "cpu_us": round(cpu / len(values) * 1e6, 2),
        "message_bytes": round(values.size / len(values)),
    }


def stored(kept: ChdbStore, topic: str) -> Figures:
    """What reading finds, and bytes on disk of a row."""
    view, table = VIEWS[topic]
    [rows] = kept.query(f"SELECT count() AS n FROM {view}")["n"].to_pylist()  # noqa: S608  # our own names
    sql = f"SELECT sum(bytes_on_disk) AS b, sum(rows) AS n FROM system.parts WHERE active AND table = '{table}'"  # noqa: S608
    [part] = kept.query(sql).to_pylist()
    return {"found": rows, "bytes_on_disk": round(part["b"] / max(part["n"], 1))}


def distinct(scans: Blobs) -> int:
    """How many scans these are, copies left out."""
    rows = pa.Table.from_batches([spoken().scans[SOURCE].decode(scans).rows])
    return int(rows.group_by(["source", "issuer", "tracking_number", "event_id"]).aggregate([]).num_rows)


def measure(events: int, batch: int) -> Figures:
    """Figures of both; ValueError if a scan is missing afterwards."""
    scans, lifecycles = records(events)
    with tempfile.TemporaryDirectory() as folder:
        kept = ChdbStore(Path(folder))
        try:
            migrate.apply(kept)
            role = SinkRole(Writer(kept), spoken())
            found = {}
            for topic, values in ((SOURCE, scans), (LIFECYCLE.name, lifecycles)):
                store(role, topic, values[:batch], batch)  # what is loaded once
                found[topic] = store(role, topic, values, batch) | stored(kept, topic)
        finally:
            kept.close()
    if (seen := found[SOURCE]["found"]) != (told := distinct(scans)):
        raise ValueError(f"{told} scans were taken, {seen} are stored")
    return {"events": len(scans), "batch": batch, "topics": found}


def show(found: Figures) -> None:
    """A line a topic."""
    for topic, figures in found["topics"].items():
        print(
            f"{topic:18} {figures['rows']:9,} rows: {figures['rows_per_s']:8,} rows/s, {figures['cpu_us']:.2f} us of"
            f" CPU a row, {figures['message_bytes']} bytes a message, {figures['bytes_on_disk']} on disk"
        )


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=1_000_000)
    asked.add_argument("--batch", type=int, default=BATCH, help="messages handed over at once")
    asked.add_argument("--json", type=Path)
    args = asked.parse_args(words)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    found = measure(args.events, args.batch)
    show(found)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
