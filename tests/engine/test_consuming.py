"""Stretches of the log, commit points, lost records, and the changelog's way into the states."""

# ruff: noqa: SLF001, ANN401  # private hooks of untyped drivers are the subject

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from stream_jobs.engine import BatchApp, RecordBatch, RecordsLost
from tests.engine.job import KeySets
from tests.engine.unstarted import batch, with_app

SOURCE = TP("source", 1)


def taken(consumer: Any, of: RecordBatch) -> Any:
    """The message of a batch that a worker has begun to work on."""
    message = consumer._to_message(SOURCE, of)
    message.value.take()
    return message


def test_the_commit_point_is_the_end_of_the_longest_acknowledged_prefix() -> None:
    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        messages = [taken(consumer, batch(*ends)) for ends in ((0, 10), (10, 30), (30, 35))]

        assert [message.offset for message in messages] == [0, 10, 30]
        messages[1].acked = True
        assert consumer._new_offset(SOURCE) is None
        messages[0].acked = True
        assert consumer._new_offset(SOURCE) == 30
        assert consumer._new_offset(SOURCE) is None
        messages[2].acked = True
        assert consumer._new_offset(SOURCE) == 35

    with_app(work)


def test_a_frozen_consumer_commits_nothing() -> None:
    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        consumer._to_message(SOURCE, batch(0, 10)).acked = True
        consumer.freeze()
        assert consumer._new_offset(SOURCE) is None

    with_app(work)


def test_a_stopping_app_commits_nothing_once_its_agents_are_cancelled() -> None:
    """A cancelled agent acknowledges the batch it was working on."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        message = consumer._to_message(SOURCE, batch(0, 10))
        await app.on_stop()
        message.acked = True
        assert consumer._new_offset(SOURCE) is None

    with_app(work)


def test_a_failing_agent_ends_the_app_and_freezes_the_commit_point() -> None:
    """Its stream acknowledges the batch when it is closed."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        message = consumer._to_message(SOURCE, batch(0, 10))
        fault = LookupError("poison")
        await app._on_agent_error(SimpleNamespace(name="agent"), fault)  # type: ignore[arg-type]  # only its name is asked
        message.acked = True
        assert consumer._new_offset(SOURCE) is None
        assert app.crash_reason is fault

    with_app(work)


def test_what_was_handed_out_before_a_seek_moves_no_commit_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """After it the log must go on at the committed offset."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer

        async def seek_to_committed() -> dict[TP, int]:
            return {SOURCE: 10}

        monkeypatch.setattr(consumer, "seek_to_committed", seek_to_committed)
        old = taken(consumer, batch(0, 10)), taken(consumer, batch(10, 20))
        await consumer.perform_seek()
        again = consumer._to_message(SOURCE, batch(10, 20))
        old[0].acked = old[1].acked = True
        assert consumer._new_offset(SOURCE) is None
        again.acked = True
        assert consumer._new_offset(SOURCE) == 20

    with_app(work)


class Log:
    """A partition under a consumer: where its group has come to (None: nowhere), and where it begins."""

    def __init__(self, consumer: Any, committed: int | None, begins: int = 0) -> None:
        self._consumer, self._committed, self._begins = consumer, committed, begins
        self.sought: list[int] = []

    async def seek_to_committed(self) -> dict[TP, int | None]:
        """Where the group has come to."""
        return {SOURCE: self._committed}

    async def earliest_offsets(self, *unread: TP) -> dict[TP, int]:
        """Where it begins."""
        return dict.fromkeys(unread, self._begins)

    async def seek_wait(self, where: dict[TP, int]) -> None:
        """Noted."""
        self.sought += [offset for tp, offset in where.items() if tp == SOURCE]

    async def handed_out(self, fetched: RecordBatch) -> list[int]:
        """Offsets of the messages that a batch fetched of it becomes."""
        self.fetched = fetched
        self._consumer.resume_flow()
        return [message.offset async for _, message in self._consumer.getmany(0)]

    async def next_records(self, _timeout: float) -> tuple[dict[TP, list[RecordBatch]], None]:
        """What was fetched."""
        return {SOURCE: [self.fetched]}, None


def log_under(consumer: Any, monkeypatch: pytest.MonkeyPatch, committed: int | None, begins: int = 0) -> Log:
    log = Log(consumer, committed, begins)
    for name in ("seek_to_committed", "earliest_offsets", "seek_wait"):
        monkeypatch.setattr(consumer, name, getattr(log, name))
    monkeypatch.setattr(consumer, "_wait_next_records", log.next_records)
    return log


def test_a_batch_that_begins_elsewhere_is_looked_for_again_where_the_log_should_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One drained before a seek may come out after it, or be dropped with the position moved on; once only."""

    async def work(app: BatchApp) -> None:
        log = log_under(app.consumer, monkeypatch, committed=10)
        await app.consumer.perform_seek()

        assert await log.handed_out(batch(20, 30)) == []
        assert await log.handed_out(batch(10, 20)) == [10]
        assert await log.handed_out(batch(10, 20)) == []  # the position went back as well
        assert await log.handed_out(batch(20, 30)) == []  # it goes along with the one that waits
        assert log.sought == [10, 20]

    with_app(work)


def test_nothing_is_handed_out_from_a_seek_until_the_flow_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust clears its queues then: what was handed out would be gone, with the position moved on."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        log = log_under(consumer, monkeypatch, committed=10)
        assert await log.handed_out(batch(10, 20)) == [10]
        await consumer.perform_seek()

        assert [message async for _, message in consumer.getmany(0)] == []
        assert await log.handed_out(batch(10, 20)) == [10]

    with_app(work)


def test_what_was_fetched_before_a_seek_is_not_handed_out_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        log = log_under(consumer, monkeypatch, committed=10)
        iterate = consumer.scheduler.iterate

        def late(found: dict[TP, list[RecordBatch]]) -> Any:
            consumer._seeks += 1  # a seek that began when all had been fetched
            return iterate(found)

        monkeypatch.setattr(consumer.scheduler, "iterate", late)
        assert await log.handed_out(batch(10, 20)) == []
        monkeypatch.setattr(consumer.scheduler, "iterate", iterate)
        assert await log.handed_out(batch(10, 20)) == [10]

    with_app(work)


def test_what_was_committed_while_it_sought_is_read_again_with_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust would drop the batch that begins below what was committed: with nothing behind it all would stand still."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        log, passed, end = log_under(consumer, monkeypatch, committed=None), [], asyncio.Event()

        async def found() -> dict[TP, int | None]:
            return {SOURCE: 10, TP("source", 0): None}

        async def earliest_offsets(*unread: TP) -> dict[TP, int]:
            await consumer._commit_offsets({SOURCE: 12})  # of a batch that was handed out before
            return dict.fromkeys(unread, 0)

        async def callback(message: Any) -> None:
            passed.append((message.offset, message.value.next_offset))
            end.set()

        async def commit(_offsets: dict[TP, int]) -> bool:
            return True

        asked: dict[str, Any] = {"seek_to_committed": found, "earliest_offsets": earliest_offsets, "callback": callback}
        for name, told in (asked | {"_commit": commit, "assignment": lambda: {SOURCE}}).items():
            monkeypatch.setattr(consumer, name, told)
        await consumer.perform_seek()
        log.fetched = batch(10, 20)
        consumer.resume_flow()
        draining = asyncio.ensure_future(consumer._drain_messages(SimpleNamespace(_stopped=end)))
        await asyncio.wait_for(draining, 5)
        assert passed == [(10, 20)]

    with_app(work)


def test_a_partition_that_nobody_has_committed_goes_on_at_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aiokafka's seek leaves it alone: what was drained and dropped would be gone, and what follows it committed."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        log = log_under(consumer, monkeypatch, committed=None, begins=5)
        consumer._committed_offset[SOURCE] = 48  # had and committed once; another worker's since
        await consumer.perform_seek()
        assert log.sought == [5]

        assert await log.handed_out(batch(15, 20)) == []
        assert log.sought == [5, 5]
        assert await log.handed_out(batch(5, 15)) == [5]

    with_app(work)


@pytest.mark.parametrize("end", [(25, 30), (0, 5)])
def test_a_stretch_that_is_missing_at_the_second_look_too_is_lost(
    end: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropped by the broker, or cut back."""

    async def work(app: BatchApp) -> None:
        log = log_under(app.consumer, monkeypatch, committed=10)
        await app.consumer.perform_seek()
        assert await log.handed_out(batch(10, 20)) == [10]
        assert await log.handed_out(batch(*end)) == []
        with pytest.raises(RecordsLost) as lost:
            await log.handed_out(batch(*end))
        assert lost.value.args == ("source", 1, 20, end[0])

    with_app(work)


def test_a_changelog_batch_stands_at_its_last_offset_and_may_have_lost_records() -> None:
    """Recovery ends at the last offset; compaction and retention take changelog records away lawfully."""

    async def work(app: BatchApp) -> None:
        changelog = app.state_table("sets", KeySets).changelog
        consumer: Any = app.consumer
        stretches = [batch(0, 10, changelog), batch(50, 60, changelog)]
        assert [consumer._to_message(TP(changelog, 1), each).offset for each in stretches] == [9, 59]

    with_app(work)
