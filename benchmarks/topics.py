"""The topics of a run on a real broker: made anew, filled, counted."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from schemas.topics import FIXED, PARTITIONS, Topic
from stream_jobs.app import GROUP

PATIENCE_S: Final = 60.0
WARNINGS: Final = 4
"""What librdkafka logs: no less."""


def _has_members(fault: BaseException) -> bool:
    return isinstance(fault, KafkaException) and fault.args[0].code() == KafkaError.NON_EMPTY_GROUP


def renew(brokers: str, topics: Sequence[Topic] = FIXED) -> None:
    """Empty topics, and a group that has read nothing."""
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": WARNINGS})
    known = set(admin.list_topics(timeout=PATIENCE_S).topics)
    if old := [topic.name for topic in topics if topic.name in known]:
        _settled(admin.delete_topics(old))
    groups = {g.group_id for g in admin.list_consumer_groups().result(PATIENCE_S).valid}
    if GROUP in groups:
        _forget_group(admin)
    _settled(admin.create_topics([_new(topic) for topic in topics]))


def _new(topic: Topic) -> NewTopic:
    return NewTopic(topic.name, topic.partitions, 1, config={"cleanup.policy": topic.cleanup})


@retry(retry=retry_if_exception(_has_members), wait=wait_fixed(0.5), stop=stop_after_delay(PATIENCE_S), reraise=True)
def _forget_group(admin: AdminClient) -> None:
    """A killed worker is a member until its session ends."""
    _settled(admin.delete_consumer_groups([GROUP]))


def _settled(asked: dict[str, Any]) -> None:
    for answer in asked.values():
        answer.result(PATIENCE_S)


def fill(brokers: str, topic: str, keys: Iterable[bytes], values: Iterable[bytes]) -> None:
    """Write records, each to the partition of its key."""
    settings = {"partitioner": "murmur2_random", "linger.ms": 50, "queue.buffering.max.messages": 1_000_000}
    producer = Producer({"bootstrap.servers": brokers, "batch.size": 900_000, **settings})
    for key, value in zip(keys, values, strict=True):
        while True:
            try:
                producer.produce(topic, value, key)
            except BufferError:
                producer.poll(0.05)
            else:
                break
    if left := producer.flush(PATIENCE_S):
        raise TimeoutError(f"{left} records of {topic} were not delivered")


def ends(brokers: str, topic: str) -> list[int]:
    """The end of each partition's log."""
    looking = Consumer({"bootstrap.servers": brokers, "group.id": "benchmark"})
    try:
        found = [looking.get_watermark_offsets(TopicPartition(topic, p), PATIENCE_S) for p in range(PARTITIONS)]
    finally:
        looking.close()
    return [end for _, end in found]
