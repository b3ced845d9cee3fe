"""How every part of the system talks to Kafka through librdkafka: one partitioner, one reading loop.

Faust has its own way (stream_jobs/engine); this serves admission, sinks, imports and the command line.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

MOST_A_BATCH: Final = 20_000
LARGEST_RECORD: Final = 8 << 20
"""Bytes; a document of 1 MiB and its dead letter must both fit."""

Settings = Mapping[str, Any]


class RecordsLost(RuntimeError):
    """Records went before they were read: the log begins behind where the reader stood."""


class NotDelivered(RuntimeError):
    """The broker did not take a record."""


@dataclass(frozen=True)
class Outgoing:
    """One record to send; without a key any partition will do."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, str | bytes | None], ...] = ()


class Sender:
    """Sends records and waits until all of them are acknowledged. Keys hash as Java's and Faust's do."""

    def __init__(self, brokers: Settings) -> None:
        self._failed: list[str] = []
        self._producer = Producer(
            {
                **brokers,
                "partitioner": "murmur2_random",
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 2,
                "message.max.bytes": LARGEST_RECORD,
                "queue.buffering.max.messages": 2_000_000,
            }
        )

    def send(self, records: Iterable[Outgoing]) -> None:
        """Send and wait; raises NotDelivered if any record was not taken."""
        for record in records:
            self._produce(record)
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
        self._producer.poll(0)

    def _delivered(self, error: Any, _message: Message) -> None:  # noqa: ANN401  # librdkafka's own error type
        if error is not None:
            self._failed.append(str(error))


class Reader:
    """Reads topics as a member of a group, batch by batch; commits a batch once it was taken."""

    def __init__(self, brokers: Settings, group: str, topics: Sequence[str]) -> None:
        self._next: dict[tuple[str, int], int] = {}
        self._consumer = Consumer(
            {
                **brokers,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
                "fetch.queue.backoff.ms": 10,
                "fetch.message.max.bytes": LARGEST_RECORD,
                "topic.metadata.refresh.interval.ms": 5_000,
            }
        )
        self._consumer.subscribe(list(topics))

    def run(self, take: Callable[[list[Message]], None], stop: threading.Event) -> None:
        """Read until told to stop. `take` returns once its batch is safe; whatever it raises ends the run."""
        try:
            while not stop.is_set():
                self._one(take)
        finally:
            self._consumer.close()

    def _one(self, take: Callable[[list[Message]], None]) -> None:
        batch = [self._checked(message) for message in self._consumer.consume(MOST_A_BATCH, timeout=0.02)]
        if batch:
            take(batch)
            ends = [TopicPartition(topic, partition, end) for (topic, partition), end in self._next.items()]
            self._consumer.commit(offsets=ends, asynchronous=False)

    def _checked(self, message: Message) -> Message:
        if message.error() is not None:
            raise KafkaException(message.error())
        place, offset = (str(message.topic()), int(message.partition() or 0)), int(message.offset() or 0)
        expected = self._next.get(place, offset)
        if offset != expected:
            raise RecordsLost(f"{place[0]}/{place[1]}: expected offset {expected}, found {offset}")
        self._next[place] = expected + 1
        return message
