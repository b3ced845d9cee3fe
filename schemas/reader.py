"""Reading topics as a member of a group, batch by batch: librdkafka keeps the place in the group, a feed reads.

A batch is committed once it was taken. Records that went unread before we came to them end the run; so does any
fault that is not just Kafka dealing the partitions out anew.
"""

import threading
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.log.batch import RecordBatch, RecordsLost
from schemas.log.client import Settings
from schemas.log.feed import Feed, Place
from schemas.topics import FIXED

MOST_A_BATCH: Final = 120_000
"""Messages. A reader that is behind takes as many at once: what a batch costs beside its messages, in ClickHouse above
all, is shared by more of them, and of more records of one parcel the newest alone is stored."""
BYTES_A_BATCH: Final = 48 << 20
"""Of values; the piece that goes beyond is the last."""
MOST_GATHERED: Final = 240_000
BYTES_GATHERED: Final = 128 << 20
"""The same of records that are gathered over several batches."""
MORE: Final = 5_000
"""Records behind those taken that make it worth waiting for them: below, nobody's rows are held back."""
WAIT_SECONDS: Final = 0.02
"""How long records are waited for, if there are not so many yet: each write costs something of its own."""
ASK_SECONDS: Final = 10.0
COMPACTED: Final = frozenset(topic.name for topic in FIXED if topic.cleanup == "compact")
"""Topics whose log has holes by design: an older record of a key goes, the newer one stays. So the more of them are
taken at once, the more need not be looked at: while more is at hand they are gathered."""
DEALT_ANEW: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001  # librdkafka's own codes begin with an underscore
        KafkaError._NO_OFFSET,  # noqa: SLF001
    }
)
"""A commit answered so came too late: whoever has the partitions now reads the batch again, to the same effect."""
PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001
    }
)
"""What librdkafka mends by itself while we go on asking."""
LOG: Final = structlog.get_logger(__name__)


class Reader:
    """Reads topics as a member of a group.

    `member`: settings of the membership, such as session.timeout.ms. To be looked at by any thread: `assigned`, the
    places it reads now; `joined`, whether the group has dealt them out.
    """

    def __init__(
        self, brokers: Settings, group: str, topics: Sequence[str], member: Settings = MappingProxyType({})
    ) -> None:
        self.assigned: frozenset[Place] = frozenset()
        self.joined = False
        self._next: dict[Place, int] = {}
        self._gathered = list[RecordBatch]()
        self._feed = Feed(brokers)
        self._consumer = Consumer(
            {
                **brokers,
                **member,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "topic.metadata.refresh.interval.ms": 5_000,
            }
        )
        self._consumer.subscribe(list(topics), on_assign=self._given, on_revoke=self._taken, on_lost=self._taken)

    def run(self, take: Callable[[list[RecordBatch]], None], stop: threading.Event) -> None:
        """Read until told to stop. `take` returns once its batches are safe; whatever it raises ends the run."""
        try:
            while not stop.is_set():
                self._one(take)
        finally:
            self._consumer.close()
            self._feed.close()

    def _one(self, take: Callable[[list[RecordBatch]], None]) -> None:
        self._keep_place()
        found, left = self._feed.next(WAIT_SECONDS, MORE, MOST_A_BATCH, BYTES_A_BATCH)
        batches = self._ready([batch for batch in found if self._follows(batch)], more=left >= MORE)
        if batches:
            take(batches)
            self._commit()

    def _keep_place(self) -> None:
        """Hear what the group says."""
        message = self._consumer.poll(0)
        if message is not None and (fault := message.error()) is not None and fault.code() not in PASSING:
            raise KafkaException(fault)

    def _follows(self, batch: RecordBatch) -> bool:
        """Whether it holds anything; raises RecordsLost if it does not begin where the log has to go on."""
        place = batch.topic, batch.partition
        if batch.first_offset != (expected := self._next[place]) and batch.topic not in COMPACTED:
            raise RecordsLost(*place, expected, batch.first_offset)
        self._next[place] = batch.next_offset
        return len(batch) > 0

    def _ready(self, found: list[RecordBatch], *, more: bool) -> list[RecordBatch]:
        """What is to be taken now: without records of compacted topics while these are being gathered."""
        gathered = self._gathered + [batch for batch in found if batch.topic in COMPACTED]
        records, size = sum(map(len, gathered)), sum(batch.size for batch in gathered)
        full = records >= MOST_GATHERED or size >= BYTES_GATHERED
        self._gathered = gathered if more and not full else []
        others = [batch for batch in found if batch.topic not in COMPACTED]
        return others if self._gathered else others + gathered

    def _commit(self) -> None:
        """All that was taken."""
        left = COMPACTED if self._gathered else ()
        places = [(place, end) for place, end in self._next.items() if place[0] not in left]
        ends = [TopicPartition(topic, partition, end) for (topic, partition), end in places]
        try:
            self._consumer.commit(offsets=ends, asynchronous=False)
        except KafkaException as fault:
            if fault.args[0].code() not in DEALT_ANEW:
                raise
            LOG.warning("commit came too late, the batch will be read again", cause=str(fault))

    def _given(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """Begin where the group had come to, if the log still has it. The reading itself is the feed's."""
        consumer.assign(places)
        consumer.pause(places)
        self.assigned = frozenset((place.topic, place.partition) for place in places)
        self._next = {
            (place.topic, place.partition): self._begin(consumer, place)
            for place in consumer.committed(places, timeout=ASK_SECONDS)
        }
        self._feed.read(self._next)
        self.joined = True

    def _begin(self, consumer: Consumer, committed: TopicPartition) -> int:
        low, _ = consumer.get_watermark_offsets(committed, timeout=ASK_SECONDS)
        if 0 <= committed.offset < low and committed.topic not in COMPACTED:
            raise RecordsLost(committed.topic, committed.partition, committed.offset, low)
        return max(low, committed.offset)

    def _taken(self, _consumer: Consumer, _places: list[TopicPartition]) -> None:
        self._feed.read({})
        self.assigned, self._next, self.joined = frozenset(), {}, False
        self._gathered = []  # whoever has the partitions now reads them again
