"""Kafka inside this process: librdkafka's mock cluster, a TCP endpoint on loopback.

It keeps about 4 MiB a partition and silently drops the oldest, creates topics when they are asked for,
and holds nothing on disk. `backlog.py` keeps imports within that; readers stop if a record went unread.
"""

from collections.abc import Iterable

from confluent_kafka import Producer


class Broker:
    """Lives as long as the object; `address` is host:port."""

    def __init__(self) -> None:
        # the address is ignored, but without one librdkafka complains
        self._cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "embedded", "log_level": 0})
        [node] = self._cluster.list_topics(timeout=10).brokers.values()
        self.address = f"{node.host}:{node.port}"

    def create(self, topics: Iterable[str]) -> None:
        """Ask for each topic once: that is how this broker makes them."""
        for topic in topics:
            self._cluster.list_topics(topic, timeout=10)
