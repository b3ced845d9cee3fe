"""The consumer thread: stretches of the log, fetches that outlive their assignment, errors of the group."""

# ruff: noqa: SLF001, ANN401, D102  # private hooks of untyped drivers are the subject

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, InvalidRequestError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from faust.types import TP

from schemas.blobs import Records
from schemas.log.build import built
from schemas.log.stretches import Stretches, batch_of
from schemas.log.whole import WholeBatch
from stream_jobs.engine import BatchApp
from tests.engine.unstarted import with_app

SOURCE = TP("source", 1)


def record(*offsets: int) -> Any:
    """A record batch as aiokafka hands it over: one record, whose value is the whole."""
    (batch,) = built(Records.of([(b"k", b"v%d" % offset) for offset in offsets]))
    data = bytearray(batch._build())
    data[:8] = offsets[0].to_bytes(8)
    whole = WholeBatch(memoryview(data))
    return ConsumerRecord("source", 1, whole.offset, 0, 0, None, whole, None, -1, len(offsets), ())


def test_a_batch_knows_each_records_offset() -> None:
    """Control records and compaction leave holes; the stretch covers them, the records keep their own offsets."""
    whole = batch_of([record(5, 6)], 5, 7)
    holed = batch_of([record(5), record(8)], 4, 10)

    assert (len(whole), whole.offset(1), whole.next_offset) == (2, 6, 7)
    assert (len(holed), holed.offset(0), holed.offset(1)) == (2, 5, 8)
    assert (holed.first_offset, holed.next_offset) == (4, 10)


def test_records_before_the_position_are_left_out() -> None:
    """A broker sends the whole record batch in which the position lies."""
    found = batch_of([record(5, 6, 7)], 6, 8)
    assert (list(found.values), found.offset(0)) == ([b"v6", b"v7"], 6)


def test_the_broker_parks_no_request_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust's 1500 ms for idle partitions would hold the busy ones up; nor does it answer for every record."""

    async def work(app: BatchApp) -> None:
        consumer: Any = app.consumer
        parent = type(consumer._thread).__mro__[1]
        monkeypatch.setattr(parent, "_create_worker_consumer", lambda *_: SimpleNamespace())
        found = consumer._thread._create_worker_consumer(app.transport)
        assert (found._fetch_max_wait_ms, found._fetch_min_bytes) == (50, 128 << 10)

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
    stretches, tp = Stretches(), TopicPartition("source", 1)
    markers, records = Fetched(10, 12), Fetched(12, 15)
    markers.taken()
    assert stretches.cut({tp: (markers, 10)}, {}) == {}
    records.taken()
    made = stretches.cut({tp: (records, 12)}, {tp: [record(12, 13, 14)]})[tp]
    assert (made.first_offset, made.next_offset, made.offset(0)) == (10, 15, 12)


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
        monkeypatch.setattr("stream_jobs.engine.fetch.more", more)
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
