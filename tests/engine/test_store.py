"""The states of partitions: joined from the changelog, dropped with the partition, stopped by what is not theirs."""

# ruff: noqa: ANN401  # events are stand-ins for Faust's

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from stream_jobs.engine import BatchApp, NotAssigned, StateRejected
from stream_jobs.engine.store import StateStore
from stream_jobs.engine.transport import BatchConsumer
from tests.engine.job import KeySets
from tests.engine.unstarted import batch, with_app


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
