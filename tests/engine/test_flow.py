"""A worker's life on a broker: reading, joining, sending, committing, coming back."""

import asyncio
import threading

import pytest
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance
from faust.types import TP

from stream_jobs.engine import BatchApp, HeldPartition, RecordBatch, run, running
from tests.engine.broker import PARTITIONS
from tests.engine.job import Job, KeySets, sets_of


def test_every_record_is_joined_sent_and_committed_and_comes_back(job: Job) -> None:
    """Two topics meet in one state; a second worker has the same state from the changelog alone."""
    sets = job.fill(1500)

    async def work() -> None:
        app, table = job.app()
        async with running(app):
            await job.until_committed()
        assert sum(map(len, job.batches)) == 3000
        assert len(job.batches) < 30
        assert sets_of(table) == sets

    async def come_back() -> None:
        app, table = job.app()
        async with running(app):
            assert sets_of(table) == sets
            more = job.fill(10, start=1500)
            await job.until_committed()
        assert sum(map(len, job.batches)) == 3020
        assert sets_of(table) == {key: sets[key] | more.get(key, frozenset()) for key in sets}

    asyncio.run(work())
    assert job.sent(job.output) == job.sent(job.changelog) == sets
    asyncio.run(come_back())


def test_a_batch_is_committed_only_when_the_agent_is_done_with_it(job: Job) -> None:
    """While the agent is held up nothing of its batch is committed; batches done before are."""
    gate = asyncio.Event()
    held_up = asyncio.Event()

    async def wait_for_the_last(held: HeldPartition[KeySets], batch: RecordBatch) -> None:
        if b"last" in batch.values:
            held_up.set()
            await gate.wait()
        await job.join(held, batch)

    async def work() -> None:
        app, _ = job.app(wait_for_the_last)
        async with running(app):
            await job.until_committed()
            before = job.committed()
            job.broker.produce(job.sources[0], [(b"key-1", b"last")])
            await asyncio.wait_for(held_up.wait(), 10)
            await asyncio.sleep(0.6)  # three commit intervals
            assert before == job.committed() != job.ends()
            gate.set()
            await job.until_committed()

    job.fill(100)
    asyncio.run(work())


def test_an_app_lives_in_a_thread_of_another_program_with_states_from_elsewhere(job: Job) -> None:
    """No signal handlers, no main thread: an event of its loop stops it. The old changelog, unreadable, is left."""
    job.broker.produce(job.changelog, [(b"old", None)])
    sets = job.fill(50)
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        until = asyncio.Event()
        started.append((asyncio.get_running_loop(), until))
        await run(job.app(recover=False)[0], until)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    asyncio.run(job.until_committed())
    loop, until = started[0]
    loop.call_soon_threadsafe(until.set)
    thread.join(10)
    assert not thread.is_alive()
    assert job.sent(job.output) == sets


@pytest.fixture
def leader_syncs_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The in-process broker refuses a member that syncs after the group's leader."""
    sync = CoordinatorGroupRebalance._on_join_leader  # noqa: SLF001

    async def late(self: CoordinatorGroupRebalance, response: object) -> object:
        await asyncio.sleep(0.3)
        return await sync(self, response)

    monkeypatch.setattr(CoordinatorGroupRebalance, "_on_join_leader", late)


@pytest.mark.usefixtures("leader_syncs_last")
def test_a_second_worker_takes_over_half_and_then_all(job: Job) -> None:
    """Partitions move while records come in, and back when a worker leaves: every set is whole, nobody stops."""

    async def work() -> None:
        first, _ = job.app()
        second, second_table = job.app()
        sets = job.fill(300)
        async with running(second):
            async with running(first):
                sets = _merged(sets, job.fill(300, start=300))
                await job.until_committed()
                assert 0 < len(_sources(first, job)) < len(job.sources) * PARTITIONS
                assert len(_sources(first, job) | _sources(second, job)) == len(job.sources) * PARTITIONS
            sets = _merged(sets, job.fill(300, start=600))
            await job.until_committed()
            await job.until(lambda: sets_of(second_table) == sets)
        assert job.sent(job.output) == job.sent(job.changelog) == sets

    asyncio.run(work())


def _sources(app: BatchApp, job: Job) -> set[TP]:
    return {tp for tp in app.assignor.assigned_actives() if tp.topic in job.sources}


def _merged(*many: dict[bytes, frozenset[bytes]]) -> dict[bytes, frozenset[bytes]]:
    keys = set().union(*many)
    return {key: frozenset().union(*(sets.get(key, frozenset()) for sets in many)) for key in keys}
