"""What a reader hands on: records that touch, whatever was handed over with them; a lost stretch ends it."""

# ruff: noqa: SLF001  # where the log must go on is nobody else's business

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from schemas.reader import BYTES_A_BATCH, MOST_A_BATCH, PIECE, Reader, RecordsLost
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
