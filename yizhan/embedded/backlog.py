"""How far the readers are: everything that was published has been taken in, joined, written and committed.

The embedded broker drops unread records beyond a few MiB, so imports go in waves, each of which has
settled before the next begins.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from schemas.kafka import Settings
from schemas.topics import PARTITIONS

POLL_SECONDS: Final = 0.03
RPC_SECONDS: Final = 10

Ends = dict[tuple[str, int], int]


class Backlog:
    """Compares what groups have committed with what their topics hold."""

    def __init__(self, brokers: Settings, groups: Mapping[str, Sequence[str]]) -> None:
        self._topics = groups
        self._readers = {group: Consumer({**brokers, "group.id": group, "log_level": 0}) for group in groups}

    def wait(self, failed: Callable[[], None]) -> None:
        """Return once nothing is unread; `failed` is asked meanwhile and raises if a role has ended."""
        settled_at: Ends | None = None
        while True:
            failed()
            before = self._settled()
            # twice the same: a message between waybills may have been on its way during the first look
            if before is not None and before == settled_at:
                return
            settled_at = before
            if before is None:
                time.sleep(POLL_SECONDS)

    def _settled(self) -> Ends | None:
        """The ends of all topics, if every group has committed up to them."""
        found: Ends = {}
        for group, topics in self._topics.items():
            reader = self._readers[group]
            places = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS)]
            for place in reader.committed(places, timeout=RPC_SECONDS):
                low, end = reader.get_watermark_offsets(place, timeout=RPC_SECONDS)
                if end > max(place.offset, 0) and end > low:
                    return None
                found[place.topic, place.partition] = end
        return found

    def close(self) -> None:
        """Leave the broker."""
        for reader in self._readers.values():
            reader.close()
