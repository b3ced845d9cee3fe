"""Apps that are not started, for looking at their parts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from stream_jobs.engine import BatchApp, RecordBatch, build_app


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
