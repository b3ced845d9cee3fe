"""Deliveries as a test sees them: settings, outbox and office in one."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sinks.alerts.alert import Alert
from sinks.alerts.courier import Sleep
from sinks.alerts.office import Office
from sinks.alerts.outbox import Clock, Outbox
from sinks.alerts.pinned import Resolver
from sinks.alerts.settings import AlertSettings
from sinks.clickhouse.store import Store


class WallClock:
    """The wall's seconds, and those that somebody slept meanwhile: so a wait of hours takes none."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Seconds since 1970."""
        return time.time() + sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        """Let the seconds be over."""
        self.slept.append(seconds)
        await asyncio.sleep(0)


class Desk:
    """An office that is open, and its outbox."""

    def __init__(self, settings: AlertSettings, outbox: Outbox, office: Office) -> None:
        self.settings, self.outbox, self.office = settings, outbox, office

    def tell(self, alerts: Sequence[Alert]) -> None:
        """As the role does."""
        self.outbox.take(alerts, lambda a: [w.name for w in self.settings.webhook if w.only.wants(a)])
        self.office.wake()


@contextmanager
def delivering(
    folder: Path,
    store: Store,
    *webhooks: dict[str, object],
    alertmanager: dict[str, object] | None = None,
    clock: Clock = time.time,
    sleep: Sleep = asyncio.sleep,
    resolver: Resolver | None = None,
) -> Iterator[Desk]:
    """Deliver to these from a file in the folder."""
    settings = AlertSettings.model_validate({"webhook": webhooks, "alertmanager": alertmanager})
    outbox = Outbox(folder / "alerts.sqlite", clock)
    try:
        with Office(settings, outbox, store, clock, resolver, sleep) as office:
            yield Desk(settings, outbox, office)
    finally:
        outbox.close()
