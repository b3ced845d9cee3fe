"""Our engine doing the job that the peers do: Faust over batches, a small state, its changelog.

BROKERS CORES WARM_UP NAME END...: how many cores; the app's name; where the log of each partition ends.
"""

import os

os.environ["POLARS_MAX_THREADS"] = os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from faust.types import StreamT

from benchmarks.job_process import MEMBER, PATIENCE_S, SOURCE, committed, spoken
from benchmarks.peers.python_peer import Meter
from benchmarks.peers.small_state import SmallState
from schemas.blobs import Blobs
from schemas.topics import PARTITIONS
from stream_jobs.app import COMMIT_SECONDS
from stream_jobs.engine import BatchApp, BatchTable, RecordBatch, build_app, running

TABLE = "lives"


def small_app(name: str, brokers: str, meter: Meter) -> tuple[BatchApp, BatchTable[SmallState]]:
    """The app and its table; its changelog is NAME-lives-changelog."""
    told: dict[str, Any] = {"commit_interval": COMMIT_SECONDS, "standby_replicas": 0, **MEMBER}
    app = build_app(name, brokers, partitions=PARTITIONS, **told)
    table = app.state_table(TABLE, lambda _partition: SmallState())
    codec = spoken().scans[SOURCE]

    async def live(stream: StreamT[RecordBatch]) -> None:
        async for batch in stream:
            meter.count(len(batch))
            held, decoded = table.partition(batch.partition), codec.decode(batch.values)
            if decoded.refused:
                raise decoded.refused[0][1]
            await held.deliver([], held.state.join(Blobs.of(batch.keys), decoded.rows))

    app.agent(app.batches(SOURCE), name="live")(live)
    return app, table


async def work(brokers: str, name: str, warm_up: int, ends: Sequence[int]) -> dict[str, Any]:
    """Read, join, deliver and commit all there is."""
    meter = Meter(warm_up)
    app, _ = small_app(name, brokers, meter)
    async with running(app):
        await committed(app, ends)
        return meter.figures()


def main(brokers: str, cores: str, warm_up: str, name: str, *ends: str) -> None:
    """One run."""
    pa.set_cpu_count(int(cores))
    working = work(brokers, name, int(warm_up), [int(end) for end in ends])
    print(json.dumps(asyncio.run(asyncio.wait_for(working, PATIENCE_S))))


if __name__ == "__main__":
    main(*sys.argv[1:])
