"""Whatever goes wrong ends the worker, and nothing is committed that isn't done."""

# ruff: noqa: ANN401  # stands in for aiokafka's untyped methods

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError, KafkaTimeoutError
from confluent_kafka import Consumer, TopicPartition
from faust.transport.drivers.aiokafka import ConsumerRebalanceListener
from mode.threads import WorkerThread

from stream_jobs.engine import DeliveryFailed, RecordsLost, StateRejected, run, running
from stream_jobs.engine.transport import BatchConsumer
from tests.engine.job import Job

NEVER_S = 15.0


async def run_till_it_ends(job: Job) -> None:
    async with asyncio.timeout(NEVER_S):
        await run(job.app()[0], asyncio.Event())


def test_an_agents_exception_ends_the_process_and_its_batch_is_not_committed(job: Job) -> None:
    """Faust would acknowledge the batch, commit it and go on: its records would be lost."""
    job.broker.produce(job.sources[0], [(b"key-1", b"poison")])
    job.broker.produce(job.sources[1], [(b"key-1", b"poison")])

    command = [sys.executable, "-m", "tests.engine.crashing_worker", job.broker.address, job.name]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert ended.returncode != 0
    assert "LookupError: poison" in ended.stderr
    assert not job.committed()


def test_nothing_is_committed_past_a_failed_delivery(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output of one partition can't be delivered: flush raises, the worker ends, and no offset has moved."""
    send_batch = AIOKafkaProducer.send_batch

    async def fail(self: AIOKafkaProducer, batch: Any, topic: str, *, partition: int) -> Any:
        if topic != job.output:
            return await send_batch(self, batch, topic, partition=partition)
        undelivered = asyncio.get_running_loop().create_future()
        undelivered.set_exception(KafkaTimeoutError())
        return undelivered

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", fail)
    job.fill(50)
    with pytest.raises(DeliveryFailed):
        asyncio.run(run_till_it_ends(job))

    assert job.batches
    assert not job.committed()
    assert not job.broker.read(job.changelog)


def test_records_the_broker_dropped_unread_are_noticed(job: Job) -> None:
    """The in-process broker keeps some MiB a partition and drops the oldest without a word."""
    topic = job.sources[0]
    consumer = Consumer({"bootstrap.servers": job.broker.address, "group.id": job.name})
    written = job.broker.produce(topic, [(b"key-1", b"read")] * 10)
    partition = written[0].partition() or 0
    consumer.commit(offsets=[TopicPartition(topic, partition, 10)], asynchronous=False)
    consumer.close()
    job.broker.produce(topic, [(b"key-1", b"x" * 100_000)] * 80)
    first, _ = job.broker.watermarks(topic, partition)

    with pytest.raises(RecordsLost) as lost:
        asyncio.run(run_till_it_ends(job))

    assert first > 10
    assert lost.value.args == (topic, partition, 10, first)
    assert job.committed() == {(topic, partition): 10}


def test_what_was_read_just_before_the_seek_is_read_again(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its turn is over when the seek begins. What nobody has committed, with nothing behind it, would stand still."""
    perform_seek, read = BatchConsumer.perform_seek, []

    async def read_and_seek(self: Any) -> None:
        read.append(await self._getmany(self._get_active_partitions(), NEVER_S))
        await perform_seek(self)

    async def work() -> None:
        async with running(job.app()[0]):
            await job.until_committed()

    monkeypatch.setattr(BatchConsumer, "perform_seek", read_and_seek)
    sets = job.fill(50)
    asyncio.run(work())
    assert any(read)
    assert job.sent(job.output) == sets


def test_a_worker_kept_out_of_its_group_ends(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Aiokafka waits to be asked for the reason, and Faust doesn't ask: the worker would idle for ever."""

    def check_errors(_: GroupCoordinator) -> None:
        raise GroupAuthorizationFailedError(job.name)

    monkeypatch.setattr(GroupCoordinator, "check_errors", check_errors)
    with pytest.raises(GroupAuthorizationFailedError):
        asyncio.run(run_till_it_ends(job))


def test_a_worker_that_crashes_as_it_joins_its_group_ends_at_once(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread tells it what partitions go; crashed, it answers no more, and would be waited for for a minute."""
    revoked = ConsumerRebalanceListener.on_partitions_revoked

    async def revoke_late(self: Any, partitions: Any) -> None:
        self._thread.app.loop.call_soon_threadsafe(self._thread.app.fail, LookupError("amid joining"))
        while not self._thread.crashed:  # noqa: ASYNC110  # the app's crash sets no event of this loop
            await asyncio.sleep(0.01)
        await revoked(self, partitions)

    monkeypatch.setattr(ConsumerRebalanceListener, "on_partitions_revoked", revoke_late)
    with pytest.raises(LookupError, match="amid joining"):
        asyncio.run(run_till_it_ends(job))
    assert not [thread for thread in threading.enumerate() if isinstance(thread, WorkerThread)]


def test_a_changelog_that_cannot_be_joined_stops_the_worker(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    """Faust would warn, leave the records out and go on with a state that lacks them."""
    good = [(b"key-%d" % n, b"v") for n in range(5)]
    job.broker.produce(job.changelog, good)
    bad = job.broker.produce(job.changelog, [(b"key-1", None)])
    job.fill(20)

    with pytest.raises(StateRejected, match=f"{job.changelog}.{bad[0].partition()}"):
        asyncio.run(run_till_it_ends(job))

    assert "can't be joined" in caplog.text
    assert not job.batches
    assert not job.committed()
