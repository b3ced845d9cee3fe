"""Who reads and writes which topics, in which group: what the roles subscribe to and what their users are granted.

A network may write its own ingress topic and nothing else; the internal topics are ours alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from producers.role import GROUP as ADMISSION
from schemas.topics import ALERTS, DEAD_LETTER, IMPORTS, LIFECYCLE, LINKS, PROMISES, SCANS, TARGETS, TIMELINES, ingress
from sinks.alerts.role import GROUP as COURIER
from sinks.role import GROUP as SINK
from stream_jobs.alerts.app import GROUP as PROMISES_GROUP
from stream_jobs.app import GROUP as TIMELINES_GROUP
from stream_jobs.app import READS

SCAN_TOPICS: Final = tuple(topic.name for topic in SCANS.values())


@dataclass(frozen=True)
class Access:
    """Topics that a user reads and writes, and the group it reads in.

    `recovers`: what it reads outside the group. `sees`: it may look at all topics and groups.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    group: str = ""
    recovers: tuple[str, ...] = ()
    sees: bool = False


def role_access(kinds: Mapping[str, str]) -> dict[str, Access]:
    """Every role of a cluster whose networks have these kinds, by the name of its user."""
    inbound = (IMPORTS.name, *(ingress(kind, network).name for network, kind in kinds.items()))
    return {
        "yizhan-admission": Access(inbound, (*SCAN_TOPICS, DEAD_LETTER.name), ADMISSION),
        "yizhan-worker": Access(
            READS,
            (LINKS.name, LIFECYCLE.name, DEAD_LETTER.name, TIMELINES.name),
            TIMELINES_GROUP,
            (TIMELINES.name, TARGETS.name),
        ),
        "yizhan-sink": Access((*SCAN_TOPICS, LIFECYCLE.name, DEAD_LETTER.name, ALERTS.name), (), SINK),
        "yizhan-promises": Access((LIFECYCLE.name,), (ALERTS.name, PROMISES.name), PROMISES_GROUP, (PROMISES.name,)),
        "yizhan-courier": Access((ALERTS.name,), (), COURIER),
        "yizhan-watchdog": Access(sees=True),
        "yizhan-operator": Access((), (IMPORTS.name, TARGETS.name), recovers=(TARGETS.name,), sees=True),
    }


def network_access(kind: str, network: str) -> Access:
    """What a publisher may do: write its own topic."""
    return Access((), (ingress(kind, network).name,))
