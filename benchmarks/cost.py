"""What an event costs the lifecycle job, in yardsticks: `python -m benchmarks.cost [--events N] [--json FILE]`.

A yardstick is a fixed piece of numpy and pyarrow work, done before each batch in the same process: what slows the
machine down slows both down, so their ratio holds where seconds do not. Bytes fetched, record batches out, no broker.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from benchmarks.job_process import SOURCE, Watched, spoken
from benchmarks.stream import stream
from producers.whole import keys
from schemas.blobs import Blobs, Records
from schemas.log.build import built
from schemas.log.stretches import batch_of
from schemas.log.whole import WholeBatch

BATCH: Final = 30_000
"""Events of a fetch of 4 MiB."""
WARM_UP: Final = 1
"""Batches that are not counted: the first loads what is compiled."""
WORDS: Final = pa.array([f"waybill {number * 7919 % 50_000:06d}" for number in range(50_000)])

Fetch = list[memoryview]
Work = Callable[[Fetch], int]


@dataclass(frozen=True)
class Cost:
    """Of an event: microseconds of CPU, and millionths of the yardstick beside it."""

    us: float
    yardsticks: float


def fetches(scans: pa.RecordBatch) -> Iterator[Fetch]:
    """A stream as the record batches of a partition, a fetch's worth at a time."""
    keyed = keys(scans)
    codec = spoken().scans[SOURCE]
    for at in range(0, scans.num_rows, BATCH):
        records = Records(Blobs.of(keyed.slice(at, BATCH)), codec.encode_blobs(scans.slice(at, BATCH)))
        yield list(_at_offsets(records))


def _at_offsets(records: Records) -> Iterator[memoryview]:
    offset = 0
    for batch in built(records):
        data = batch._build()  # noqa: SLF001  # as aiokafka's sender asks for it
        data[:8] = offset.to_bytes(8)  # as the broker writes it
        offset += batch.record_count()
        yield data


class Worker:
    """The job's own work on a batch: from the bytes of a fetch to those of two produce requests."""

    def __init__(self) -> None:
        self._job = Watched()
        self.state = self._job.new_state()

    def __call__(self, fetch: Fetch) -> int:
        """Take one batch; gives the number of its events."""
        records: list[Any] = [SimpleNamespace(value=WholeBatch(data), topic=SOURCE, partition=0) for data in fetch]
        batch = batch_of(records, 0, sum(len(record.value) for record in records))
        output = self._job.scans(self.state, SOURCE, batch.values)
        for sent in (output.lifecycles, Records.of(output.changelog)):
            for _ in built(sent):
                pass
        return len(batch)


def yardstick() -> int:
    """Strings hashed, numbers sorted and gathered, objects made: what a job in columns is made of."""
    numbers = np.asarray(WORDS.dictionary_encode().indices).astype(np.int64) * 7919 % len(WORDS)
    order = np.argsort(numbers, kind="stable")
    return int(np.cumsum(numbers[order])[-1]) + sum(map(len, WORDS.slice(0, 20_000).to_pylist()))


def cost(work: Work, batches: Sequence[Fetch]) -> Cost:
    """Medians over the batches, each beside a yardstick of its own."""
    found = [(*_seconds(yardstick), *_seconds(work, batch)) for batch in batches]
    us = [1e6 * seconds / events for _, _, events, seconds in found[WARM_UP:]]
    ratios = [1e6 * seconds / events / stick for _, stick, events, seconds in found[WARM_UP:]]
    return Cost(median(us), median(ratios))


def _seconds(work: Callable[..., int], *words: Any) -> tuple[int, float]:  # noqa: ANN401  # whatever it takes
    begun = process_time()
    done = work(*words)
    return done, process_time() - begun


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=500_000)
    asked.add_argument("--json", type=Path)
    args = asked.parse_args()
    found = cost(Worker(), list(fetches(stream(args.events, "plain"))))
    print(f"{found.us:.2f} us of CPU an event, {found.yardsticks:.1f} millionths of a yardstick")
    if args.json:
        args.json.write_text(json.dumps(vars(found)), "utf-8")


if __name__ == "__main__":
    main()
