"""The Faust app of alerts: lifecycles in, alerts out, running promises as its one table.

parcels.lifecycle ─► watch ─► parcels.alerts
                      │ ▲
  sweep, each second ─┘ └── alerts (changelog)
"""

import asyncio
from typing import Any, Final

from aiokafka.partitioner import murmur2
from faust.types import TP, StreamT

from schemas.metrics import SWEPT
from schemas.topics import ALERTS, LIFECYCLE, PARTITIONS
from stream_jobs.alerts.job import AlertsJob, Output
from stream_jobs.alerts.state import Promises
from stream_jobs.engine import BatchApp, BatchTable, HeldPartition, Outgoing, RecordBatch, build_app

GROUP: Final = "yizhan-alerts"
TABLE: Final = "alerts"
COMMIT_SECONDS: Final = 0.2
SWEEP_SECONDS: Final = 1.0


class Sweeper:
    """Sweeps the partitions this worker has, each once it has read what was there when it came."""

    def __init__(self, app: BatchApp, table: BatchTable[Promises], job: AlertsJob) -> None:
        self._app, self._table, self._job = app, table, job
        self.turn = asyncio.Lock()
        """Held by a batch or a sweep at work: none may come between a sweep's announcement and the sweep."""
        self._goal: dict[int, int] = {}
        self._read: dict[int, int] = {}
        self._assignment = -1

    def has_read(self, batch: RecordBatch) -> None:
        """A batch is in the state."""
        self._read[batch.partition] = batch.next_offset

    async def sweep(self) -> None:
        """Once over all partitions."""
        mine = sorted(self._mine())
        if not mine:
            SWEPT.set(0)  # else what it once swept would look like standing still
        swept = [await self._one(tp) if await self._caught_up(tp) else None for tp in mine]
        done = [instant for instant in swept if instant is not None]
        if mine and len(done) == len(mine):
            await self._app.producer.flush()
            self._job.rounds += 1
            SWEPT.set(min(done) / 1000)

    def _mine(self) -> set[TP]:
        """Nothing while partitions change hands or states are being rebuilt."""
        if self._app.rebalancing or not self._app.tables.actives_ready:
            return set()
        if self._assignment != self._app.rebalancing_count:
            self._assignment = self._app.rebalancing_count
            self._goal, self._read = {}, {}
        return {tp for tp in self._app.consumer.assignment() if tp.topic == LIFECYCLE.name}

    async def _caught_up(self, tp: TP) -> bool:
        """By lifecycles that lie unread many a parcel is late that is delivered."""
        consumer = self._app.consumer
        if tp.partition not in self._goal:
            self._goal[tp.partition] = (await consumer.highwaters(tp))[tp]
        start = consumer._committed_offset.get(tp)  # type: ignore[attr-defined]  # noqa: SLF001  # Faust tells nowhere
        begun = max(start or 0, (await consumer.earliest_offsets(tp))[tp]) if tp.partition not in self._read else 0
        return max(begun, self._read.get(tp.partition, 0)) >= self._goal.get(tp.partition, 0)

    async def _one(self, tp: TP) -> int | None:
        """The instant it was swept at; none if it is not ours any more."""
        if tp not in self._mine():
            return None
        held = self._table.partition(tp.partition)
        async with self.turn:
            now = self._job.clock()
            if announced := held.state.announce(now):
                await held.deliver([], announced)
                await self._app.producer.flush()
            await send(held, self._job.sweep(held.state, now))
        return now


async def send(held: HeldPartition[Promises], output: Output) -> None:
    """An alert goes to the partition of its parcel, so all records of one stay in order."""
    if output.alerts or output.changes:
        alerts = [Outgoing(ALERTS.name, held.number, output.alerts)] if output.alerts else []
        await held.deliver(alerts, output.changes)


def alerts_app(
    job: AlertsJob,
    brokers: str,
    sweep_seconds: float = SWEEP_SECONDS,
    partitions: int = PARTITIONS,
    **settings: Any,  # noqa: ANN401  # Faust's settings
) -> BatchApp:
    """The app, ready to start. `brokers`: host:port, several with commas; `partitions`: of parcels.lifecycle.

    With `recover=False` (a broker that forgets) the job's `known` alerts stand in for the changelog.
    """
    app = build_app(GROUP, brokers, partitions=partitions, commit_interval=COMMIT_SECONDS, **settings)
    # As Java's, librdkafka's murmur2 and Faust's own partitioner choose.
    table = app.state_table(
        TABLE,
        lambda number: job.new_state(lambda parcel: int(murmur2(parcel) & 0x7FFFFFFF) % partitions == number),
    )
    sweeper = Sweeper(app, table, job)

    async def watch(stream: StreamT[RecordBatch]) -> None:
        async for batch in stream:
            held = table.partition(batch.partition)
            async with sweeper.turn:
                await send(held, job.lifecycles(held.state, batch.values))
                sweeper.has_read(batch)

    app.agent(app.batches(LIFECYCLE.name), name="watch")(watch)
    app.timer(sweep_seconds, name="sweep")(sweeper.sweep)
    return app
