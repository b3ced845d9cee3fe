"""Places of the log, read ahead in a thread of its own, by whole record batches."""

import asyncio
import threading
from collections import deque
from collections.abc import Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from schemas.log.batch import RecordBatch
from schemas.log.client import FETCH_MIN_BYTES, FETCH_WAIT_MS, Loop, Settings, for_aiokafka
from schemas.log.stretches import Stretches, more
from schemas.log.whole import keep_bytes
from schemas.topics import LARGEST_RECORD

AHEAD_BYTES: Final = 64 << 20
"""Read ahead at most, and one fetch more."""
FETCH_BYTES: Final = 8 << 20
LOOK_SECONDS: Final = 0.2

Place = tuple[str, int]


class Feed:
    """Reads what it is told to. A place that the log no longer has goes on where the log begins now."""

    def __init__(self, brokers: Settings) -> None:
        keep_bytes()
        self._brokers = for_aiokafka(brokers)
        self._loop, self._room = Loop("feed"), asyncio.Event()
        self._come = threading.Condition()
        self._ahead, self._bytes, self._behind = deque[RecordBatch](), 0, 0
        self._fault: Exception | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._reading: asyncio.Task[None] | None = None

    def read(self, places: Mapping[Place, int]) -> None:
        """From now on these, each from its offset, and nothing of what was read before."""
        self._loop.call(self._read(places))

    async def _read(self, places: Mapping[Place, int]) -> None:
        await self._stop()
        with self._come:
            self._ahead.clear()
            self._bytes = self._behind = 0
        if places:
            self._consumer = await self._started(places)
            self._reading = asyncio.create_task(self._run(self._consumer))

    async def _stop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._consumer is not None:
            await self._consumer.stop()
        self._reading = self._consumer = None

    async def _started(self, places: Mapping[Place, int]) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._brokers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=FETCH_MIN_BYTES,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=LARGEST_RECORD,
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        consumer.assign([TopicPartition(*place) for place in places])
        for place, offset in places.items():
            consumer.seek(TopicPartition(*place), offset)
        return consumer

    async def _run(self, consumer: AIOKafkaConsumer) -> None:
        stretches = Stretches()
        try:
            while True:
                await self._have_room()
                if not await self._took(consumer, stretches):
                    await more(consumer._fetcher, LOOK_SECONDS)  # noqa: SLF001
        except Exception as fault:  # noqa: BLE001  # whatever it is, whoever waits for records must hear of it
            with self._come:
                self._fault = fault
                self._come.notify()

    async def _have_room(self) -> None:
        while self._bytes >= AHEAD_BYTES:
            self._room.clear()
            await self._room.wait()

    async def _took(self, consumer: AIOKafkaConsumer, stretches: Stretches) -> bool:
        """Whether there was anything; nothing is awaited between looking at the positions and taking the records."""
        ready = stretches.ready(consumer._fetcher)  # noqa: SLF001
        batches = stretches.cut(ready, await consumer.getmany(timeout_ms=0)).values()
        if batches:
            behind = _behind(consumer)
            with self._come:
                self._ahead += batches
                self._bytes += sum(batch.size for batch in batches)
                self._behind = behind
                self._come.notify()
        return bool(batches)

    def next(self, seconds: float, enough: int, most: int, most_bytes: int) -> tuple[list[RecordBatch], int]:
        """What was read ahead, as far as the batch that goes beyond so many records or bytes; how many are behind it.

        As far as is known: those read ahead, and those that the log had when it was last read.
        Waits so many seconds, unless there are enough records. Raises what ended the reading.
        """
        found, records, size = list[RecordBatch](), 0, 0
        with self._come:
            self._come.wait_for(lambda: self._fault is not None or self._records() >= enough, seconds)
            if self._fault is not None:
                raise self._fault
            while self._ahead and records < most and size < most_bytes:
                found.append(self._ahead.popleft())
                records, size = records + len(found[-1]), size + found[-1].size
            self._bytes -= size
            left = self._records() + self._behind
        self._loop.set(self._room)
        return found, left

    def _records(self) -> int:
        return sum(map(len, self._ahead))

    def close(self) -> None:
        """Read nothing any more."""
        self._loop.call(self._stop())
        self._loop.close()


def _behind(consumer: AIOKafkaConsumer) -> int:
    """Records that the log has beyond what was read."""
    states = map(consumer._subscription.subscription.assignment.state_value, consumer.assignment())  # noqa: SLF001
    return sum(state.highwater - state.position for state in states if state.highwater and state.has_valid_position)
