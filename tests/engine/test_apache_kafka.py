"""The engine on Apache Kafka itself: what producers of all kinds write is read, and what is built it takes."""

import asyncio
from typing import Final

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from schemas.log.build import PACK
from stream_jobs.engine import running
from stream_jobs.engine.producer import BatchProducer
from tests.engine.broker import PARTITIONS, TIMEOUT_S, Broker
from tests.engine.job import Job, sets_of
from tests.engine.unstarted import with_producer
from tests.servers.fixtures import kafka_server
from yizhan.servers import Kafka

__all__ = ["kafka_server"]
LEAST_SESSION_S: Final = 6.0
"""What a broker allows by default."""
LED: Final = Retrying(
    retry=retry_if_exception_type(KafkaException), wait=wait_fixed(0.1), stop=stop_after_delay(TIMEOUT_S), reraise=True
)
RETURNS: Final = 5
COMPRESSIONS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
Sets = dict[bytes, frozenset[bytes]]


class RealBroker(Broker):
    """A broker that is there already; topics are made."""

    def __init__(self, address: str) -> None:
        self.address = address

    def touch(self, *topics: str) -> None:
        """Make topics, and wait until every partition has its leader: a busy broker takes a while."""
        admin = AdminClient({"bootstrap.servers": self.address})
        for made in admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics]).values():
            made.result(TIMEOUT_S)
        for topic in topics:
            for partition in range(PARTITIONS):
                LED(self.watermarks, topic, partition)


def _topic(test: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in test)[:80]


@pytest.fixture
def real_job(kafka_server: Kafka, request: pytest.FixtureRequest) -> Job:
    """A job with topics named after the test."""
    return Job(RealBroker(kafka_server.bootstrap), _topic(request.node.name), session=LEAST_SESSION_S)


def write(job: Job, compression: str, number: int) -> None:
    """Two hundred records to each source in a transaction: the broker adds a marker to each partition."""
    settings = {"bootstrap.servers": job.broker.address, "partitioner": "murmur2_random"}
    name = f"{job.name}-{compression}"
    producer = Producer({**settings, "compression.type": compression, "transactional.id": name})
    producer.init_transactions(TIMEOUT_S)
    producer.begin_transaction()
    for source in job.sources:
        for at in range(200):
            producer.produce(source, b"%d-%d" % (number, at), b"key-%d" % (at % 40))
    producer.commit_transaction(TIMEOUT_S)


def expected(job: Job) -> Sets:
    """The sets that the records of the sources make."""
    found: dict[bytes, set[bytes]] = {}
    for source in job.sources:
        for record in job.broker.read(source):
            found.setdefault(bytes(record.key() or b""), set()).add(bytes(record.value() or b""))
    return {key: frozenset(values) for key, values in found.items()}


def test_all_compressions_and_transactions_are_read_and_come_back_from_the_changelog(real_job: Job) -> None:
    """Markers in mid-log hold no commit up and look like no missing stretch."""
    for number, compression in enumerate(COMPRESSIONS):
        write(real_job, compression, number)
    real_job.fill(200)
    sets = expected(real_job)

    async def work() -> None:
        app, table = real_job.app()
        async with running(app):
            await real_job.until_committed()
            assert sets_of(table) == sets

    async def come_back() -> None:
        app, table = real_job.app()
        async with running(app):
            await real_job.until(lambda: sets_of(table) == sets)

    asyncio.run(work())
    assert real_job.sent(real_job.output) == real_job.sent(real_job.changelog) == sets
    asyncio.run(come_back())


def test_a_worker_that_comes_back_reads_on_whatever_it_fetched_while_it_sought(real_job: Job) -> None:
    """With nothing behind it in the log, a batch lost on the way would never be missed."""

    async def work() -> None:
        async with running(real_job.app()[0]):
            await real_job.until_committed()

    for number in range(RETURNS):
        real_job.fill(200, start=200 * number)
        asyncio.run(work())
    assert real_job.sent(real_job.changelog) == expected(real_job)


@pytest.mark.parametrize("compression", PACK)
def test_kafka_takes_every_compression(real_job: Job, compression: str | None) -> None:
    """It refuses lz4 frames with linked blocks, which the in-process broker takes."""
    pairs = [(b"key-%d" % number, b"value %d " % number * 1000) for number in range(200)]

    async def work(producer: BatchProducer) -> None:
        assert await producer.send_records(real_job.output, 2, pairs) == len(pairs) - 1

    with_producer(real_job.broker, work, producer_compression_type=compression)
    assert [(message.key(), message.value()) for message in real_job.broker.read(real_job.output)] == pairs
