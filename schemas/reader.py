"""Reading topics through librdkafka, as a member of a group, batch by batch.

A batch is committed once it was taken. Records that went unread before we came to them end the run; so does any
fault that is not just Kafka dealing the partitions out anew.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count
from types import MappingProxyType
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.kafka import Settings
from schemas.topics import FIXED, LARGEST_RECORD

MOST_A_BATCH: Final = 60_000
"""Messages. A reader that is behind takes as many at once: what a batch costs beside its messages, in ClickHouse above
all, is shared by more of them, and of more records of one parcel the newest alone is stored."""
BYTES_A_BATCH: Final = 24 << 20
"""Of values; the piece that goes beyond is the last."""
MOST_GATHERED: Final = 120_000
BYTES_GATHERED: Final = 64 << 20
"""The same of records that are gathered over several batches."""
PIECE: Final = 5_000
"""Messages asked for at once."""
WAIT_SECONDS: Final = 0.02
FETCH_BYTES: Final = 128 << 10
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

Place = tuple[str, int]


class RecordsLost(RuntimeError):
    """Records went before they were read: the log begins behind where the reader stood."""


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
        self._more, self._gathered = False, list[Message]()
        self._consumer = Consumer(
            {
                **brokers,
                **member,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                # A broker asked for any byte at all answers thousands of times a second, with little each time.
                "fetch.min.bytes": FETCH_BYTES,
                "fetch.wait.max.ms": 50,
                "fetch.queue.backoff.ms": 10,
                "fetch.message.max.bytes": LARGEST_RECORD,
                "topic.metadata.refresh.interval.ms": 5_000,
            }
        )
        self._consumer.subscribe(list(topics), on_assign=self._given, on_revoke=self._taken, on_lost=self._taken)

    def run(self, take: Callable[[list[Message]], None], stop: threading.Event) -> None:
        """Read until told to stop. `take` returns once its batch is safe; whatever it raises ends the run."""
        try:
            while not stop.is_set():
                self._one(take)
        finally:
            self._consumer.close()

    def _one(self, take: Callable[[list[Message]], None]) -> None:
        batch = self._ready(self._checked(self._waiting()))
        if batch:
            take(batch)
            self._commit()

    def _waiting(self) -> list[Message]:
        """All that is there, up to the bounds of a batch."""
        found = self._consumer.consume(PIECE, timeout=WAIT_SECONDS)
        more, size = len(found) == PIECE, sum(map(len, found))
        while more and len(found) < MOST_A_BATCH and size < BYTES_A_BATCH:
            piece = self._consumer.consume(PIECE, timeout=0)
            found += piece
            more, size = len(piece) == PIECE, size + sum(map(len, piece))
        self._more = more
        return found

    def _ready(self, found: list[Message]) -> list[Message]:
        """What is to be taken now: without records of compacted topics while these are being gathered."""
        if not COMPACTED.intersection(topic for topic, _ in self._next):
            return found
        gathered = self._gathered + [message for message in found if message.topic() in COMPACTED]
        full = len(gathered) >= MOST_GATHERED or sum(map(len, gathered)) >= BYTES_GATHERED
        self._gathered = gathered if self._more and not full else []
        others = [message for message in found if message.topic() not in COMPACTED]
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
        """Begin where the group had come to, if the log still has it."""
        self.assigned = frozenset((place.topic, place.partition) for place in places)
        self._next = {}
        for place in consumer.committed(places, timeout=ASK_SECONDS):
            if place.offset >= 0 and place.topic not in COMPACTED:
                low, _ = consumer.get_watermark_offsets(place, timeout=ASK_SECONDS)
                self._expect((place.topic, place.partition), place.offset, max(low, place.offset))
        self.joined = True

    def _taken(self, _consumer: Consumer, _places: list[TopicPartition]) -> None:
        self.assigned, self._next, self.joined = frozenset(), {}, False
        self._gathered = []  # whoever has the partitions now reads them again

    def _expect(self, place: Place, expected: int, found: int) -> None:
        if found != expected and place[0] not in COMPACTED:
            raise RecordsLost(
                f"{place[0]}/{place[1]}: expected offset {expected}, the log goes on at {found}. Bring the missing "
                "records in again, or reset the group's offset to accept the loss."
            )
        self._next[place] = found

    def _checked(self, found: Sequence[Message]) -> list[Message]:
        """What of it are records; notes where the next ones must stand."""
        faults = [fault for message in found if (fault := message.error()) is not None]
        if worst := [fault for fault in faults if fault.code() not in PASSING]:
            raise KafkaException(worst[0])
        batch = [message for message in found if message.error() is None] if faults else list(found)
        offsets: dict[Place, list[int]] = defaultdict(list)
        for message in batch:
            offsets[message.topic(), message.partition()].append(message.offset())  # type: ignore[index, arg-type]  # None where it is no record
        for place, some in offsets.items():
            self._step(place, some)
        return batch

    def _step(self, place: Place, offsets: Sequence[int]) -> None:
        """Records of a place, in order, must touch each other and those before them."""
        expected, last = self._next.get(place, offsets[0]), offsets[-1]
        if last - expected + 1 != len(offsets):
            found = next((at for at, right in zip(offsets, count(expected), strict=False) if at != right), last)
            self._expect(place, expected + offsets.index(found), found)
        self._next[place] = last + 1
