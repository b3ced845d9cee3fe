"""Stretches of the log, commit points, lost records, and the changelog's way into the states."""

# ruff: noqa: SLF001, ANN401, D102  # private hooks of untyped drivers are the subject

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, InvalidRequestError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from faust.types import TP

from stream_jobs.engine import BatchApp, RecordsLost
from stream_jobs.engine.fetch import batch_of
from tests.engine.job import KeySets
from tests.engine.unstarted import batch, with_app

SOURCE = TP("source", 1)


def record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord("source", 1, offset, 0, 0, b"k", b"v", None, 1, 1, ())


def test_a_batch_knows_each_records_offset() -> None:
    """Control records and compaction leave holes; the stretch covers them, the records keep their own offsets."""
    whole = batch_of([record(5), record(6)], 5, 7)
    holed = batch_of([record(5), record(8)], 4, 10)

    assert (len(whole), whole.offset(1), whole.next_offset) == (2, 6, 7)
    assert (len(holed), holed.offset(0), holed.offset(1)) == (2, 5, 8)
    assert (holed.first_offset, holed.next_offset) == (4, 10)


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


def test_the_broker_parks_no_request_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust's 1500 ms for idle partitions would hold the busy ones up."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        parent = type(consumer._thread).__mro__[1]
        monkeypatch.setattr(parent, "_create_worker_consumer", lambda *_: SimpleNamespace())
        assert consumer._thread._create_worker_consumer(app.transport)._fetch_max_wait_ms == 50

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


class Fetched:
    """What aiokafka has of a partition: its records, and where the log goes on after them."""

    def __init__(self, begin: int, end: int) -> None:
        self.next_fetch_offset = begin
        self._end = end

    def taken(self) -> None:
        self.next_fetch_offset = self._end


def test_a_stretch_without_records_belongs_to_the_next_batch() -> None:
    """Else a transaction's markers would look like a missing stretch, and hold the commit point up."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        thread = consumer._thread
        tp = TopicPartition("source", 1)
        markers, records = Fetched(10, 12), Fetched(12, 15)
        ready = {tp: (markers, 10)}
        markers.taken()
        assert thread._batches(ready, {}) == {}
        ready = {tp: (records, 12)}
        records.taken()
        (made,) = thread._batches(ready, {tp: [record(12), record(13), record(14)]})[tp]
        assert (made.first_offset, made.next_offset, made.offset(0)) == (10, 15, 12)

    with_app(work)


@pytest.mark.parametrize("event", ["rebalance", "stopped flow"])
def test_a_fetch_begun_before_a_rebalance_takes_nothing_after_it(event: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust would drop what it took, with the position already past it."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        thread: Any = consumer._thread
        taken: list[int] = []

        async def drain(*_: Any) -> dict[TP, Any]:
            taken.append(len(taken))
            return {}

        async def more(*_: Any) -> bool:
            if event == "rebalance":
                app.rebalancing_count += 1
            else:
                consumer.flow_active = False
            return True

        monkeypatch.setattr(thread, "_drain", drain)
        monkeypatch.setattr("stream_jobs.engine.fetch._more", more)
        fetching = thread._fetch_records(SimpleNamespace(_fetcher=None), {SOURCE}, 5.0)
        assert await asyncio.wait_for(fetching, 1) == {}
        assert taken == [0]

    with_app(work)


@pytest.mark.parametrize("fault", [GroupAuthorizationFailedError, InvalidRequestError])
def test_a_worker_kept_out_of_its_group_does_not_idle_for_ever(fault: type[KafkaError]) -> None:
    """Aiokafka tells nobody who doesn't ask; only a sync that came late is worth another try."""

    async def work(app: BatchApp) -> None:
        def check_errors() -> None:
            raise fault

        consumer: Any = app.consumer
        consumer._thread._consumer = SimpleNamespace(_coordinator=SimpleNamespace(check_errors=check_errors))
        if fault is InvalidRequestError:
            await consumer._thread._check_group()
            return
        with pytest.raises(fault):
            await consumer._thread._check_group()

    with_app(work)


def test_an_emptied_set_of_partitions_means_none() -> None:
    """Aiokafka takes an empty set for all partitions, and Faust empties the set it shares with it."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        thread = consumer._thread
        assert await thread._fetch_records(None, set(), 5.0) == {}

    with_app(work)
