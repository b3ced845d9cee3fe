"""Where editions of targets are kept: a file of an embedded stack, or the topic reference.targets of a cluster.

Both are only ever added to.
"""

import getpass
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import editions as history
from schemas.kafka import Outgoing, Sender
from schemas.reference import Reference
from schemas.targets import Edition
from schemas.topics import TARGETS
from schemas.wire import Codec
from yizhan.cluster.lag import Onlooker, Place

FILE: Final = "editions.ndjson"
PATIENCE_S: Final = 10.0


class Book(Protocol):
    """All editions that were ever recorded."""

    def known(self) -> tuple[Edition, ...]: ...  # noqa: D102
    def add(self, edition: Edition) -> None: ...  # noqa: D102


def recorded(book: Book, reference: Reference, by: str | None = None) -> Reference:
    """The reference data with its editions; what its files say anew is recorded as a load of now."""
    found = history.load(book.known(), reference, now(), by or user())
    if found is not None:
        book.add(found)
    return replace(reference, editions=book.known())


class FileBook:
    """A file beside the reference data, one line an edition."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def known(self) -> tuple[Edition, ...]:
        """In the order they were recorded."""
        return history.of_lines(self._file.read_text("utf-8").splitlines()) if self._file.exists() else ()

    def add(self, edition: Edition) -> None:
        """Record one more; a line that was cut short by a death is never left behind."""
        before = self._file.read_text("utf-8") if self._file.exists() else ""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{before}{history.as_line(edition)}\n", "utf-8")
        draft.replace(self._file)


class TopicBook:
    """The compacted topic; `brokers`: librdkafka's settings."""

    def __init__(self, brokers: Mapping[str, Any], codec: Codec) -> None:
        self.brokers, self._codec = brokers, codec
        self._onlooker: Onlooker | None = None
        self._places: set[Place] = set()
        self._ends: Mapping[Place, int] = {}

    def news(self) -> tuple[Edition, ...] | None:
        """All of them, if any may have been added since it last told them. Raises as `known` does."""
        if self._onlooker is None:
            self._onlooker = Onlooker(self.brokers)
            self._places = self._onlooker.places([TARGETS.name])
        ends = self._onlooker.ends(self._places)
        if ends == self._ends:
            return None
        found, self._ends = self.known(), ends
        return found

    def known(self) -> tuple[Edition, ...]:
        """The whole topic, read anew; raises KafkaException, and Refusal for a record that is none."""
        consumer = Consumer(
            {**self.brokers, "group.id": "yizhan-sla", "enable.auto.commit": False, "enable.partition.eof": True}
        )
        try:
            return history.read(_values(consumer), self._codec)
        finally:
            consumer.close()

    def add(self, edition: Edition) -> None:
        """Publish one more and wait until it is safe; raises NotDelivered."""
        key, value = history.publish(edition, self._codec)
        Sender(self.brokers).send([Outgoing(TARGETS.name, key, value)])


def _values(consumer: Consumer) -> list[bytes]:
    partitions = consumer.list_topics(TARGETS.name, timeout=PATIENCE_S).topics[TARGETS.name].partitions
    consumer.assign([TopicPartition(TARGETS.name, number, OFFSET_BEGINNING) for number in partitions])
    found: list[bytes] = []
    ended = 0
    while ended < len(partitions):
        message = consumer.poll(PATIENCE_S)
        if message is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{TARGETS.name} can't be read to its end"))  # noqa: SLF001  # librdkafka's own code
        if _is_end(message):
            ended += 1
        elif message.error() is None and (value := message.value()):
            found.append(value)
    return found


def _is_end(message: Message) -> bool:
    """Whether it only says that a partition holds no more; raises KafkaException for any error that matters."""
    error = message.error()
    if error is None or error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
        return False  # librdkafka looks for its group, which nobody needs or may use here
    if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  # librdkafka's own code
        raise KafkaException(error)
    return True


def now() -> int:
    """Epoch ms by the wall."""
    return time.time_ns() // 1_000_000


def user() -> str:
    """Who is at the keyboard."""
    return getpass.getuser()
