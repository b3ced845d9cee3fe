"""The transport `batch://`: aiokafka's driver, with one Faust message per partition and fetch."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final

from aiokafka.errors import IllegalStateError
from faust import stores
from faust.transport import drivers
from faust.transport.consumer import RecordMap, ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from mode import Service

from schemas.log.batch import RecordBatch, RecordsLost
from schemas.log.whole import keep_bytes
from stream_jobs.engine.fetch import BatchConsumerThread
from stream_jobs.engine.producer import BatchProducer
from stream_jobs.engine.waiting import BOUNDS, StepBounds, Waiting

SCHEME: Final = "batch"
STATE_SCHEME: Final = "timeline"
GROUP_CHECK_S: Final = 1.0
FULL_S: Final = 0.1
"""How long to wait for room before looking whether the partitions are still ours."""
READ_S: Final = 0.2
"""How long a seek may have to wait for a reading to end."""


class BatchConsumer(driver.Consumer):
    """Faust's consumer, counting acknowledgements by batch.

    The commit point of a partition is the end of the longest acknowledged prefix of what was handed out. It is
    read from the messages and not from Faust's list of acknowledged offsets, which knows first offsets only;
    `ack` itself can't be overridden, since the compiled stream iterator has it inlined.
    """

    _thread: BatchConsumerThread

    def __post_init__(self) -> None:
        super().__post_init__()
        self._handed_out: dict[TP, deque[Message]] = defaultdict(deque)
        self._expected: dict[TP, int] = {}
        self._looked_again: dict[TP, int] = {}
        self._astray: set[TP] = set()
        self._frozen = False
        self._room, self._resumed = asyncio.Event(), asyncio.Event()
        self._resumed.set()
        self._position, self._seeks = asyncio.Lock(), 0

    def freeze(self) -> None:
        """Commit nothing any more: a stream that dies acknowledges the batch it was working on."""
        self._frozen = True

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @Service.task
    async def _watch_group(self) -> None:
        async for _ in self.itertimer(GROUP_CHECK_S, name="group"):
            await self._thread.check_group()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109  # Faust's signature
        """Messages of what was fetched; what joined one that waits is none of its own. Nothing while too much waits.

        In place of Faust's, which hands out while it seeks, and clears its queues when it has sought.
        """
        if not await self._may_read():
            return
        records, _ = await self._wait_next_records(min(timeout, READ_S))
        generation, seeks = self.app.consumer_generation_id, self._seeks
        for tp, batch in self.scheduler.iterate(records or {}):
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            if seeks != self._seeks and not self._is_changelog_tp(tp):
                continue  # it is read again from where was sought
            message = self._to_message(tp, batch)
            if message is not None:
                yield tp, message
            elif tp in self._astray:
                await self._look_again(tp)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> RecordMap:  # noqa: ASYNC109  # Faust's
        async with self._position:
            found: RecordMap = await super()._getmany(active_partitions, timeout)
            return found

    async def _may_read(self) -> bool:
        """Whether there is room and no seek under way; waits a little for what is missing."""
        self._room.clear()
        if not self._resumed.is_set():
            return await _set_soon(self._resumed)
        return self._waiting_bytes() < self._bounds.waiting or await _set_soon(self._room)

    async def _look_again(self, tp: TP) -> None:
        """Ask for the log from where it should go on."""
        self._astray.discard(tp)
        expected = self._looked_again[tp] = self._expected[tp]
        self.log.warning("%s[%s]: looking again at offset %s", tp.topic, tp.partition, expected)
        with suppress(IllegalStateError):  # it was taken away meanwhile
            await self.seek_wait({tp: expected})

    def _waiting_bytes(self) -> int:
        handed_out: Any = [message.value for messages in self._handed_out.values() for message in messages]
        return sum(waiting.size for waiting in handed_out if not waiting.taken)

    @property
    def _bounds(self) -> StepBounds:
        return getattr(self.app, "bounds", BOUNDS)

    def _to_message(self, tp: TP, record: RecordBatch) -> ConsumerMessage | None:  # type: ignore[override]  # see getmany
        """One message for the batch, at its first offset; of a changelog, at its last. None if it joined another.

        A recovery ends only when the offsets seen reach the last one of the log.
        """
        if self._is_changelog_tp(tp):
            return self._message(tp, record, record, record.next_offset - 1)
        if not self._follows(tp, record) or self._joins(tp, record):
            return None
        self._read_offset[tp] = None  # Faust would drop, unsaid, what is read again below an offset it has seen
        waiting = Waiting(record, self._bounds, self._room.set)
        message = self._message(tp, record, waiting, record.first_offset)
        self._handed_out[tp].append(message)
        return message

    def _joins(self, tp: TP, batch: RecordBatch) -> bool:
        """Whether the batch goes along with one that waits; not over a rebalance, after which Faust skips that one."""
        last: Any = self._handed_out[tp][-1] if self._handed_out[tp] else None
        same = last is not None and last.generation_id == self.app.consumer_generation_id
        return bool(same and last.value.joins(batch))

    def _message(self, tp: TP, batch: RecordBatch, value: RecordBatch | Waiting, offset: int) -> ConsumerMessage:
        return ConsumerMessage(
            batch.topic,
            batch.partition,
            offset,
            timestamp=None,  # type: ignore[arg-type]  # Faust itself passes None where there is no single time
            timestamp_type=0,
            headers=[],
            key=None,
            value=value,  # type: ignore[arg-type]  # bytes to Faust's types; nothing on the way looks inside
            checksum=None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _follows(self, tp: TP, batch: RecordBatch) -> bool:
        """Whether the batch begins where the log should go on; where it does not, it is looked at once more.

        One drained before a seek may come out after it, or be dropped with the position moved on: then the second
        look finds what is missing. If it does not, it is gone.
        """
        expected = self._expected.setdefault(tp, batch.first_offset)
        if batch.first_offset == expected:
            self._expected[tp] = batch.next_offset
            self._looked_again.pop(tp, None)
            return True
        if self._looked_again.get(tp) == expected:
            raise RecordsLost(batch.topic, batch.partition, expected, batch.first_offset)
        self._astray.add(tp)
        return False

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        commit_point = None
        handed_out = self._handed_out[tp]
        while handed_out and handed_out[0].acked and not self._frozen:
            waited: Any = handed_out.popleft().value
            commit_point = waited.next_offset
        return commit_point

    async def perform_seek(self) -> None:
        """Go back to the committed offsets, or to where a log begins: what was handed out before counts no more.

        Nothing is read meanwhile, nor until the flow is resumed, when Faust clears its queues: what was handed out
        in between would be gone, with the position moved on.
        """
        self._resumed.clear()
        async with self._position:
            self._seeks += 1
            found = await self.seek_to_committed()
            self._committed_offset.clear()  # Faust would keep those of partitions that others have had since
            self._committed_offset.update({ensure_TP(tp): offset or None for tp, offset in found.items()})
            committed = {tp: offset for tp, offset in self._committed_offset.items() if not self._is_changelog_tp(tp)}
            unread = [tp for tp, offset in committed.items() if not offset]
            begins = await self._seek_to_beginning(unread) if unread else {}
        self._read_offset.clear()
        self._expected = {tp: offset for tp, offset in committed.items() if offset} | dict(begins)
        self._handed_out.clear()
        self._looked_again.clear()

    async def _seek_to_beginning(self, unread: list[TP]) -> Mapping[TP, int]:
        """Of what nobody has committed: aiokafka leaves its position where it was, behind what was read before."""
        begins = await self.earliest_offsets(*unread)
        await self.seek_wait(begins)
        return begins

    def resume_flow(self) -> None:
        """Go on: whoever seeks resumes the flow when all is ready."""
        super().resume_flow()
        self._resumed.set()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let work in hand end and be committed, then forget what was handed out of these partitions."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._handed_out.pop(tp, None)
            self._expected.pop(tp, None)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Ends of the changelogs; their beginnings for an app that doesn't recover, so nothing is left to read."""
        if getattr(self.app, "recovers", True):
            return await super().highwaters(*partitions)
        return await self.earliest_offsets(*partitions)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: Faust would take the inside of every batch for a gap, one int an event."""

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: the full queue holds the reading up; a removed partition costs a second's sleep."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing, as `on_buffer_full`."""


async def _set_soon(event: asyncio.Event) -> bool:
    try:
        await asyncio.wait_for(event.wait(), FULL_S)
    except TimeoutError:
        return False
    return True


class BatchTransport(driver.Transport):
    """aiokafka's transport with batches for messages."""

    Consumer = BatchConsumer
    Producer = BatchProducer


def register() -> None:
    """Make `batch://` a broker scheme and `timeline://` a store scheme of Faust."""
    keep_bytes()
    drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:{BatchTransport.__name__}"
    stores.STORES.aliases[STATE_SCHEME] = "stream_jobs.engine.store:StateStore"
