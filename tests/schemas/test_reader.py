"""What a reader hands on: records that touch, whatever was handed over with them; a lost stretch ends it."""

# ruff: noqa: SLF001  # where the log must go on is nobody else's business

from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from schemas.reader import BYTES_A_BATCH, BYTES_GATHERED, MOST_A_BATCH, MOST_GATHERED, PIECE, Reader, RecordsLost
from schemas.topics import LIFECYCLE


@pytest.fixture
def reader() -> Reader:
    return Reader({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, "readers", ["scans"])


def at(*offsets: int, topic: str = "scans", partition: int = 0) -> list[Message]:
    return [Message(topic=topic, partition=partition, offset=offset, value=b"v") for offset in offsets]


class Backlog:
    """What librdkafka has fetched already: so many messages of so many bytes."""

    def __init__(self, many: int, size: int) -> None:
        self.left, self._message = many, Message(topic="scans", partition=0, offset=0, value=bytes(size))

    def consume(self, most: int, timeout: float) -> list[Message]:
        """As the consumer's, which waits `timeout` seconds for what is not there."""
        del timeout
        given = min(most, self.left)
        self.left -= given
        return [self._message] * given


class Log:
    """A consumer that gives what is laid into it, a piece at a time, and notes what is committed."""

    def __init__(self, *messages: Message) -> None:
        self._left, self.committed = list(messages), dict[str, int]()

    def consume(self, most: int, timeout: float) -> list[Message]:
        """As Backlog's."""
        del timeout
        given, self._left = self._left[:most], self._left[most:]
        return given

    def commit(self, offsets: list[TopicPartition], *, asynchronous: bool) -> None:
        """Where it would go on."""
        assert not asynchronous
        self.committed |= {place.topic: place.offset for place in offsets}


def rounds(reader: Reader, log: Log, many: int) -> Iterator[dict[str, int]]:
    """How many messages of each topic are taken, round by round."""
    taken: list[list[Message]] = []
    reader._consumer = log  # type: ignore[assignment]  # it answers what is asked
    for _ in range(many):
        taken.clear()
        reader._one(taken.append)
        yield Counter(str(message.topic()) for batch in taken for message in batch)


def told(fault: int) -> list[Message]:
    return [Message(topic="scans", error=KafkaError(fault))]


def test_records_of_several_places_go_on_together_each_from_where_it_stood(reader: Reader) -> None:
    mixed = [*at(5, 6), *at(0, partition=1), *at(7), *at(1, partition=1)]
    assert reader._checked(mixed) == mixed
    assert len(reader._checked(at(8, 9))) == 2
    assert reader._next == {("scans", 0): 10, ("scans", 1): 2}


@pytest.mark.parametrize(("offsets", "found"), [((12, 13), 12), ((10, 11, 14), 14), ((8, 9), 8)])
def test_a_stretch_that_went_unread_is_named(reader: Reader, offsets: tuple[int, ...], found: int) -> None:
    reader._checked(at(9))
    expected = 10 if offsets[0] != 10 else 12
    with pytest.raises(RecordsLost, match=f"expected offset {expected}, the log goes on at {found}"):
        reader._checked(at(*offsets))


def test_a_compacted_topic_has_holes_by_design(reader: Reader) -> None:
    reader._checked(at(9, topic=LIFECYCLE.name))
    assert len(reader._checked(at(12, 20, topic=LIFECYCLE.name))) == 2
    assert reader._next == {(LIFECYCLE.name, 0): 21}


def test_what_librdkafka_mends_is_left_out_and_any_other_fault_ends_the_reading(reader: Reader) -> None:
    passing = [*at(1), *told(KafkaError._TRANSPORT), *at(2)]
    assert reader._checked(passing) == [passing[0], passing[2]]
    with pytest.raises(KafkaException):
        reader._checked([*at(3), *told(KafkaError.TOPIC_AUTHORIZATION_FAILED)])


@pytest.mark.parametrize(
    ("waiting", "size", "taken"),
    [
        (PIECE - 1, 1, PIECE - 1),
        (3 * PIECE + 7, 1, 3 * PIECE + 7),
        (2 * MOST_A_BATCH, 1, MOST_A_BATCH),
        (4 * PIECE, BYTES_A_BATCH // PIECE + 1, PIECE),
    ],
)
def test_all_that_waits_is_one_batch_up_to_its_bounds(reader: Reader, waiting: int, size: int, taken: int) -> None:
    reader._consumer = Backlog(waiting, size)  # type: ignore[assignment]  # it answers the one question asked
    assert len(reader._waiting()) == taken


def test_records_of_a_compacted_topic_are_gathered_while_more_is_at_hand(reader: Reader) -> None:
    """What is gathered is taken together, and committed then only."""
    most, parcels = MOST_A_BATCH, LIFECYCLE.name
    half = most // 2
    log = Log(
        *at(*range(half), topic=parcels),
        *at(*range(half)),
        *at(*range(half, most), topic=parcels),
        *at(*range(half, most + 1)),
    )
    found = rounds(reader, log, 4)
    assert next(found) == {"scans": half}
    assert log.committed == {"scans": half}
    assert next(found) == {"scans": half}
    assert log.committed == {"scans": most}
    assert next(found) == {"scans": 1, parcels: most}
    assert log.committed == {"scans": most + 1, parcels: most}
    assert not next(found)


def test_what_is_gathered_is_taken_when_nothing_comes_behind_it(reader: Reader) -> None:
    log = Log(*at(*range(MOST_A_BATCH), topic=LIFECYCLE.name))
    assert [*rounds(reader, log, 2)] == [{}, {LIFECYCLE.name: MOST_A_BATCH}]
    assert log.committed == {LIFECYCLE.name: MOST_A_BATCH}


@pytest.mark.parametrize("size", [1, 2 * BYTES_GATHERED // MOST_GATHERED])
def test_gathering_ends_at_its_bounds(reader: Reader, size: int) -> None:
    """Though more is at hand."""
    enough = min(MOST_GATHERED, -(-BYTES_GATHERED // size))
    one = Message(topic=LIFECYCLE.name, partition=0, offset=0, value=bytes(size))
    reader._next, reader._more = {(LIFECYCLE.name, 0): 0}, True
    assert not reader._ready([one] * (enough - 1))
    assert len(reader._ready([one])) == enough
    assert not reader._ready([one])


def test_what_was_gathered_of_partitions_that_go_is_dropped(reader: Reader) -> None:
    """It was not committed: whoever has them now reads it again."""
    log = Log(*at(*range(MOST_A_BATCH), topic=LIFECYCLE.name))
    assert [*rounds(reader, log, 1)] == [{}]
    reader._taken(reader._consumer, [])
    assert [*rounds(reader, log, 1)] == [{}]
    assert not log.committed
