"""The producer: order, limits, back-pressure and a flush that ends."""

# ruff: noqa: ANN401, ARG002, D102  # stands in for aiokafka's untyped methods

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from stream_jobs.engine import DeliveryFailed, Outgoing
from stream_jobs.engine.producer import BatchProducer
from tests.engine.broker import Broker
from tests.engine.unstarted import with_producer


class Acks:
    """Takes aiokafka's place: notes what is sent and acknowledges when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        self.open: list[asyncio.Future[Any]] = []
        monkeypatch.setattr(AIOKafkaProducer, "send_batch", self._send)

    async def _send(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[Any]:
        self.sent.append(topic)
        self.open.append(asyncio.get_running_loop().create_future())
        return self.open[-1]

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def answer(self, number: int, fault: Exception | None = None) -> None:
        if fault is None:
            self.open[number].set_result(RecordAt(100 + number))
        else:
            self.open[number].set_exception(fault)
        await self.settle()


class RecordAt:
    """A broker's answer."""

    def __init__(self, offset: int) -> None:
        self.offset = offset


def out(topic: str) -> Outgoing:
    return Outgoing(topic, 0, [(b"k", b"v")])


def test_a_changelog_goes_out_after_the_outputs_are_in(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the two, a worker must see the batch change its state again."""

    async def work(producer: BatchProducer) -> None:
        acks = Acks(monkeypatch)
        delivery = await producer.deliver([out("one"), out("two")], out("log"))
        await acks.settle()
        assert acks.sent == ["one", "two"]
        await acks.answer(0)
        assert acks.sent == ["one", "two"]
        await acks.answer(1)
        assert acks.sent == ["one", "two", "log"]
        assert not delivery.done()
        await acks.answer(2)
        assert await delivery == 102

    with_producer(broker, work)


def test_changelogs_of_successive_batches_keep_their_order(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second batch's outputs go out at once, its changelog waits for the first one's."""

    async def work(producer: BatchProducer) -> None:
        acks = Acks(monkeypatch)
        await producer.deliver([out("first")], out("log"))
        await producer.deliver([out("second")], out("log"))
        await acks.settle()
        assert acks.sent == ["first", "second"]
        await acks.answer(1)
        assert acks.sent == ["first", "second"]
        await acks.answer(0)
        assert acks.sent == ["first", "second", "log"]
        await acks.answer(2)
        assert acks.sent == ["first", "second", "log", "log"]
        await acks.answer(3)

    with_producer(broker, work)


def test_a_flush_waits_for_what_was_begun_before_it_and_nothing_else(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside an agent that keeps sending, a flush of everything would never end and nothing be committed."""

    async def work(producer: BatchProducer) -> None:
        acks = Acks(monkeypatch)
        await producer.deliver([out("before")], out("log"))
        await acks.settle()
        flush = asyncio.ensure_future(producer.flush())
        await acks.settle()
        producer.send_records("after", 0, [(b"k", b"v")])
        await acks.answer(0)
        assert acks.sent == ["before", "after", "log"]
        assert not flush.done()
        await acks.answer(2)
        await asyncio.wait_for(flush, 1)
        assert not acks.open[1].done()

    with_producer(broker, work)


def test_a_failure_is_never_forgotten(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The changelog after a failed output stays unsent; every later flush and sending raises."""

    async def work(producer: BatchProducer) -> None:
        acks = Acks(monkeypatch)
        delivery = await producer.deliver([out("one")], out("log"))
        await acks.settle()
        await acks.answer(0, ConnectionError("gone"))
        assert acks.sent == ["one"]
        for _ in range(2):
            with pytest.raises(DeliveryFailed, match="gone"):
                await producer.flush()
        with pytest.raises(DeliveryFailed):
            producer.send_records("more", 0, [(b"k", b"v")])
        with pytest.raises(DeliveryFailed):
            await producer.deliver([], out("log"))
        assert isinstance(delivery.exception(), ConnectionError)

    with_producer(broker, work)


def test_a_failed_message_of_fausts_own_is_noticed_too(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(producer: BatchProducer) -> None:
        async def send(*_: Any, **__: Any) -> asyncio.Future[Any]:
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(ConnectionError("gone"))
            return failed

        monkeypatch.setattr(AIOKafkaProducer, "send", send)
        await producer.send("topic", b"k", b"v", 0, None, None)
        with pytest.raises(DeliveryFailed, match="gone"):
            await producer.flush()

    with_producer(broker, work)
