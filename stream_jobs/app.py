"""The Faust app: scans and links in, lifecycles and links out, timelines as its one table.

scans.carrier ─┐
scans.post    ─┼─► join ─► parcels.lifecycle
scans.locker  ─┤     │ ▲
parcels.links ─┘     ▼ └── timelines (changelog)
parcels.links
"""

import asyncio
import threading
from collections import defaultdict
from typing import Any, Final

from aiokafka.partitioner import murmur2
from faust.types import StreamT

from schemas.topics import DEAD_LETTER, LIFECYCLE, LINKS, PARTITIONS, SCANS
from stream_jobs.engine import BatchApp, HeldPartition, Outgoing, RecordBatch, build_app, run
from stream_jobs.identity.state import Timelines
from stream_jobs.job import Output, Pairs, TimelineJob

GROUP: Final = "yizhan"
"""Faust's app id is its consumer group, and the first word of the changelog's name."""
TABLE: Final = "timelines"
COMMIT_SECONDS: Final = 0.2
ASK_STOP_SECONDS: Final = 0.1


def timelines_app(job: TimelineJob, brokers: str, **settings: Any) -> BatchApp:  # noqa: ANN401  # Faust's settings
    """The app, ready to start. `brokers`: host:port, several with commas."""
    app = build_app(GROUP, brokers, partitions=PARTITIONS, commit_interval=COMMIT_SECONDS, **settings)
    table = app.state_table(TABLE, lambda _partition: job.new_state())

    async def join(stream: StreamT[RecordBatch]) -> None:
        async for batch in stream:
            held = table.partition(batch.partition)
            output = _joined(job, held, batch)
            await held.deliver(_outgoing(job, held, batch, output), output.changelog)

    app.agent(app.batches(*(topic.name for topic in SCANS.values()), LINKS.name), name="join")(join)
    return app


def _joined(job: TimelineJob, held: HeldPartition[Timelines], batch: RecordBatch) -> Output:
    values = [value or b"" for value in batch.values]
    if batch.topic == LINKS.name:
        return job.links(held.state, list(zip((key or b"" for key in batch.keys), values, strict=True)))
    return job.scans(held.state, batch.topic, values)


def _outgoing(job: TimelineJob, held: HeldPartition[Timelines], batch: RecordBatch, output: Output) -> list[Outgoing]:
    """A parcel's id is a waybill of this partition, so its lifecycle goes to the same; links go where they are read."""
    told: dict[int, Pairs] = defaultdict(list)
    for waybill, message in output.links:
        told[partition_of(waybill)].append((waybill, message))
    found = [Outgoing(LIFECYCLE.name, held.number, output.lifecycles)] if output.lifecycles else []
    found += [Outgoing(LINKS.name, partition, pairs) for partition, pairs in told.items()]
    if output.refused:
        letters = job.letters(batch.topic, batch.partition, batch.offset, batch.values, output.refused)
        found.append(Outgoing(DEAD_LETTER.name, held.number, letters))
    return found


def partition_of(waybill: bytes) -> int:
    """The partition that Java's, librdkafka's murmur2 and Faust's own partitioner choose for a key."""
    return int(murmur2(waybill) & 0x7FFFFFFF) % PARTITIONS


def run_timelines(job: TimelineJob, brokers: str, stop: threading.Event) -> None:
    """Run in this thread, with an event loop of its own, until told to stop. State is not recovered: see replay."""
    asyncio.run(_until(job, brokers, stop))


async def _until(job: TimelineJob, brokers: str, stop: threading.Event) -> None:
    app = timelines_app(job, brokers, recover=False, standby_replicas=0)
    ended = asyncio.Event()
    asking = asyncio.ensure_future(_ask(stop, ended))
    try:
        await run(app, ended)
    finally:
        asking.cancel()


async def _ask(stop: threading.Event, ended: asyncio.Event) -> None:
    while not stop.is_set():  # noqa: ASYNC110  # a thread's event can only be looked at
        await asyncio.sleep(ASK_STOP_SECONDS)
    ended.set()
