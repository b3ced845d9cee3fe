"""Starting and stopping an app: inside an existing loop, or as a process of its own."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

import faust

from stream_jobs.engine.app import BatchApp


def spare_garbage_collector() -> None:
    """Look for cycles seldom: by default Python walks over all that a batch makes, again and again, for a tenth of it.

    What a batch makes has no cycles and goes when the batch is done. A reader's is hundreds of thousands of objects.
    """
    gc.set_threshold(1_000_000, 50, 100)


@asynccontextmanager
async def running(app: BatchApp) -> AsyncIterator[BatchApp]:
    """The app, recovered and working, for as long as the block runs; no signal handlers, any thread's loop.

    Raises what the app crashed of, at the latest when the block ends.
    """
    spare_garbage_collector()
    try:
        await app.start()
        _raise_crash(app)
        yield app
    finally:
        await app.stop()
    _raise_crash(app)


async def run(app: BatchApp, until: asyncio.Event) -> None:
    """Run the app until the event is set, or raise what it crashed of."""
    async with running(app):
        waiting = asyncio.ensure_future(until.wait())
        await app.wait_first(waiting)
        waiting.cancel()


def run_worker(app: BatchApp) -> NoReturn:
    """Run the app as this process's work, until a signal; a crash ends the process with a code other than 0.

    Logging stays as the caller has set it up; without any, a crash is silent but for the code.
    """
    spare_garbage_collector()
    worker = faust.Worker(app, quiet=True, override_logging=False, redirect_stdouts=False)
    worker.spinner = None  # it would write escape codes to stdout
    worker.execute_from_commandline()


def _raise_crash(app: BatchApp) -> None:
    if app.crash_reason is not None:
        raise app.crash_reason
