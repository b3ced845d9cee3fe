"""Batches that wait are worked on as one: what joins, what does not, what is committed, how much may wait."""

# ruff: noqa: SLF001  # private hooks of untyped drivers are the subject

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from faust.types import TP

from schemas.blobs import Blobs
from stream_jobs.engine import BatchApp, HeldPartition, RecordBatch, StepBounds, running
from stream_jobs.engine.transport import READ_S
from stream_jobs.engine.waiting import Waiting, together
from tests.engine.job import Job, KeySets, sets_of
from tests.engine.unstarted import batch, with_app

SOURCE = TP("source", 1)


def fetched(first: int, *, beyond: int = 3, offsets: tuple[int, ...] = ()) -> RecordBatch:
    """Keys and values in one buffer, as a fetch has them; more bytes lie in it than records."""
    data = np.frombuffer(b"k%dv%d??" % (first, first), np.uint8)
    size = len(b"k%d" % first)
    key, value = (Blobs(data, np.array([at]), np.array([size])) for at in (0, size))
    return RecordBatch("source", 1, key, value, first, first + beyond, offsets)


def test_batches_together_are_their_records_in_order_with_their_own_offsets() -> None:
    made = together([batch(0, 3), fetched(3, offsets=(4,)), fetched(6, offsets=(8,)), batch(9, 11, value=None)])
    assert (made.first_offset, made.next_offset, len(made)) == (0, 11, 7)
    assert list(made.keys) == [b"k"] * 3 + [b"k3", b"k6"] + [b"k"] * 2
    assert list(made.values) == [b"v"] * 3 + [b"v3", b"v6", None, None]
    assert [made.offset(at) for at in range(7)] == [0, 1, 2, 4, 8, 9, 10]


def test_batches_without_gaps_need_no_list_of_offsets() -> None:
    made = together([fetched(5, beyond=1), fetched(6, beyond=1)])
    assert (made.offsets, made.offset(1)) == ((), 6)


@pytest.mark.parametrize(
    ("bounds", "joins"),
    [
        (StepBounds(), True),
        (StepBounds(events=20), True),
        (StepBounds(events=19), False),
        (StepBounds(bytes=40), True),
        (StepBounds(bytes=39), False),
    ],
)
def test_a_step_is_bounded_in_bytes_and_events(bounds: StepBounds, joins: bool) -> None:  # noqa: FBT001  # a table's column
    waiting = Waiting(batch(0, 10), bounds)
    assert waiting.joins(batch(10, 20)) is joins
    assert len(waiting.take()) == (20 if joins else 10)


def test_nothing_joins_what_was_taken_or_does_not_touch() -> None:
    waiting = Waiting(batch(0, 10))
    assert not waiting.joins(batch(11, 12))
    waiting.take()
    assert not waiting.joins(batch(10, 20))
    assert waiting.next_offset == 10


def test_the_commit_point_of_batches_worked_on_as_one_is_the_end_of_the_last() -> None:
    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        message = consumer._to_message(SOURCE, batch(0, 10))
        assert consumer._to_message(SOURCE, batch(10, 30)) is None
        assert consumer._new_offset(SOURCE) is None
        assert len(message.value.take()) == 30
        later = consumer._to_message(SOURCE, batch(30, 35))
        message.acked = True
        assert (later.offset, consumer._new_offset(SOURCE)) == (30, 30)

    with_app(work)


def test_a_batch_that_begins_elsewhere_joins_none_that_waits() -> None:
    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        message = consumer._to_message(SOURCE, batch(0, 10))
        assert consumer._to_message(SOURCE, batch(11, 30)) is None
        assert message.value.take().next_offset == 10

    with_app(work)


def test_batches_of_two_generations_of_the_group_stay_apart() -> None:
    """Faust skips a message of an earlier one, and with it whatever had joined it."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        consumer._to_message(SOURCE, batch(0, 10))
        app.consumer_generation_id += 1
        assert consumer._to_message(SOURCE, batch(10, 20)).offset == 10

    with_app(work)


def test_nothing_is_fetched_while_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(app: BatchApp) -> None:
        app.bounds = StepBounds(waiting=20)
        consumer: Any = app.consumer
        asked: list[float] = []

        async def next_records(timeout: float) -> tuple[None, None]:  # noqa: ASYNC109  # Faust's signature
            asked.append(timeout)
            return None, None

        monkeypatch.setattr(consumer, "_wait_next_records", next_records)
        message = consumer._to_message(SOURCE, batch(0, 10))
        assert [found async for found in consumer.getmany(1.0)] == []
        assert asked == []
        fetching = asyncio.ensure_future(anext(consumer.getmany(1.0), None))
        await asyncio.sleep(0)
        message.value.take()
        await fetching
        assert asked == [READ_S]

    with_app(work)


def test_what_came_while_the_agent_was_busy_is_one_step_joined_sent_and_committed(job: Job) -> None:
    """And of each key that several fetches touched only one change goes out."""
    gate, busy = asyncio.Event(), asyncio.Event()

    async def wait_at_first(held: HeldPartition[KeySets], step: RecordBatch) -> None:
        busy.set()
        await gate.wait()
        await job.join(held, step)

    async def work() -> None:
        app, table = job.app(wait_at_first)
        async with running(app):
            sets = [job.fill(1)]
            await asyncio.wait_for(busy.wait(), 10)
            for start in range(1, 601, 100):
                sets.append(await asyncio.to_thread(job.fill, 100, start))
                await job.until(lambda: _read(app) == job.ends())
            gate.set()
            await job.until_committed()
            await job.until(lambda: job.sent(job.changelog) == sets_of(table))
        places = {(step.topic, step.partition) for step in job.batches}
        assert sum(map(len, job.batches)) == 1202
        assert len(job.batches) <= len(places) + 2
        assert sets_of(table) == {
            key: frozenset().union(*(some.get(key, frozenset()) for some in sets)) for key in set().union(*sets)
        }

    asyncio.run(work())


def _read(app: BatchApp) -> dict[tuple[str, int], int]:
    """How far each partition was read, worked on or not."""
    consumer: Any = app.consumer
    return {(tp.topic, tp.partition): offset for tp, offset in consumer._expected.items() if offset}


def test_a_step_that_fails_commits_none_of_its_batches(job: Job) -> None:
    async def fail(_held: HeldPartition[KeySets], _step: RecordBatch) -> None:
        raise LookupError("poison")

    async def work() -> None:
        app, _ = job.app(fail)
        async with running(app):
            await job.until(lambda: app.crash_reason is not None)

    job.fill(300)
    with pytest.raises(LookupError):
        asyncio.run(work())
    assert job.committed() == {}


def test_bounds_are_a_setting_of_the_app() -> None:
    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        app.bounds = replace(app.bounds, events=15)
        consumer._to_message(SOURCE, batch(0, 10))
        assert consumer._to_message(SOURCE, batch(10, 20)).offset == 10

    with_app(work)
