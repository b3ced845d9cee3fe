"""The two roles of alerts: one knows what is promised and says what is late, the other carries it to whoever asked."""

import os
from typing import Final

import structlog

from schemas.topics import LIFECYCLE
from sinks.alerts import settings as desks
from sinks.alerts.role import delivering
from stream_jobs.alerts.app import alerts_app
from stream_jobs.alerts.job import AlertsJob
from yizhan.cluster.clients import store
from yizhan.cluster.roles import access, clock, faust, read, reference_of, run_app, spoken
from yizhan.cluster.settings import BadSettings, ClusterSettings
from yizhan.cluster.vitals import RESTART

LOG: Final = structlog.get_logger(__name__)


def run_promises(settings: ClusterSettings) -> None:
    """Lifecycles and the clock in, alerts out: a Faust worker, one of as many as there are partitions."""
    job = AlertsJob(spoken(settings), reference_of(settings), clock(settings))
    asked = {"sweep_seconds": settings.sweep_seconds, **faust(settings)}
    run_app("promises", [LIFECYCLE.name], lambda: alerts_app(job, settings.kafka_brokers, **asked), settings)


def run_courier(settings: ClusterSettings) -> None:
    """Alerts to webhooks, Alertmanager and metrics: one process, whose file keeps a second one out."""
    told, reference = _told(settings), reference_of(settings)
    with (
        store(settings) as kept,
        delivering(spoken(settings).alerts, told, kept, settings.alerts_folder, clock(settings), _failed) as sink,
    ):
        read("courier", access(reference, "yizhan-courier"), sink.take, settings)


def _told(settings: ClusterSettings) -> desks.AlertSettings:
    try:
        return desks.load(settings.alerts_file)
    except desks.BadSettings as cause:
        raise BadSettings(f"settings:\n  YIZHAN_ALERTS_FILE: {cause}") from cause


def _failed(cause: BaseException) -> None:
    """End the process from the thread that delivers; what was not delivered waits on disk."""
    LOG.error("alerts are not delivered any more: ending", cause=str(cause))
    os._exit(RESTART)
