"""How fast one core admits documents: `python -m benchmarks.admission [--events N] [--json FILE]`.

The role's own work on messages as its reader hands them over, up to the records it would send, without a broker:
ScanEvents in Avro, the same in JSON, and each network's own documents of the sample county.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import pyarrow as pa

from benchmarks.chain import INGRESS, sf_alone
from benchmarks.fetched import fetched
from benchmarks.job_process import NOW, SOURCE, spoken
from benchmarks.stream import COUNTY, stream
from producers.admission import Admission, Admitted, Bounds
from producers.files import lines
from producers.role import FORMAT, AdmissionRole
from producers.sources import load_sources
from producers.whole import dicts
from schemas import reference
from schemas.kafka import Bulk, Outgoing, Sender
from schemas.log.batch import RecordBatch
from schemas.reader import MOST_A_BATCH
from schemas.topics import ingress

CANONICAL: Final = "canonical"
RECEIVED_AT: Final = NOW + 90 * 86_400_000
"""Behind all that the stream holds."""
Figures = dict[str, Any]


class Nowhere(Sender):
    """Counts the records instead of sending them."""

    def __init__(self) -> None:
        super().__init__({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
        self.sent = 0

    def send(self, records: Iterable[Outgoing], bulks: Iterable[Bulk] = ()) -> None:
        """Count."""
        self.sent += sum(1 for _ in records) + sum(len(bulk.records) for bulk in bulks)


def batches(topic: str, values: Sequence[bytes], form: str | None = None) -> list[RecordBatch]:
    """As the reader hands them over."""
    headers = [(FORMAT, form.encode())] if form else []
    return [
        fetched(topic, values[at : at + MOST_A_BATCH], headers=headers, first=at, at=RECEIVED_AT)
        for at in range(0, len(values), MOST_A_BATCH)
    ]


def networks() -> dict[str, str]:
    """Ingress topic to network, of the sample county."""
    return {ingress(n.kind, n.network).name: n.network for n in reference.load(COUNTY).networks.values()}


def documents(events: int) -> Iterator[tuple[str, list[RecordBatch]]]:
    """What is admitted, by the format it is in."""
    scans = sf_alone(stream(events, "plain")[:events])
    yield "avro", batches(INGRESS, spoken().scans[SOURCE].encode_arrow(scans))
    yield "json", batches(INGRESS, [json.dumps(row).encode() for row in dicts(scans[: events // 10])], CANONICAL)
    topics, own = {name: topic for topic, name in networks().items()}, defaultdict(list)
    for line in lines([COUNTY], None):
        if line.format == line.network and line.network in topics:
            own[line.network].append(line.payload)
    for network, some in sorted(own.items()):
        yield network, batches(topics[network], list(islice(cycle(some), events // 20)))


def admit(documents: Sequence[RecordBatch]) -> Figures:
    """Admit them all, batch by batch."""
    admitted: list[int] = []

    def count(found: Admitted) -> None:
        admitted.append(len(found.scans) + sum(map(len, found.rows)))

    sender = Nowhere()
    admission = Admission(reference.load(COUNTY), load_sources(), Bounds())
    role = AdmissionRole(admission, spoken(), sender, networks(), count)
    role.take(documents[:1])  # what is loaded once
    admitted.clear()
    wall, cpu = perf_counter(), process_time()
    for batch in documents:
        role.take([batch])
    wall, cpu = perf_counter() - wall, process_time() - cpu
    scans = sum(admitted)
    return {
        "documents": sum(map(len, documents)),
        "scans": scans,
        "scans_per_s": round(scans / wall),
        "cpu_us": round(cpu / max(scans, 1) * 1e6, 2),
    }


def measure(events: int) -> Figures:
    """Figures by format."""
    return {form: admit(some) for form, some in documents(events)}


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "--events", type=int, default=400_000, help="in Avro; a tenth in JSON, a twentieth of each other"
    )
    asked.add_argument("--json", type=Path)
    args = asked.parse_args(words)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    found = measure(args.events)
    for form, told in found.items():
        print(f"{form:14} {told['scans']:8,} scans: {told['scans_per_s']:8,}/s, {told['cpu_us']} us of CPU a scan")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
