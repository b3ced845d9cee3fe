"""How every part of the system sends to Kafka: one partitioner, all acknowledged.

Faust has its own way (stream_jobs/engine); this serves admission, imports and the command line. Single records go
through librdkafka, columns as record batches that are built here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message, Producer

from schemas.blobs import Records
from schemas.log.client import Settings
from schemas.log.sending import DELIVERY_SECONDS, NotDelivered, WholeSender
from schemas.topics import LARGEST_RECORD

__all__ = ["Bulk", "NotDelivered", "Outgoing", "Sender", "Settings"]


@dataclass(frozen=True)
class Outgoing:
    """One record to send; without a key any partition will do."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, str | bytes | None], ...] = ()


@dataclass(frozen=True)
class Bulk:
    """Records of one topic without headers, keys and values side by side."""

    topic: str
    records: Records


class Sender:
    """Sends records and waits until all of them are acknowledged. Keys hash as Java's and Faust's do."""

    def __init__(self, brokers: Settings) -> None:
        self._failed: list[str] = []
        self._whole = WholeSender(brokers)
        self._producer = Producer(
            {
                **brokers,
                "partitioner": "murmur2_random",
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 2,
                "delivery.report.only.error": True,  # flush waits for all; a call a record costs more than sending it
                "message.max.bytes": LARGEST_RECORD,
                "message.timeout.ms": DELIVERY_SECONDS * 1000,
                "queue.buffering.max.messages": 2_000_000,
            }
        )

    def send(self, records: Iterable[Outgoing], bulks: Iterable[Bulk] = ()) -> None:
        """Send and wait; raises NotDelivered if any record was not taken."""
        for record in records:
            self._produce(record)
        self._whole.send([(bulk.topic, bulk.records) for bulk in bulks])
        self._producer.flush()
        if self._failed:
            raise NotDelivered(self._failed[0])

    def _produce(self, record: Outgoing) -> None:
        headers = list(record.headers)
        while True:
            try:
                self._producer.produce(
                    record.topic, record.value, record.key, headers=headers, on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                break

    def _delivered(self, error: Any, _message: Message) -> None:  # noqa: ANN401  # librdkafka's own error type
        if error is not None:
            self._failed.append(str(error))

    def close(self) -> None:
        """Send nothing any more."""
        self._whole.close()
