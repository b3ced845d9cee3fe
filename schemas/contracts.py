"""All codecs of a process, looked up once at its start."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas import topics
from schemas.registry import Registry
from schemas.wire import Codec, codec


@dataclass(frozen=True)
class Contracts:
    """One codec per record; scans by topic, since each topic is a subject of its own."""

    scans: Mapping[str, Codec]
    lifecycles: Codec
    links: Codec
    letters: Codec
    alerts: Codec
    targets: Codec


def contracts(registry: Registry) -> Contracts:
    """Look every subject up; raises NotRegistered, which says what to run."""
    return Contracts(
        {topic.name: codec(topic.name, registry) for topic in topics.SCANS.values()},
        codec(topics.LIFECYCLE.name, registry),
        codec(topics.LINKS.name, registry),
        codec(topics.DEAD_LETTER.name, registry),
        codec(topics.ALERTS.name, registry),
        codec(topics.TARGETS.name, registry),
    )
