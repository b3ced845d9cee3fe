"""The Faust app: scans and links in, lifecycles and links out, timelines as its one table.

scans.carrier ─┐
scans.post    ─┼─► join ─► parcels.lifecycle
scans.locker  ─┤     │ ▲
parcels.links ─┘     ▼ └── timelines (changelog) ──► review, when targets change ─► parcels.lifecycle
parcels.links
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

import numpy as np
from faust.types import StreamT

from schemas.blobs import Blobs, Pairs, Records
from schemas.log.partitions import partitions_of
from schemas.metrics import CLAIMS, DERIVED, JOIN_SECONDS, JOINED, STATES, TOLD
from schemas.topics import DEAD_LETTER, LIFECYCLE, LINKS, PARTITIONS, SCANS
from stream_jobs.engine import BatchApp, HeldPartition, Outgoing, RecordBatch, build_app, run
from stream_jobs.identity.state import Timelines
from stream_jobs.job import Output, TimelineJob
from stream_jobs.review import News, Reviewer

GROUP: Final = "yizhan"
"""Faust's app id is its consumer group, and the first word of the changelog's name."""
TABLE: Final = "timelines"
COMMIT_SECONDS: Final = 0.2
READS: Final = (*(topic.name for topic in SCANS.values()), LINKS.name)
ASK_STOP_SECONDS: Final = 0.1


def timelines_app(
    job: TimelineJob,
    brokers: str,
    *,
    partitions: int = PARTITIONS,
    news: News | None = None,
    **settings: Any,  # noqa: ANN401  # Faust's settings
) -> BatchApp:
    """The app, ready to start. `brokers`: host:port, several with commas; `partitions`: of every topic it joins.

    `news`: tells of editions of targets that come in; without it those that the job knows hold until it ends. With
    `recover=False` nothing is judged anew: whoever made the states has just judged it all.
    """
    told: dict[str, Any] = {"commit_interval": COMMIT_SECONDS} | settings
    app = build_app(GROUP, brokers, partitions=partitions, **told)
    table = app.state_table(TABLE, lambda _partition: job.new_state())
    reviewer = Reviewer(app, table, job, lambda: {number for _, number in places_read(app)}, news)

    async def join(stream: StreamT[RecordBatch]) -> None:
        async for batch in stream:
            held = table.partition(batch.partition)
            await reviewer.up_to_date(held)
            begun = time.monotonic()
            output = _joined(job, held, batch)
            await held.deliver(_outgoing(job, held, batch, output, partitions), output.changelog)
            _count(batch, output, time.monotonic() - begun)

    app.agent(app.batches(*READS), name="join")(join)
    if app.recovers:
        app.task(reviewer.run)
    return app


def places_read(app: BatchApp, topics: Collection[str] = READS) -> set[tuple[str, int]]:
    """Topic and partition of what this worker reads of `topics` now; to be asked from any thread."""
    found = app.consumer.assignment() if settled(app) else ()
    return {(tp.topic, tp.partition) for tp in tuple(found) if tp.topic in topics}


def settled(app: BatchApp) -> bool:
    """Whether the worker has its partitions and their states."""
    return bool(app.started and app.consumer_generation_id and not app.rebalancing and not app.in_recovery)


def _joined(job: TimelineJob, held: HeldPartition[Timelines], batch: RecordBatch) -> Output:
    if batch.topic == LINKS.name:
        return job.links(held.state, Records(Blobs.of(batch.keys), Blobs.of(batch.values)))
    return job.scans(held.state, batch.topic, batch.values)


def _outgoing(
    job: TimelineJob, held: HeldPartition[Timelines], batch: RecordBatch, output: Output, partitions: int
) -> list[Outgoing]:
    """A parcel's id is a waybill of this partition, so its lifecycle goes to the same; links go where they are read."""
    found = [Outgoing(LIFECYCLE.name, held.number, output.lifecycles)] if output.lifecycles else []
    found += [Outgoing(LINKS.name, partition, told) for partition, told in by_partition(output.links, partitions)]
    if output.refused:
        letters = job.letters(batch.topic, batch.partition, batch.offset, batch.values, output.refused)
        found.append(Outgoing(DEAD_LETTER.name, held.number, letters))
    return found


def _count(batch: RecordBatch, output: Output, seconds: float) -> None:
    JOINED.labels(batch.topic).inc(len(batch))
    DERIVED.inc(len(output.lifecycles))
    TOLD.inc(len(output.links))
    CLAIMS.inc(output.claims)
    STATES.inc(len(output.changelog))
    JOIN_SECONDS.observe(seconds)


def by_partition(links: Pairs | Records, many: int = PARTITIONS) -> Iterator[tuple[int, Records]]:
    """Messages by the partition that Java's, librdkafka's murmur2 and Faust's own partitioner choose for their key."""
    told = Records.of(links)
    place = partitions_of(told.keys, many)
    for partition in np.unique(place).tolist():
        yield partition, told.take(np.flatnonzero(place == partition))


def run_until(build: Callable[[], BatchApp], stop: threading.Event) -> None:
    """Build an app and run it in this thread, with an event loop of its own, until told to stop.

    Raises what the app crashed of.
    """
    asyncio.run(_until(build, stop))


async def _until(build: Callable[[], BatchApp], stop: threading.Event) -> None:
    ended = asyncio.Event()
    asking = asyncio.ensure_future(_ask(stop, ended))
    try:
        await run(build(), ended)
    finally:
        asking.cancel()


async def _ask(stop: threading.Event, ended: asyncio.Event) -> None:
    while not stop.is_set():  # noqa: ASYNC110  # a thread's event can only be looked at
        await asyncio.sleep(ASK_STOP_SECONDS)
    ended.set()
