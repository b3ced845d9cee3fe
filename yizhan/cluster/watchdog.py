"""Lag and commits of every group, seen from outside the workers: for a dashboard, an alert, a person."""

from typing import Final

import structlog
from confluent_kafka import KafkaException

from schemas.metrics import COMMIT_AGE, LAG
from yizhan.cluster.access import role_access
from yizhan.cluster.clients import librdkafka
from yizhan.cluster.lag import Onlooker, Progress, Standing
from yizhan.cluster.roles import reference_of, stopping
from yizhan.cluster.settings import ClusterSettings
from yizhan.cluster.vitals import Vitals, answering

LOG: Final = structlog.get_logger(__name__)


def group_topics(settings: ClusterSettings) -> dict[str, set[str]]:
    """What each group has to get through."""
    kinds = {n.network: n.kind for n in reference_of(settings).networks.values()}
    return {
        told.group: set(told.reads) - {f"{told.group}-timelines-changelog"}
        for told in role_access(kinds).values()
        if told.group
    }


def standings(settings: ClusterSettings) -> dict[str, Standing]:
    """Where every group stands now; raises KafkaException."""
    onlooker = Onlooker(librdkafka(settings))
    return {g: onlooker.standing(g, onlooker.places(topics)) for g, topics in group_topics(settings).items()}


def run_watchdog(settings: ClusterSettings) -> None:
    """Look again and again until told to stop."""
    stop, onlooker, topics = stopping(), Onlooker(librdkafka(settings)), group_topics(settings)
    progress = {group: Progress() for group in topics}
    seen: list[bool] = []
    vitals = Vitals("watchdog", settings.ready_lag, lambda: bool(seen), lag=0)
    with answering(vitals, settings):
        while not stop.wait(settings.check_seconds):
            try:
                _look(onlooker, topics, progress, settings.stall_seconds)
            except KafkaException as fault:
                LOG.warning("the brokers don't answer", cause=str(fault))
                seen.clear()
            else:
                seen[:] = [True]


def _look(onlooker: Onlooker, topics: dict[str, set[str]], progress: dict[str, Progress], stall_seconds: float) -> None:
    for group, names in topics.items():
        standing = onlooker.standing(group, onlooker.places(names))
        age = progress[group].age(standing)
        LAG.labels(group).set(standing.lag)
        COMMIT_AGE.labels(group).set(age)
        if age > stall_seconds:
            LOG.error("a group commits nothing", group=group, lag=standing.lag, seconds=round(age))
