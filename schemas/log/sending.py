"""Columns of keys and values, sent as record batches that are built here."""

import asyncio
from collections.abc import Sequence
from typing import Final

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.blobs import Records
from schemas.log.build import BATCH_BYTES, built
from schemas.log.client import Loop, Settings, for_aiokafka
from schemas.log.partitions import partitions_of

DELIVERY_SECONDS: Final = 60
"""After so long without an acknowledgement a record counts as not delivered."""


class NotDelivered(RuntimeError):
    """The broker did not take a record."""


class WholeSender:
    """Sends records in bulk and waits until all of them are acknowledged. Keys hash as Java's and Faust's do."""

    def __init__(self, brokers: Settings) -> None:
        self._brokers = for_aiokafka(brokers)
        self._loop: Loop | None = None
        self._producer: AIOKafkaProducer | None = None

    def send(self, bulks: Sequence[tuple[str, Records]]) -> None:
        """Records of topics; raises NotDelivered."""
        if not bulks:
            return
        if self._loop is None:
            self._loop = Loop("sender")
        try:
            self._loop.call(self._send(bulks))
        except KafkaError as fault:
            raise NotDelivered(str(fault)) from fault

    async def _send(self, bulks: Sequence[tuple[str, Records]]) -> None:
        if self._producer is None:
            self._producer = await self._started()
        await asyncio.gather(*(self._one(self._producer, topic, records) for topic, records in bulks))

    async def _started(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._brokers, acks="all", request_timeout_ms=DELIVERY_SECONDS * 1000, max_batch_size=BATCH_BYTES
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _one(self, producer: AIOKafkaProducer, topic: str, records: Records) -> None:
        places = partitions_of(records.keys, len(await producer.partitions_for(topic)))
        acks = [
            await producer.send_batch(batch, topic, partition=partition)
            for partition in np.unique(places).tolist()
            for batch in built(records.take(np.flatnonzero(places == partition)))
        ]
        await asyncio.gather(*acks)

    def close(self) -> None:
        """Send nothing any more."""
        if self._loop is not None:
            if self._producer is not None:
                self._loop.call(self._producer.stop())
            self._loop.close()
        self._loop = self._producer = None
