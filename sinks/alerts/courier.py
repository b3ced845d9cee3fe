"""The messages of one endpoint, one after the other: each until it is taken or its time is over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential_jitter

from sinks.alerts.alert import Alert
from sinks.alerts.metrics import WEBHOOK_ATTEMPTS
from sinks.alerts.outbox import Clock, Delivery, Outbox
from sinks.alerts.webhook import Endpoint, NotTaken

LOG: Final = logging.getLogger("yizhan.alerts")
LOOK_SECONDS: Final = 5.0
"""How long a snooze that ended may go unnoticed; new messages wake the courier."""
FINISH_SECONDS: Final = 5.0
"""How long a stop waits for an answer that is under way."""

Sleep = Callable[[float], Awaitable[None]]


class Courier:
    """Carries to one endpoint. A message that fails holds up those behind it, but no other endpoint."""

    def __init__(
        self, endpoint: Endpoint, outbox: Outbox, held: Callable[[Alert], bool], clock: Clock, sleep: Sleep
    ) -> None:
        self.name = endpoint.settings.name
        self.woken = asyncio.Event()
        for outcome in ("delivered", "failed", "given_up"):
            WEBHOOK_ATTEMPTS.labels(self.name, outcome)  # from 0 on: the first failure is a rise, too
        self._endpoint, self._outbox, self._held = endpoint, outbox, held
        self._clock, self._sleep = clock, sleep

    async def run(self) -> None:
        """Carry for ever; ends by being cancelled."""
        try:
            while True:
                self.woken.clear()
                await self._carry_all()
                await self._wait()
        finally:
            await self._endpoint.close()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self.woken.wait()
        except TimeoutError:
            return

    async def _carry_all(self) -> None:
        while (delivery := self._outbox.next_waiting(self.name, self._held)) is not None:
            try:
                await self._retrying(delivery)(self._attempt, delivery)
            except NotTaken as cause:
                self._outbox.given_up(delivery, str(cause))
                WEBHOOK_ATTEMPTS.labels(self.name, "given_up").inc()
                LOG.error(  # noqa: TRY400  # the cause is told; a trace says no more
                    "webhook %s: %s given up: %s", self.name, delivery.message_id, cause
                )

    async def _attempt(self, delivery: Delivery) -> None:
        self._outbox.tried(delivery)
        sending = asyncio.ensure_future(self._send(delivery))
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            # What is under way is finished and noted: a stop in good order repeats nothing.
            await asyncio.wait({sending}, timeout=FINISH_SECONDS)
            if not sending.cancel():
                sending.exception()  # looked at: whatever it is, the message waits on disk
            raise
        except NotTaken as cause:
            WEBHOOK_ATTEMPTS.labels(self.name, "failed").inc()
            LOG.warning("webhook %s: %s: %s", self.name, delivery.message_id, cause)
            raise

    async def _send(self, delivery: Delivery) -> None:
        await self._endpoint.post(delivery)
        self._outbox.delivered(delivery)
        WEBHOOK_ATTEMPTS.labels(self.name, "delivered").inc()

    def _retrying(self, delivery: Delivery) -> AsyncRetrying:
        chosen = self._endpoint.settings
        backing_off = wait_exponential_jitter(
            multiplier=chosen.first_wait_seconds, max=chosen.longest_wait_seconds, jitter=1
        )
        return AsyncRetrying(
            sleep=self._sleep,
            wait=lambda state: max(backing_off(state), _asked(state)),
            stop=lambda _: self._clock() >= delivery.queued_at + chosen.give_up_hours * 3600,
            retry=retry_if_exception(lambda cause: isinstance(cause, NotTaken) and not cause.final),
            reraise=True,
        )


def _asked(state: RetryCallState) -> float:
    """Seconds that the endpoint asked us to wait."""
    cause = state.outcome.exception() if state.outcome else None
    return cause.wait if isinstance(cause, NotTaken) else 0.0
