"""Faust's producer of the batch transport: whole batches, in order, and a flush that tells of failures."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeVar

from faust.transport.drivers import aiokafka as driver
from faust.types import RecordMetadata
from faust.types.core import HeadersArg

from schemas.blobs import Pairs, Records
from schemas.log.build import BuiltBatch, RecordTooLarge, built
from stream_jobs.engine.budget import ByteBudget

F = TypeVar("F", bound="asyncio.Future[Any]")

IN_FLIGHT_BYTES: Final = 32 << 20


@dataclass(frozen=True)
class Outgoing:
    """Records for one partition of one topic. A value of None deletes the key."""

    topic: str
    partition: int
    pairs: Pairs | Records

    @cached_property
    def records(self) -> Records:
        """As columns."""
        return Records.of(self.pairs)


class DeliveryFailed(Exception):  # it says what happened
    """Records did not reach the broker; nothing after them may be committed."""


class BatchProducer(driver.Producer):
    """aiokafka's producer, sending built record batches and remembering the first failure for ever."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.budget = ByteBudget(IN_FLIGHT_BYTES)
        self._under_way: set[asyncio.Future[Any]] = set()
        self._failure: DeliveryFailed | None = None
        self._turns: dict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._latest: dict[tuple[str, int], asyncio.Task[int | None]] = {}

    def send_records(self, topic: str, partition: int, pairs: Pairs | Records) -> "asyncio.Task[int | None]":
        """Send records in order; the task ends once all brokers have them, with the last offset."""
        self._check()
        task = asyncio.create_task(self._send(Outgoing(topic, partition, pairs)))
        return self._watch(task)

    async def deliver(self, outputs: Sequence[Outgoing], changelog: Outgoing) -> "asyncio.Task[int | None]":
        """Send the outputs of a batch and, once the brokers have them, its changelog; returns when there is room.

        Outputs first: a worker killed between the two must see the batch change its state again when it reads
        the batch again, else it would not send the outputs. The changelogs of a partition go out in the order
        of the calls. The task ends with the changelog's last offset.
        """
        size = changelog.records.size + sum(output.records.size for output in outputs)
        await self.budget.take(size)
        self._check()
        tp = changelog.topic, changelog.partition
        task = asyncio.create_task(self._in_order(outputs, changelog, self._latest.get(tp)))
        task.add_done_callback(lambda _: self.budget.give(size))
        self._latest[tp] = task
        return self._watch(task)

    async def _in_order(
        self, outputs: Sequence[Outgoing], changelog: Outgoing, previous: "asyncio.Task[int | None] | None"
    ) -> int | None:
        await asyncio.gather(*map(self._send, outputs))
        if previous is not None:
            await asyncio.wait([previous])  # awaiting the task itself would cancel it along with this one
            self._check()
        return await self._send(changelog)

    async def _send(self, out: Outgoing) -> int | None:
        producer = self._ensure_producer()
        acks = []
        async with self._turns[out.topic, out.partition]:
            for batch in self._built(out):
                ack = await producer.send_batch(batch, out.topic, partition=out.partition)
                acks.append((ack, batch.record_count()))
        done = await asyncio.gather(*(ack for ack, _ in acks))
        return done[-1].offset + acks[-1][1] - 1 if acks else None

    def _built(self, out: Outgoing) -> Iterator[BuiltBatch]:
        try:
            yield from built(out.records, self.app.conf.producer_compression_type)
        except RecordTooLarge as found:
            raise RecordTooLarge(f"{out.topic}[{out.partition}]: {found}") from found

    async def send(  # Faust's signature
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: HeadersArg | None,
        *,
        transactional_id: str | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Faust's own way to send one message, watched like the others."""
        self._check()
        ack = await super().send(topic, key, value, partition, timestamp, headers, transactional_id=transactional_id)
        return self._watch(asyncio.ensure_future(ack))

    async def flush(self) -> None:
        """Wait for all that is under way now; raises if anything ever failed, so Faust doesn't commit past it.

        A snapshot: waiting while anything is under way would never end beside a busy agent.
        """
        if under_way := tuple(self._under_way):
            await asyncio.wait(under_way)
        self._check()
        await super().flush()
        self._check()

    async def on_stop(self) -> None:
        """Stop. What is still under way is not waited for: its batch was not committed."""
        for future in tuple(self._under_way):
            future.cancel()
        await super().on_stop()

    def _watch(self, future: F) -> F:
        self._under_way.add(future)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: "asyncio.Future[Any]") -> None:
        self._under_way.discard(future)
        cause = asyncio.CancelledError() if future.cancelled() else future.exception()
        if cause is not None and self._failure is None:
            self._failure = DeliveryFailed(repr(cause))
            self._failure.__cause__ = cause

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
