"""The sink as a role: scans, lifecycles and dead letters into ClickHouse.

Order: 1 write rows, 2 confirm, 3 commit offsets (the reading loop, after `take` returned).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
from confluent_kafka import Message

from schemas.contracts import Contracts
from schemas.topics import DEAD_LETTER, LIFECYCLE
from sinks.clickhouse.writer import Kind, Writer

GROUP: Final = "yizhan-sink"


class Undecodable(RuntimeError):
    """A record of our own topics that is no such record: nothing may be committed past it."""


class SinkRole:
    """Takes batches of our own topics."""

    def __init__(self, writer: Writer, spoken: Contracts) -> None:
        self._writer = writer
        self._codecs = {
            **{topic: (Kind.SCANS, codec) for topic, codec in spoken.scans.items()},
            LIFECYCLE.name: (Kind.LIFECYCLES, spoken.lifecycles),
            DEAD_LETTER.name: (Kind.DEAD_LETTERS, spoken.letters),
        }

    def take(self, messages: Sequence[Message]) -> None:
        """Write a batch and return once ClickHouse has confirmed it."""
        values: dict[str, list[bytes]] = defaultdict(list)
        for message in messages:
            values[str(message.topic())].append(message.value() or b"")
        self._writer.write([(self._codecs[topic][0], self._rows(topic, some)) for topic, some in values.items()])

    def _rows(self, topic: str, values: list[bytes]) -> pa.RecordBatch:
        kind, codec = self._codecs[topic]
        decoded = codec.decode(values)
        # what can't be read of scans.* the timelines job dead-letters; the sink leaves it out
        if decoded.refused and kind is not Kind.SCANS:
            raise Undecodable(f"{topic}: {decoded.refused[0][1]}")
        return decoded.rows
