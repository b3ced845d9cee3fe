"""Stretches of the log, commit points, lost records, and the changelog's way into the states."""

# ruff: noqa: SLF001, ANN401, D102  # private hooks of untyped drivers are the subject

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition
from faust.types import TP

from stream_jobs.engine import BatchApp, NotAssigned, RecordBatch, RecordsLost, StateRejected, build_app
from stream_jobs.engine.fetch import batch_of
from stream_jobs.engine.store import StateStore
from stream_jobs.engine.transport import BatchConsumer
from tests.engine.job import KeySets

SOURCE = TP("source", 1)


def with_app(work: Callable[[BatchApp], Awaitable[None]]) -> None:
    """Do something with an app that is not started."""

    async def main() -> None:
        app = build_app("consuming", "127.0.0.1:1", partitions=4)
        consumer: Any = app.consumer
        try:
            await work(app)
        finally:
            consumer._thread.thread_loop.close()

    asyncio.run(main())


def batch(first: int, end: int, topic: str = "source", value: bytes | None = b"v") -> RecordBatch:
    count = end - first
    return RecordBatch(topic, 1, [b"k"] * count, [value] * count, first, end)


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


def test_an_emptied_set_of_partitions_means_none() -> None:
    """Aiokafka takes an empty set for all partitions, and Faust empties the set it shares with it."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        thread = consumer._thread
        assert await thread._fetch_records(None, set(), 5.0) == {}

    with_app(work)


def changelog_event(first: int, end: int, topic: str, value: bytes | None = b"v") -> Any:
    return SimpleNamespace(message=SimpleNamespace(value=batch(first, end, topic, value)))


def new_store(app: BatchApp) -> tuple[StateStore, str]:
    table = app.state_table("sets", KeySets)
    return table.store, table.changelog


def apply(store: StateStore, *events: Any) -> None:
    store.apply_changelog_batch(events, lambda key: key, lambda value: value)


def test_a_store_holds_states_of_assigned_partitions_and_drops_those_taken_away() -> None:
    async def work(app: BatchApp) -> None:
        store, changelog = new_store(app)
        tp = TP(changelog, 1)
        with pytest.raises(NotAssigned):
            store.held(1)
        await store.on_rebalance({tp, TP("other", 2)}, set(), {tp})
        state = store.held(1)
        apply(store, changelog_event(0, 3, changelog))
        assert store.held(1) is state
        assert store.persisted_offset(tp) == 2
        store.delivered(1, state, 7)
        assert store.persisted_offset(tp) == 7
        await store.on_rebalance(set(), {tp}, set())
        store.delivered(1, state, 9)
        assert store.persisted_offset(tp) is None
        with pytest.raises(NotAssigned):
            store.held(1)
        with pytest.raises(NotAssigned):
            store.held(2)

    with_app(work)


@pytest.mark.parametrize("stretch", [(10, 12, None), (14, 16, b"v")], ids=["unreadable", "missing stretch before"])
def test_a_store_stops_at_what_it_cannot_join(stretch: tuple[int, int, bytes | None]) -> None:
    """It counts the records, tells the app, and hands out no state any more."""

    async def work(app: BatchApp) -> None:
        store, changelog = new_store(app)
        await store.on_rebalance({TP(changelog, 1)}, set(), set())
        first, end, value = stretch
        apply(store, changelog_event(0, 10, changelog), changelog_event(first, end, changelog, value))
        apply(store, changelog_event(16, 20, changelog))
        assert store.rejected == end - first
        assert store.persisted_offset(TP(changelog, 1)) == 9
        with pytest.raises(StateRejected):
            store.held(1)
        await asyncio.sleep(0)
        assert isinstance(app.crash_reason, StateRejected)

    with_app(work)


def test_a_worker_that_lost_the_partition_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its state is older than the next owner's, and in a compacted topic the last record wins."""

    async def work(app: BatchApp) -> None:
        table = app.state_table("sets", KeySets)
        tp = TP(table.changelog, 1)
        await table.store.on_rebalance({tp}, set(), set())
        held = table.partition(1)
        await table.store.on_rebalance({tp}, {tp}, set())
        monkeypatch.setattr(app.producer, "deliver", None)
        await held.deliver([], [(b"k", b"v")])

    with_app(work)


def test_an_app_has_one_table() -> None:
    async def work(app: BatchApp) -> None:
        app.state_table("one", KeySets)
        with pytest.raises(ValueError, match="one table"):
            app.state_table("two", KeySets)

    with_app(work)


def test_consumer_and_store_are_the_engines() -> None:
    async def work(app: BatchApp) -> None:
        assert isinstance(app.consumer, BatchConsumer)
        assert isinstance(app.state_table("sets", KeySets).store, StateStore)

    with_app(work)
