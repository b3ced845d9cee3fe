"""How much goes into a record batch, and how much may be under way."""

# ruff: noqa: ANN401  # stands in for aiokafka's untyped methods

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas.log.build import MESSAGE_LIMIT, RecordTooLarge
from stream_jobs.engine.budget import ByteBudget
from stream_jobs.engine.producer import BatchProducer
from tests.engine.job import Job
from tests.engine.unstarted import with_producer


def test_large_sendings_are_split_below_the_brokers_limit_in_order(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three MB become four batches; a record between the batch size and the limit goes alone."""
    sizes: list[int] = []
    send_batch = AIOKafkaProducer.send_batch

    async def note(self: AIOKafkaProducer, batch: Any, topic: str, *, partition: int) -> Any:
        sizes.append(batch.size())
        return await send_batch(self, batch, topic, partition=partition)

    async def work(producer: BatchProducer) -> None:
        pairs = [(b"%d" % n, b"x" * 100_000) for n in range(30)] + [(b"30", b"x" * 1_000_000)]
        assert await producer.send_records(job.output, 2, pairs) == 30

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", note)
    with_producer(job.broker, work)
    assert len(sizes) == 5
    assert max(sizes) < MESSAGE_LIMIT
    assert [message.key() for message in job.broker.read(job.output)] == [b"%d" % n for n in range(31)]


def test_a_record_no_broker_takes_is_named(job: Job) -> None:
    async def work(producer: BatchProducer) -> None:
        with pytest.raises(RecordTooLarge, match=r"out\[1\]"):
            await producer.send_records(job.output, 1, [(b"k", b"x" * MESSAGE_LIMIT)])

    with_producer(job.broker, work)


def test_a_budget_holds_up_what_is_too_much_and_lets_the_largest_go_alone() -> None:
    async def main() -> None:
        budget = ByteBudget(10)
        await budget.take(25)
        waiting = [asyncio.ensure_future(budget.take(size)) for size in (6, 4, 1)]
        await asyncio.sleep(0)
        assert [task.done() for task in waiting] == [False] * 3
        budget.give(25)
        await asyncio.sleep(0.01)
        assert [task.done() for task in waiting] == [True, True, False]
        budget.give(6)
        await asyncio.wait_for(waiting[2], 1)

    asyncio.run(main())
