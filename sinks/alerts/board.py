"""The board between people and deliveries: marks are read from it, messages given up are pinned to it."""

import asyncio
import logging
from typing import Final

from sinks.alerts.alert import Alert
from sinks.alerts.marks import Marks, read_marks, write_given_up
from sinks.alerts.metrics import MARKS_READ
from sinks.alerts.outbox import Clock, Outbox
from sinks.clickhouse.store import Store, StoreError

LOG: Final = logging.getLogger("yizhan.alerts")


class Board:
    """Marks as last read. While ClickHouse is away the last ones hold: an alert is not kept back for it."""

    def __init__(self, store: Store, outbox: Outbox, clock: Clock) -> None:
        self.marks = Marks()
        for outcome in ("read", "failed"):
            MARKS_READ.labels(outcome)  # from 0 on: the first failure is a rise, too
        self._store, self._outbox, self._clock = store, outbox, clock

    def held(self, alert: Alert) -> bool:
        """Whether it is snoozed now."""
        return self.marks.held(alert, int(self._clock() * 1000))

    async def look(self) -> None:
        """Read marks and pin up what was given up since; a store that is away is noted and looked at again."""
        try:
            self.marks = await asyncio.to_thread(self._exchange)
        except StoreError as cause:
            MARKS_READ.labels("failed").inc()
            LOG.warning("marks of alerts were not read: %s", cause)
        else:
            MARKS_READ.labels("read").inc()

    def _exchange(self) -> Marks:
        marks = read_marks(self._store, int(self._clock() * 1000))
        given_up = self._outbox.unreported()
        write_given_up(self._store, given_up)
        self._outbox.reported(given_up)
        return marks
