"""Where deliveries run: one thread with an event loop, a courier for each endpoint, one teller, one board."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from itertools import zip_longest
from types import TracebackType
from typing import Final, Self

from sinks.alerts.alertmanager import Teller
from sinks.alerts.board import Board
from sinks.alerts.courier import Courier, Sleep
from sinks.alerts.metrics import STANDING, Standing
from sinks.alerts.outbox import Clock, Outbox
from sinks.alerts.pinned import Resolver, SystemResolver
from sinks.alerts.settings import AlertSettings
from sinks.alerts.webhook import Endpoint
from sinks.clickhouse.store import Store

LOG: Final = logging.getLogger("yizhan.alerts")
LOOK_SECONDS: Final = 2.0
"""How long an acknowledgement or a snooze may go unnoticed."""
CLOSE_SECONDS: Final = 30.0


class DeliveryFailed(RuntimeError):
    """Deliveries ended by an error of our own; the cause is chained."""


class Office:
    """Delivers what the outbox holds, from `with` to its end. What is not sent by then waits on disk.

    `failed` is called from the office's own thread if an error of ours ends it: whoever runs it should start anew.
    """

    def __init__(
        self,
        settings: AlertSettings,
        outbox: Outbox,
        store: Store,
        clock: Clock = time.time,
        resolver: Resolver | None = None,
        sleep: Sleep = asyncio.sleep,
        failed: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._endpoints = [webhook.name for webhook in settings.webhook]
        self._outbox, self._board = outbox, Board(store, outbox, clock)
        self._resolvers = [] if resolver else [SystemResolver() for _ in settings.webhook]
        couriers = [
            Courier(Endpoint(webhook, resolver or own, clock), outbox, self._board.held, clock, sleep)
            for webhook, own in zip_longest(settings.webhook, self._resolvers)
        ]
        told = settings.alertmanager
        tellers = [Teller(told, outbox, lambda: self._board.marks, clock)] if told else []
        self._workers: list[Courier | Teller] = [*couriers, *tellers]
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._begun = threading.Event()
        self._failed: BaseException | None = None
        self._tell_failed = failed

    def __enter__(self) -> Self:
        STANDING.source = self.standing
        self._thread.start()
        self._begun.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        STANDING.source = Standing
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._cancel)
            self._thread.join(CLOSE_SECONDS)
        for own in self._resolvers:
            own.close()
        self._check()

    def standing(self) -> Standing:
        """Counts of what is open and what waits."""
        return self._outbox.standing(self._endpoints)

    def wake(self) -> None:
        """There is something new to tell; raises `DeliveryFailed` if nobody is left to tell it."""
        self._check()
        self._loop.call_soon_threadsafe(self._wake)

    def _check(self) -> None:
        if self._failed is not None:
            raise DeliveryFailed("alerts are not delivered any more") from self._failed

    def _cancel(self) -> None:
        if self._main is not None:
            self._main.cancel()

    def _wake(self) -> None:
        for worker in self._workers:
            worker.woken.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except asyncio.CancelledError:
            return
        except BaseException as cause:  # whatever it is, the role must hear of it
            LOG.critical("alerts are not delivered any more", exc_info=cause)
            self._failed = cause
            self._tell_failed(cause)

    async def _work(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._begun.set()
        await self._board.look()  # before anything is sent: a snooze outlives a restart
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(worker.run())
            group.create_task(self._look())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            before = self._board.marks
            await self._board.look()
            if self._board.marks != before:
                self._wake()
