"""Reading ahead from a broker: from where it was told to, with headers and times, in bounds, anew when told."""

from collections.abc import Iterator

import pytest
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import Producer

from schemas.blobs import Records
from schemas.log import feed as subject
from schemas.log.batch import RecordBatch
from schemas.log.feed import Feed
from schemas.log.sending import NotDelivered, WholeSender
from schemas.log.stretches import Ready, Stretches
from yizhan.embedded.broker import Broker

SOON_S = 10.0
TOPIC = "told"
MANY, LOTS = 1000, 1 << 30


@pytest.fixture(scope="module")
def broker() -> Broker:
    return Broker()


@pytest.fixture
def topic(broker: Broker, request: pytest.FixtureRequest) -> str:
    name = f"{TOPIC}-{abs(hash(request.node.name))}"
    broker.create([name])
    return name


@pytest.fixture
def feed(broker: Broker) -> Iterator[Feed]:
    found = Feed({"bootstrap.servers": broker.address})
    yield found
    found.close()


def write(broker: Broker, topic: str, first: int, end: int, size: int = 0) -> None:
    """Records with a header and a time, all to partition 0, each a batch of its own."""
    producer = Producer({"bootstrap.servers": broker.address, "log_level": 0, "batch.num.messages": 1})
    for number in range(first, end):
        headers: list[tuple[str, str | bytes | None]] = [("format", b"f%d" % number), ("none", None)]
        value = b"v%d" % number + bytes(size)
        producer.produce(topic, value, b"k", headers=headers, partition=0, timestamp=5000 + number)
    producer.flush()


def read(feed: Feed, many: int) -> list[RecordBatch]:
    found: list[RecordBatch] = []
    while sum(map(len, found)) < many:
        more, _ = feed.next(SOON_S, 1, MANY, LOTS)
        assert more, f"{sum(map(len, found))} of {many}"
        found += more
    return found


def values(batches: list[RecordBatch]) -> list[bytes | None]:
    return [value for batch in batches for value in batch.values]


def test_records_come_from_the_offset_on_with_their_headers_and_times(broker: Broker, topic: str, feed: Feed) -> None:
    write(broker, topic, 0, 10)
    feed.read({(topic, 0): 4, (topic, 1): 0})
    found = read(feed, 6)
    assert values(found) == [b"v%d" % number for number in range(4, 10)]
    rows = [(batch, at) for batch in found for at in range(len(batch))]
    assert [batch.offset(at) for batch, at in rows] == [*range(4, 10)]
    assert [int(batch.stamps[at]) for batch, at in rows] == [*range(5004, 5010)]
    assert [batch.headers(at) for batch, at in rows] == [
        {"format": b"f%d" % number, "none": None} for number in range(4, 10)
    ]


def test_told_anew_nothing_is_left_of_what_was_read_ahead(broker: Broker, topic: str, feed: Feed) -> None:
    write(broker, topic, 0, 10)
    feed.read({(topic, 0): 0})
    read(feed, 1)
    feed.read({(topic, 0): 8})
    assert values(read(feed, 2)) == [b"v8", b"v9"]
    feed.read({})
    write(broker, topic, 10, 12)
    assert feed.next(0.3, 1, MANY, LOTS) == ([], 0)


def test_it_reads_ahead_in_bounds_and_goes_on_when_there_is_room(
    broker: Broker, topic: str, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "AHEAD_BYTES", 1)
    write(broker, topic, 0, 3, size=500_000)
    feed.read({(topic, 0): 0})
    read(feed, 3)
    for number in range(3, 6):
        write(broker, topic, number, number + 1)
    found = read(feed, 3)
    assert values(found) == [b"v3", b"v4", b"v5"]


def test_a_call_takes_what_it_was_told_and_says_whether_there_is_more(broker: Broker, topic: str, feed: Feed) -> None:
    write(broker, topic, 0, 3, size=900_000)
    write(broker, topic, 3, 4)
    feed.read({(topic, 0): 0})
    taken: list[RecordBatch] = []
    while sum(map(len, taken)) < 4:
        found, _ = feed.next(SOON_S, 1, 1, LOTS)
        assert len(found) == 1
        taken += found
    assert [value[:2] for value in values(taken) if value] == [b"v0", b"v1", b"v2", b"v3"]


def test_few_are_waited_for(broker: Broker, topic: str, feed: Feed) -> None:
    """But not for ever."""
    feed.read({(topic, 0): 0})
    write(broker, topic, 0, 2)
    found, _ = feed.next(1.0, 3, MANY, LOTS)
    assert values(found) == [b"v0", b"v1"]


def test_a_broker_that_is_not_there_is_an_error() -> None:
    nowhere = Feed({"bootstrap.servers": "127.0.0.1:1"})
    with pytest.raises(KafkaConnectionError):
        nowhere.read({(TOPIC, 0): 0})
    assert not nowhere.next(0, 1, MANY, LOTS)[0]
    nowhere.close()


def test_what_ends_the_reading_is_raised_to_whoever_waits(
    broker: Broker, topic: str, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(broker, topic, 0, 1)

    def broken(_self: Stretches, _fetcher: object) -> Ready:
        raise LookupError("unreadable")

    monkeypatch.setattr(Stretches, "ready", broken)
    feed.read({(topic, 0): 0})
    with pytest.raises(LookupError, match="unreadable"):
        feed.next(SOON_S, 1, MANY, LOTS)


def test_columns_are_sent_to_where_librdkafka_sends_their_keys(broker: Broker, topic: str, feed: Feed) -> None:
    keys = [b"key-%d" % number for number in range(50)]
    sender = WholeSender({"bootstrap.servers": broker.address})
    sender.send([(topic, Records.of([(key, b"of columns") for key in keys]))])
    sender.send([])
    sender.close()
    producer = Producer({"bootstrap.servers": broker.address, "log_level": 0, "partitioner": "murmur2_random"})
    for key in keys:
        producer.produce(topic, b"of librdkafka", key)
    producer.flush()
    feed.read(dict.fromkeys([(topic, partition) for partition in range(4)], 0))
    rows = [(b.partition, key, value) for b in read(feed, 100) for key, value in zip(b.keys, b.values, strict=True)]
    ours = {(partition, key) for partition, key, value in rows if value == b"of columns"}
    assert ours == {(partition, key) for partition, key, value in rows if value == b"of librdkafka"}
    assert len(ours) == len(keys)
    assert len({partition for partition, _ in ours}) > 1


def test_what_the_broker_does_not_take_is_raised() -> None:
    sender = WholeSender({"bootstrap.servers": "127.0.0.1:1"})
    with pytest.raises(NotDelivered):
        sender.send([(TOPIC, Records.of([(b"k", b"v")]))])
    sender.close()
