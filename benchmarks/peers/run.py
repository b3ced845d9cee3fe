"""One run of one peer: a process on its cores, its line of figures, its changelog."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from benchmarks.topics import PATIENCE_S, WARNINGS, ends, renew
from schemas.topics import Topic
from yizhan.servers import fetch

ROOT: Final = Path(__file__).parents[2]
SCHEMA: Final = ROOT / "schemas" / "avro" / "scan_event.avsc"
LONGEST_S: Final = 900
WARM_UP: Final = 10
"""A tenth of the scans comes before the clocks start: for Java's compilers above all."""
AT_ONCE: Final = 10_000
EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001  # librdkafka's own codes begin with an underscore


class RunFailed(RuntimeError):
    """A peer's process came to nothing; the text has the end of what it said."""


@dataclass(frozen=True)
class Run:
    """One run. `topic` holds `events` scans up to `ends`; `name`: nobody else's; `folder`: the peer's own."""

    brokers: str
    topic: str
    ends: Sequence[int]
    cores: Sequence[int]
    name: str
    folder: Path

    @property
    def events(self) -> int:
        """Scans in the topic."""
        return sum(self.ends)

    @property
    def warm_up(self) -> int:
        """Scans before the clocks start."""
        return self.events // WARM_UP

    @property
    def numbers(self) -> list[str]:
        """All scans, and those of the warm-up, as words."""
        return [str(self.events), str(self.warm_up)]


@dataclass(frozen=True)
class Peer:
    """One of those that run side by side.

    `words`: its command. `changelog`: the topic that a restart recovers from, None for one without state. `topics`:
    those it does not make itself. `lives`: what the newest records of the changelog say, in the canonical form.
    `cap`: it gets so many scans and no more.
    """

    name: str
    title: str
    words: Callable[[Run], list[str]]
    changelog: Callable[[Run], str] | None = None
    topics: Callable[[Run], Sequence[Topic]] = lambda _run: ()
    lives: Callable[[Mapping[bytes, bytes]], dict[bytes, bytes]] | None = None
    cap: int | None = None
    note: str = ""


def measured(peer: Peer, run: Run) -> dict[str, Any]:
    """Figures of a run; `RunFailed`."""
    if made := peer.topics(run):
        renew(run.brokers, made)
    told = [fetch.debian("util-linux", "taskset"), "-c", ",".join(map(str, run.cores)), *peer.words(run)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    try:
        ran = subprocess.run(  # noqa: S603  # our own command
            told, capture_output=True, text=True, check=False, timeout=LONGEST_S, env=environment
        )
    except subprocess.TimeoutExpired as late:
        raise RunFailed(f"{peer.name} did not end within {LONGEST_S} s: {_end(late.stderr)}") from late
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode or not lines:
        raise RunFailed(f"{peer.name} ended with code {ran.returncode}: {_end(ran.stderr)}")
    found: dict[str, Any] = json.loads(lines[-1])
    written = sum(ends(run.brokers, peer.changelog(run))) if peer.changelog else 0
    return {
        "events_per_s": round(found["events"] / found["wall_s"]),
        "cpu_s_per_million": round(1e6 * found["cpu_s"] / found["events"], 2),
        "rss_mb": found["rss_mb"],
        "changelog_records": written,
    }


def _end(said: str | bytes | None) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said or ""
    return text[-3000:].strip()


def newest(brokers: str, topic: str) -> dict[bytes, bytes]:
    """The newest value of each key of a topic; deleted keys left out."""
    left = {partition: end for partition, end in enumerate(ends(brokers, topic)) if end}
    told = {"bootstrap.servers": brokers, "group.id": "peers-compare", "enable.auto.commit": False}
    reading = Consumer({**told, "fetch.queue.backoff.ms": 10, "enable.partition.eof": True})
    found: dict[bytes, bytes | None] = {}
    try:
        reading.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in left])
        while left:
            for key, value, ended in _read(reading):
                if ended is not None:
                    left.pop(ended, None)
                else:
                    found[key] = value
    finally:
        reading.close()
    return {key: value for key, value in found.items() if value is not None}


def _read(reading: Consumer) -> Iterator[tuple[bytes, bytes | None, int | None]]:
    """Key and value of what came; or the partition whose end was reached."""
    for message in reading.consume(AT_ONCE, 1.0):
        if (fault := message.error()) is None:
            yield message.key() or b"", message.value(), None
        elif fault.code() == EOF:
            yield b"", None, message.partition()
        else:
            raise KafkaException(fault)


def forget(brokers: str, run: Run) -> None:
    """Delete the topics that bear the run's name."""
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": WARNINGS})
    if old := [topic for topic in admin.list_topics(timeout=PATIENCE_S).topics if run.name in topic]:
        for answer in admin.delete_topics(old).values():
            answer.result(PATIENCE_S)
