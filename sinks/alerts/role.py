"""The alert sink as a role: parcels.alerts to metrics, Alertmanager and webhooks.

Order: 1 alerts and the messages they cause on disk, 2 commit offsets (the reading loop, after `take` returned),
3 deliveries, which have all the time they need (sinks/alerts/outbox.py). One process delivers: its file keeps a
second one out.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schemas.log.batch import RecordBatch
from schemas.topics import ALERTS
from schemas.wire import Codec
from sinks.alerts.alert import Alert, alerts
from sinks.alerts.metrics import TAKEN
from sinks.alerts.office import Office
from sinks.alerts.outbox import Outbox
from sinks.alerts.settings import AlertSettings
from sinks.clickhouse.store import Store

GROUP: Final = "yizhan-courier"
FILE: Final = "alerts.sqlite"
DAY_MS: Final = 86_400_000


class Undecodable(RuntimeError):
    """A record of parcels.alerts that is none: nothing may be committed past it."""


class AlertSink:
    """Takes batches of parcels.alerts. `clock`: the one alerts are raised by, epoch ms."""

    def __init__(
        self, codec: Codec, settings: AlertSettings, outbox: Outbox, office: Office, clock: Callable[[], int]
    ) -> None:
        self._codec, self._settings, self._clock = codec, settings, clock
        self._outbox, self._office = outbox, office
        outbox.forget(self._oldest())

    def take(self, batches: Sequence[RecordBatch]) -> None:
        """Return once the batch is safe on disk; raises `Undecodable`, `DeliveryFailed` or sqlite3's errors."""
        decoded = self._codec.decode([value or b"" for batch in batches for value in batch.values])
        if decoded.refused:
            raise Undecodable(f"{ALERTS.name}: {decoded.refused[0][1]}")
        found = alerts(decoded.rows)
        self._outbox.take(found, self._wanted_by)
        for alert in found:
            TAKEN.labels(alert.kind, alert.level, alert.state).inc()
        self._office.wake()

    def _wanted_by(self, alert: Alert) -> Iterable[str]:
        if alert.raised_at < self._oldest():
            return []
        return [webhook.name for webhook in self._settings.webhook if webhook.only.wants(alert)]

    def _oldest(self) -> int:
        return self._clock() - self._settings.keep_days * DAY_MS


@contextmanager
def delivering(
    codec: Codec,
    settings: AlertSettings,
    store: Store,
    folder: Path,
    clock: Callable[[], int],
    failed: Callable[[BaseException], None] = lambda _: None,
) -> Iterator[AlertSink]:
    """The sink with all that delivers, its file in `folder`; raises `OutboxBusy`.

    `failed` is called, from another thread, when deliveries end by an error: the role has to end, too.
    """
    outbox = Outbox(folder / FILE, time.time)
    try:
        with Office(settings, outbox, store, failed=failed) as office:
            yield AlertSink(codec, settings, outbox, office, clock)
    finally:
        outbox.close()
