"""Metrics of alerts and their delivery, declared once. Labels are bounded: no parcel, no village, no waybill."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import REGISTRY, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PLACE: Final = ("kind", "level", "county", "township")
UNKNOWN: Final = "UNKNOWN"
"""Label of a county or township that is not known."""

TAKEN: Final = Counter("yizhan_alerts_taken", "Alert records taken from parcels.alerts.", ["kind", "level", "state"])
WEBHOOK_ATTEMPTS: Final = Counter(
    "yizhan_webhook_attempts", "Messages handed to webhooks: delivered, failed, given_up.", ["endpoint", "outcome"]
)
ALERTMANAGER_POSTS: Final = Counter(
    "yizhan_alertmanager_posts", "Rounds of incidents told to Alertmanager: taken, failed.", ["outcome"]
)
MARKS_READ: Final = Counter("yizhan_alert_marks_reads", "Readings of acknowledgements and snoozes.", ["outcome"])


@dataclass(frozen=True)
class Open:
    """Alerts and incidents of one place that stand open."""

    kind: str
    level: str
    county: str
    township: str
    alerts: int
    incidents: int


@dataclass(frozen=True)
class Queue:
    """Messages that wait for one endpoint, and for how long the oldest has; in seconds."""

    endpoint: str
    waiting: int
    oldest_seconds: float


@dataclass(frozen=True)
class Standing:
    """What stands at the moment of asking."""

    open: Sequence[Open] = ()
    queues: Sequence[Queue] = ()


class StandingMetrics(Collector):
    """Gauges read when somebody asks, so that no count outlives what it counted."""

    def __init__(self) -> None:
        self.source: Callable[[], Standing] = Standing

    def collect(self) -> Iterable[Metric]:
        """Four families, empty until a role serves as source."""
        alerts = GaugeMetricFamily("yizhan_open_alerts", "Alerts that stand open.", labels=PLACE)
        incidents = GaugeMetricFamily("yizhan_open_incidents", "Incidents with an alert open.", labels=PLACE)
        waiting = GaugeMetricFamily("yizhan_webhook_waiting", "Messages that wait.", labels=["endpoint"])
        oldest = GaugeMetricFamily("yizhan_webhook_oldest_seconds", "How long the oldest waits.", labels=["endpoint"])
        found = self.source()
        for row in found.open:
            place = (row.kind, row.level, row.county, row.township)
            alerts.add_metric(place, row.alerts)
            incidents.add_metric(place, row.incidents)
        for queue in found.queues:
            waiting.add_metric((queue.endpoint,), queue.waiting)
            oldest.add_metric((queue.endpoint,), queue.oldest_seconds)
        return alerts, incidents, waiting, oldest


STANDING: Final = StandingMetrics()
REGISTRY.register(STANDING)
