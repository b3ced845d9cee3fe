"""Apps of which nothing is started, or only the producer, for looking at their parts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from stream_jobs.engine import BatchApp, RecordBatch, build_app
from stream_jobs.engine.producer import BatchProducer
from tests.engine.broker import PARTITIONS, Broker


def with_app(work: Callable[[BatchApp], Awaitable[None]]) -> None:
    """Do something with an app that is not started."""

    async def main() -> None:
        app = build_app("consuming", "127.0.0.1:1", partitions=4)
        consumer: Any = app.consumer
        try:
            await work(app)
        finally:
            consumer._thread.thread_loop.close()  # noqa: SLF001

    asyncio.run(main())


def batch(first: int, end: int, topic: str = "source", value: bytes | None = b"v") -> RecordBatch:
    count = end - first
    return RecordBatch(topic, 1, [b"k"] * count, [value] * count, first, end)


def with_producer(
    broker: Broker,
    work: Callable[[BatchProducer], Awaitable[None]],
    **settings: Any,  # noqa: ANN401  # Faust's settings
) -> None:
    """Do something with a started producer; `settings`: of its app."""

    async def main() -> None:
        app: BatchApp = build_app("producing", broker.address, partitions=PARTITIONS, **settings)
        producer = app.producer
        assert isinstance(producer, BatchProducer)
        await producer.start()
        try:
            await work(producer)
        finally:
            await producer.stop()

    asyncio.run(main())
