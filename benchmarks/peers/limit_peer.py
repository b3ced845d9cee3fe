"""The reading limit: what confluent-kafka hands over, as it is or as Arrow; no state, no output.

BROKERS TOPIC SCHEMA EVENTS WARM_UP raw|arrow
"""

import os

os.environ["RAYON_NUM_THREADS"] = "1"

import sys
from pathlib import Path
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from pyruhvro import deserialize_array

from benchmarks.peers.python_peer import FRAME, Meter
from schemas.topics import PARTITIONS

AT_ONCE: Final = 10_000
SETTINGS: Final[dict[str, Any]] = {
    "group.id": "peers-limit",
    "enable.auto.commit": False,
    "queued.min.messages": 500_000,
    "fetch.message.max.bytes": 4 << 20,
    "fetch.queue.backoff.ms": 10,  # by default a reader that is faster than its queue starves for up to a second
}


def main(brokers: str, topic: str, schema: str, events: int, warm_up: int, into: str) -> None:
    """Read so many scans, report."""
    meter, text = Meter(warm_up), Path(schema).read_text("utf-8")
    consumer = Consumer({"bootstrap.servers": brokers, **SETTINGS})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)])
    at_once = min(AT_ONCE, warm_up)
    while meter.seen < events:
        found = consumer.consume(at_once, 1.0)
        for message in found:
            if (fault := message.error()) is not None:
                raise KafkaException(fault)
        if found:
            meter.count(len(found))
        if found and into == "arrow":
            deserialize_array([(message.value() or b"")[FRAME:] for message in found], text)
    meter.report()
    consumer.close()


if __name__ == "__main__":
    brokers, topic, schema, events, warm_up, into = sys.argv[1:]
    main(brokers, topic, schema, int(events), int(warm_up), into)
