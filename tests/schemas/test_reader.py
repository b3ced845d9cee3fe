"""What a reader hands on: stretches that touch; a lost one ends it; what of compacted topics it gathers."""

# ruff: noqa: SLF001  # where the log must go on is nobody else's business

from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from benchmarks.fetched import fetched
from schemas.log.batch import RecordBatch, RecordsLost
from schemas.reader import BYTES_GATHERED, MORE, MOST_A_BATCH, MOST_GATHERED, Reader
from schemas.topics import LIFECYCLE

PIECE = 5_000
PARCELS = LIFECYCLE.name


@pytest.fixture
def reader() -> Reader:
    found = Reader({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, "readers", ["scans"])
    found._next = {("scans", 0): 0, ("scans", 1): 0, (PARCELS, 0): 0}
    return found


def at(first: int, end: int, topic: str = "scans", partition: int = 0, size: int = 1) -> RecordBatch:
    return fetched(topic, [bytes(size)] * (end - first), partition=partition, first=first)


class Log:
    """A feed that gives what is laid into it, and a group that notes what is committed and says what it is told to."""

    def __init__(self, *batches: RecordBatch) -> None:
        self._left, self.committed = list(batches), dict[str, int]()
        self.says: Message | None = None

    def next(self, seconds: float, enough: int, most: int, most_bytes: int) -> tuple[list[RecordBatch], int]:
        """As the feed's, without waiting."""
        del seconds, enough, most_bytes
        given: list[RecordBatch] = []
        while self._left and sum(map(len, given)) < most:
            given.append(self._left.pop(0))
        return given, sum(map(len, self._left))

    def read(self, places: dict[tuple[str, int], int]) -> None:
        """Nothing is left of what was read before."""
        assert not places
        self._left = []

    def poll(self, timeout: float) -> Message | None:
        """What the group says."""
        assert timeout == 0
        return self.says

    def commit(self, offsets: list[TopicPartition], *, asynchronous: bool) -> None:
        """Where it would go on."""
        assert not asynchronous
        self.committed |= {place.topic: place.offset for place in offsets if place.offset}


def under(reader: Reader, log: Log) -> Log:
    reader._consumer = reader._feed = log  # type: ignore[assignment]  # it answers what is asked
    return log


def rounds(reader: Reader, many: int) -> Iterator[dict[str, int]]:
    """How many records of each topic are taken, round by round."""
    taken: list[list[RecordBatch]] = []
    for _ in range(many):
        taken.clear()
        reader._one(taken.append)
        found = Counter[str]()
        for batches in taken:
            for batch in batches:
                found[batch.topic] += len(batch)
        yield dict(found)


def pieces(first: int, end: int, topic: str = "scans") -> list[RecordBatch]:
    return [at(begin, min(begin + PIECE, end), topic) for begin in range(first, end, PIECE)]


def test_records_of_several_places_go_on_together_each_from_where_it_stood(reader: Reader) -> None:
    log = under(reader, Log(at(0, 2), at(0, 1, partition=1), at(2, 5), at(1, 2, partition=1)))
    assert [*rounds(reader, 1)] == [{"scans": 7}]
    assert reader._next == {("scans", 0): 5, ("scans", 1): 2, (PARCELS, 0): 0}
    assert log.committed


@pytest.mark.parametrize("found", [12, 8])
def test_a_stretch_that_went_unread_is_named(reader: Reader, found: int) -> None:
    log = under(reader, Log(at(0, 10), at(found, found + 2)))
    with pytest.raises(RecordsLost, match=f"expected offset 10, the log goes on at {found}"):
        [*rounds(reader, 1)]
    assert not log.committed


def test_a_compacted_topic_has_holes_by_design(reader: Reader) -> None:
    under(reader, Log(at(9, 10, PARCELS), at(12, 20, PARCELS)))
    assert [*rounds(reader, 1)] == [{PARCELS: 9}]
    assert reader._next[PARCELS, 0] == 20


@pytest.mark.parametrize("fault", [KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN])
def test_what_librdkafka_mends_is_passed_over(reader: Reader, fault: int) -> None:
    under(reader, Log(at(0, 1))).says = Message(topic="scans", error=KafkaError(fault))
    assert [*rounds(reader, 1)] == [{"scans": 1}]


def test_any_other_fault_ends_the_reading(reader: Reader) -> None:
    fault = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    under(reader, Log(at(0, 1))).says = Message(topic="scans", error=fault)
    with pytest.raises(KafkaException):
        [*rounds(reader, 1)]


def test_records_of_a_compacted_topic_are_gathered_while_more_is_at_hand(reader: Reader) -> None:
    """What is gathered is taken together, and committed then only."""
    most = MOST_A_BATCH
    half = most // 2
    mixed = [*pieces(0, half, PARCELS), *pieces(0, half), *pieces(half, most, PARCELS), *pieces(half, most + MORE)]
    log, found = under(reader, Log(*mixed)), rounds(reader, 4)
    assert next(found) == {"scans": half}
    assert log.committed == {"scans": half}
    assert next(found) == {"scans": half}
    assert log.committed == {"scans": most}
    assert next(found) == {"scans": MORE, PARCELS: most}
    assert log.committed == {"scans": most + MORE, PARCELS: most}
    assert not next(found)


def test_few_that_are_left_are_not_waited_for(reader: Reader) -> None:
    under(reader, Log(*pieces(0, MOST_A_BATCH, PARCELS), at(MOST_A_BATCH, MOST_A_BATCH + MORE - 1, PARCELS)))
    assert [*rounds(reader, 1)] == [{PARCELS: MOST_A_BATCH}]


@pytest.mark.parametrize("size", [1, 2 * BYTES_GATHERED // MOST_GATHERED])
def test_gathering_ends_at_its_bounds(reader: Reader, size: int) -> None:
    """Though more is at hand."""
    enough = min(MOST_GATHERED, -(-BYTES_GATHERED // size))
    first, last = at(0, enough - 1, PARCELS, size=size), at(enough - 1, enough, PARCELS, size=size)
    assert not reader._ready([first], more=True)
    assert sum(map(len, reader._ready([last], more=True))) == enough
    assert not reader._ready([last], more=True)


def test_what_was_gathered_of_partitions_that_go_is_dropped(reader: Reader) -> None:
    """It was not committed: whoever has them now reads it again."""
    log = under(reader, Log(*pieces(0, MOST_A_BATCH + MORE, PARCELS)))
    assert [*rounds(reader, 1)] == [{}]
    reader._taken(reader._consumer, [])
    assert [*rounds(reader, 1)] == [{}]
    assert not log.committed
