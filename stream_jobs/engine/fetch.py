"""The consumer thread: what aiokafka has fetched becomes one `RecordBatch` per partition."""

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import InvalidRequestError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport
from faust.types import TP

from schemas.log.batch import RecordBatch
from schemas.log.client import FETCH_MIN_BYTES, FETCH_WAIT_MS
from schemas.log.stretches import Stretches, more

SETTLING_S = 0.05
ANSWER_S = 0.2
"""How long to wait for the app's answer before looking whether it can still give one."""

Batches = dict[TP, list[RecordBatch]]


class BatchConsumerThread(AIOKafkaConsumerThread):
    """Faust's consumer thread, handing over whole stretches of the log."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._stretches = Stretches()

    def _create_worker_consumer(self, transport: Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001  # no setting of Faust leads there
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
            if batches or not await more(consumer._fetcher, deadline - monotonic()):  # noqa: SLF001
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
        ready = self._stretches.ready(fetcher)
        drained = await super()._fetch_records(consumer, set(wanted), 0)
        return {TP(*tp): [batch] for tp, batch in self._stretches.cut(ready, drained).items()}
