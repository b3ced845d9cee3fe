"""The transport `batch://`: aiokafka's driver, with one Faust message per partition and fetch."""

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any, Final

from faust import stores
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from mode import Service

from stream_jobs.engine.batch import RecordBatch, RecordsLost
from stream_jobs.engine.fetch import BatchConsumerThread
from stream_jobs.engine.producer import BatchProducer

SCHEME: Final = "batch"
STATE_SCHEME: Final = "timeline"
GROUP_CHECK_S: Final = 1.0


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
        self._frozen = False

    def freeze(self) -> None:
        """Commit nothing any more: a stream that dies acknowledges the batch it was working on."""
        self._frozen = True

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @Service.task
    async def _watch_group(self) -> None:
        async for _ in self.itertimer(GROUP_CHECK_S, name="group"):
            await self._thread.check_group()

    def _to_message(self, tp: TP, record: RecordBatch) -> ConsumerMessage:
        """One message for the batch, at its first offset; of a changelog, at its last.

        A recovery ends only when the offsets seen reach the last one of the log.
        """
        changelog = self._is_changelog_tp(tp)
        message = self._message(tp, record, record.next_offset - 1 if changelog else record.first_offset)
        if not changelog:
            self._keep_step(tp, record)
            self._handed_out[tp].append(message)
        return message

    def _message(self, tp: TP, batch: RecordBatch, offset: int) -> ConsumerMessage:
        return ConsumerMessage(
            batch.topic,
            batch.partition,
            offset,
            timestamp=None,  # type: ignore[arg-type]  # Faust itself passes None where there is no single time
            timestamp_type=0,
            headers=[],
            key=None,
            value=batch,  # type: ignore[arg-type]  # bytes to Faust's types; nothing on the way looks inside
            checksum=None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _keep_step(self, tp: TP, batch: RecordBatch) -> None:
        expected = self._expected.get(tp, batch.first_offset)
        if batch.first_offset != expected:
            raise RecordsLost(batch.topic, batch.partition, expected, batch.first_offset)
        self._expected[tp] = batch.next_offset

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        commit_point = None
        handed_out = self._handed_out[tp]
        while handed_out and handed_out[0].acked and not self._frozen:
            batch: Any = handed_out.popleft().value
            commit_point = batch.next_offset
        return commit_point

    async def perform_seek(self) -> None:
        """Go back to the committed offsets: what was handed out before counts no more."""
        self._handed_out.clear()
        await super().perform_seek()
        self._expected = {tp: offset for tp, offset in self._committed_offset.items() if offset}

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


class BatchTransport(driver.Transport):
    """aiokafka's transport with batches for messages."""

    Consumer = BatchConsumer
    Producer = BatchProducer


def register() -> None:
    """Make `batch://` a broker scheme and `timeline://` a store scheme of Faust."""
    drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:{BatchTransport.__name__}"
    stores.STORES.aliases[STATE_SCHEME] = "stream_jobs.engine.store:StateStore"
