"""librdkafka's in-process cluster: a real TCP endpoint that speaks Kafka, gone with the process."""

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

PARTITIONS = 4
"""What a topic gets when a metadata request names it for the first time; the cluster has no CreateTopics."""
TIMEOUT_S = 10.0


class Broker:
    """The cluster, and the plain clients tests look at it with."""

    def __init__(self) -> None:
        self._owner = Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1})
        brokers = self._owner.list_topics(timeout=TIMEOUT_S).brokers
        self.address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._owner.flush(TIMEOUT_S)
        del self._owner

    def touch(self, *topics: str) -> None:
        """Make topics by asking for them."""
        for topic in topics:
            self._owner.list_topics(topic, timeout=TIMEOUT_S)

    def produce(
        self, topic: str, records: Iterable[tuple[bytes, bytes | None]], partitioner: str = "murmur2_random"
    ) -> list[Message]:
        """Write records, each to the partition of its key as aiokafka and Faust compute it."""
        written: list[Message] = []
        config = {"bootstrap.servers": self.address, "partitioner": partitioner, "linger.ms": 5}
        producer = Producer(config)
        for key, value in records:
            producer.produce(topic, value, key, on_delivery=lambda _, message: written.append(message))
            producer.poll(0)
        assert producer.flush(TIMEOUT_S) == 0
        return written

    def read(self, topic: str) -> list[Message]:
        """All records of a topic, partition after partition."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "onlooker"})
        try:
            records: list[Message] = []
            for partition in range(PARTITIONS):
                records += self._read(consumer, TopicPartition(topic, partition, OFFSET_BEGINNING))
            return records
        finally:
            consumer.close()

    def _read(self, consumer: Consumer, tp: TopicPartition) -> list[Message]:
        first, end = consumer.get_watermark_offsets(tp, timeout=TIMEOUT_S)
        records: list[Message] = []
        if end > first:
            consumer.assign([tp])
            while not records or (records[-1].offset() or 0) < end - 1:
                records += consumer.consume(1000, timeout=0.05)
            consumer.unassign()
        return records

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset and end of a partition's log."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "onlooker"})
        try:
            first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)
        finally:
            consumer.close()
        return first, end

    def committed(self, group: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Offsets committed by a group."""
        wanted = [TopicPartition(topic, partition) for topic in topics for partition in range(PARTITIONS)]
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group})
        try:
            found = consumer.committed(wanted, timeout=TIMEOUT_S)
        finally:
            consumer.close()
        return {(tp.topic, tp.partition): tp.offset for tp in found if tp.offset >= 0}
