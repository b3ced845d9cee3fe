"""The consumer thread: what aiokafka has fetched becomes one `RecordBatch` per partition."""

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any

import numpy as np
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.errors import InvalidRequestError
from aiokafka.structs import ConsumerRecord, TopicPartition
from faust.transport.consumer import RecordMap
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport
from faust.types import TP

from stream_jobs.engine.batch import RecordBatch
from stream_jobs.engine.records import OFFSET, parted
from stream_jobs.engine.whole import WholeBatch, make_whole, placed

FETCH_MAX_WAIT_MS = 50
"""Faust's 1500 lets the broker park a request for idle partitions, and the busy ones wait behind it."""
FETCH_MIN_BYTES = 128 << 10
"""Kafka's 1 lets a broker answer at once, however little there is: thousands of requests and of small batches."""
SETTLING_S = 0.05
ANSWER_S = 0.2
"""How long to wait for the app's answer before looking whether it can still give one."""

Batches = dict[TP, list[RecordBatch]]


class BatchConsumerThread(AIOKafkaConsumerThread):
    """Faust's consumer thread, handing over whole stretches of the log."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._passed: dict[tuple[TopicPartition, int], int] = {}

    def _create_worker_consumer(self, transport: Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # noqa: SLF001  # no setting of Faust leads there
        consumer._fetch_min_bytes = FETCH_MIN_BYTES  # noqa: SLF001
        return consumer

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Tell the app, and wait until it is done with them, or has crashed."""
        await self._answered(super().on_partitions_revoked(revoked))

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Tell the app, and wait until it is ready for them, or has crashed."""
        await self._answered(super().on_partitions_assigned(assigned, generation_id))

    async def _answered(self, asking: Coroutine[Any, Any, None]) -> None:
        """A crashed app answers no more: waiting for it would hold up the worker's end by a minute."""
        answer = asyncio.ensure_future(asking)
        try:
            while not self.crashed:
                if (await asyncio.wait({answer}, timeout=ANSWER_S))[0]:
                    return answer.result()
        finally:
            answer.cancel()

    async def check_group(self) -> None:
        """Raise what keeps the consumer out of its group.

        aiokafka waits for somebody to ask before it tries again; Faust never asks, so the worker would idle for
        ever. A sync that came late is forgiven: asking lets aiokafka join again.
        """
        await self.call_thread(self._check_group)

    async def _check_group(self) -> None:
        try:
            self._ensure_consumer()._coordinator.check_errors()  # noqa: SLF001
        except InvalidRequestError as late:
            self.log.warning("Joining the group again after %r", late)

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109  # Faust's signature
        max_records: int | None = None,
    ) -> Batches:
        """The next batches, or nothing; `max_records` is not heeded.

        A call may outlive the assignment it was made for: Faust does not wait for it when partitions are taken
        away and given back. What it took then would be dropped, with the position already moved on; and as the
        set of active partitions is shared and emptied meanwhile, aiokafka would take emptiness for "all".
        """
        del max_records
        wanted = frozenset(active_partitions or ())
        generation = self.app.rebalancing_count
        deadline = monotonic() + (timeout or 0)
        while wanted and self.consumer.flow_active and self.app.rebalancing_count == generation:
            batches = await self._drain(consumer, wanted)
            if batches or not await _more(consumer._fetcher, deadline - monotonic()):  # noqa: SLF001
                return batches
        return {}

    async def _drain(self, consumer: AIOKafkaConsumer, wanted: frozenset[TP]) -> Batches:
        """All batches at hand.

        Nothing may be awaited between looking at the positions and taking the records: so a batch knows exactly
        where its stretch begins, and control records in front of the first record are no missing stretch.
        """
        fetcher = consumer._fetcher  # noqa: SLF001
        if fetcher._subscriptions.reassignment_in_progress:  # noqa: SLF001
            await asyncio.sleep(SETTLING_S)
            return {}
        ready = _ready(fetcher)
        for partition_records, _ in ready.values():
            make_whole(partition_records)
        drained = await super()._fetch_records(consumer, set(wanted), 0)
        return self._batches(ready, drained)

    def _batches(self, ready: dict[TopicPartition, tuple[Any, int]], drained: RecordMap) -> Batches:
        batches: Batches = {}
        for tp, (partition_records, begin) in ready.items():
            end = partition_records.next_fetch_offset
            if end == begin:
                continue
            begin = self._passed.pop((tp, begin), begin)  # noqa: PLW2901  # it began earlier, without records
            if records := drained.get(tp):
                batches[tp] = [batch_of(records, begin, end)]
            else:
                self._passed[tp, end] = begin
        return batches


def _ready(fetcher: Fetcher) -> dict[TopicPartition, tuple[Any, int]]:
    """What has been fetched of each partition, and the offset it begins at."""
    return {
        tp: (result._partition_records, result._partition_records.next_fetch_offset)  # noqa: SLF001
        for tp, result in fetcher._records.items()  # noqa: SLF001
        if type(result) is FetchResult and result.has_more()
    }


async def _more(fetcher: Fetcher, patience: float) -> bool:
    """Whether something was fetched within `patience` seconds."""
    if patience <= 0:
        return False
    try:
        await asyncio.wait_for(fetcher._create_fetch_waiter(), patience)  # noqa: SLF001
    except TimeoutError:
        return False
    return True


def batch_of(records: list[ConsumerRecord[None, WholeBatch]], begin: int, end: int) -> RecordBatch:
    """One batch from the record batches of the stretch `begin` to `end`; the first may have begun before it."""
    first = records[0]
    data, places = placed([record.value for record in records if record.value is not None])
    places = places[np.searchsorted(places[:, OFFSET], begin) :]
    keys, values = parted(data, places)
    offsets = () if len(places) == end - begin else places[:, OFFSET].tolist()
    return RecordBatch(first.topic, first.partition, keys, values, begin, end, offsets)
