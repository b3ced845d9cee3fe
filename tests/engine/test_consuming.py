"""Stretches of the log, commit points, lost records, and the changelog's way into the states."""

# ruff: noqa: SLF001  # private hooks of untyped drivers are the subject

from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from stream_jobs.engine import BatchApp, RecordsLost
from tests.engine.job import KeySets
from tests.engine.unstarted import batch, with_app

SOURCE = TP("source", 1)


def test_the_commit_point_is_the_end_of_the_longest_acknowledged_prefix() -> None:
    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        messages = [consumer._to_message(SOURCE, batch(*ends)) for ends in ((0, 10), (10, 30), (30, 35))]

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
        old = consumer._to_message(SOURCE, batch(0, 10)), consumer._to_message(SOURCE, batch(10, 20))
        await consumer.perform_seek()
        again = consumer._to_message(SOURCE, batch(10, 20))
        old[0].acked = old[1].acked = True
        assert consumer._new_offset(SOURCE) is None
        again.acked = True
        assert consumer._new_offset(SOURCE) == 20
        with pytest.raises(RecordsLost) as lost:
            consumer._to_message(SOURCE, batch(25, 30))
        assert lost.value.args == ("source", 1, 20, 25)

    with_app(work)


def test_a_log_cut_back_is_noticed_like_a_lost_stretch() -> None:
    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        consumer._to_message(SOURCE, batch(10, 20))
        with pytest.raises(RecordsLost):
            consumer._to_message(SOURCE, batch(0, 5))

    with_app(work)


def test_a_changelog_batch_stands_at_its_last_offset_and_may_have_lost_records() -> None:
    """Recovery ends at the last offset; compaction and retention take changelog records away lawfully."""

    async def work(app: BatchApp) -> None:
        changelog = app.state_table("sets", KeySets).changelog
        consumer: Any = app.consumer
        stretches = [batch(0, 10, changelog), batch(50, 60, changelog)]
        assert [consumer._to_message(TP(changelog, 1), each).offset for each in stretches] == [9, 59]

    with_app(work)
