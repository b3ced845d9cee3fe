"""Topics of a cluster: made as schemas/topics.py lists them, and held against that list."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from schemas.kafka import Settings
from schemas.topics import Topic

ANSWER_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Finding:
    """What became of one topic, or what is wrong with it: `state` is ok, made, missing or differs."""

    topic: str
    state: str
    detail: str = ""


class Topics:
    """The brokers' topics."""

    def __init__(self, brokers: Settings, replication: int) -> None:
        self._admin = AdminClient({**brokers, "log_level": 0})
        self._replication = replication

    def create(self, wanted: Iterable[Topic]) -> list[Finding]:
        """Make those that are missing; what is there is left as it is. Raises KafkaException."""
        asked = [self._new(topic) for topic in wanted]
        answers = self._admin.create_topics(asked, operation_timeout=ANSWER_SECONDS, request_timeout=ANSWER_SECONDS)
        return [Finding(topic, _made(answer)) for topic, answer in answers.items()]

    def _new(self, topic: Topic) -> NewTopic:
        in_sync = str(max(1, self._replication - 1))
        config = topic.config | {"min.insync.replicas": in_sync}
        return NewTopic(topic.name, topic.partitions, self._replication, config=config)

    def check(self, wanted: Iterable[Topic]) -> list[Finding]:
        """Hold each topic's partitions, copies and settings against what is wanted."""
        there = self._admin.list_topics(timeout=ANSWER_SECONDS).topics
        known = [topic for topic in wanted if topic.name in there]
        configs = self._configs(known)
        return [
            self._finding(topic, there[topic.name].partitions, configs[topic.name])
            if topic.name in there
            else Finding(topic.name, "missing", "run: yizhan topics create")
            for topic in wanted
        ]

    def _configs(self, topics: Iterable[Topic]) -> dict[str, dict[str, str]]:
        asked = [ConfigResource(ConfigResource.Type.TOPIC, topic.name) for topic in topics]
        answers = self._admin.describe_configs(asked, request_timeout=ANSWER_SECONDS) if asked else {}
        return {found.name: {k: e.value for k, e in answer.result().items()} for found, answer in answers.items()}

    def _finding(self, topic: Topic, partitions: Mapping[int, object], config: Mapping[str, str]) -> Finding:
        wrong = [f"{k} is {config.get(k)}, not {v}" for k, v in topic.config.items() if config.get(k) != v]
        if len(partitions) != topic.partitions:
            wrong.append(f"{len(partitions)} partitions, not {topic.partitions}")
        copies = {len(p.replicas) for p in partitions.values()}  # type: ignore[attr-defined]  # librdkafka's metadata
        if copies != {self._replication}:
            wrong.append(f"{max(copies, default=0)} copies, not {self._replication}")
        return Finding(topic.name, "differs" if wrong else "ok", "; ".join(wrong))


def _made(answer: Future[None]) -> str:
    try:
        answer.result()
    except KafkaException as fault:
        if fault.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
        return "ok"
    return "made"
