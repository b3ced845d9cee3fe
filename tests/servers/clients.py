"""What a client does: make a topic, write, read all back, be let in or not."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

Client = Mapping[str, Any]
SECONDS: Final = 30
OTHER_NAME: Final = "127.1"
"""Resolves to 127.0.0.1, and is not what a certificate says."""
QUIET: Final = logging.getLogger("tests.servers.quiet")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False


def make_topic(client: Client, name: str, copies: int = 1) -> None:
    admin = AdminClient(dict(client))  # lives until the answer is there
    admin.create_topics([NewTopic(name, 1, copies)])[name].result(SECONDS)


def add_user(client: Client, user: str, password: str) -> None:
    """A SCRAM user without any right; waits until the broker lets it in."""
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192)
    wanted = UserScramCredentialUpsertion(user, info, password.encode())
    admin = AdminClient(dict(client))
    admin.alter_user_scram_credentials([wanted])[user].result(SECONDS)
    own = dict(client) | {"sasl.username": user, "sasl.password": password}
    until(lambda: refusal(own) is None)


def allow_writing(client: Client, user: str, topic: str) -> None:
    """The right to write one topic."""
    principal = f"User:{user}"
    acl = AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        principal,
        "*",
        AclOperation.WRITE,
        AclPermissionType.ALLOW,
    )
    admin = AdminClient(dict(client))
    admin.create_acls([acl])[acl].result(SECONDS)


def write(client: Client, topic: str, values: Iterable[bytes]) -> list[bytes]:
    """Those acknowledged, in order."""
    taken: list[bytes] = []
    failed: list[KafkaError] = []
    producer = Producer(
        {
            **client,
            "acks": "all",
            "message.timeout.ms": SECONDS * 1000,
            "topic.metadata.propagation.max.ms": 2000,
            "logger": QUIET,
        }
    )

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failed.append(error)
        else:
            taken.append(message.value() or b"")

    for value in values:
        producer.produce(topic, value, on_delivery=delivered)
    producer.flush(SECONDS)
    if failed:
        raise KafkaException(failed[0])
    return taken


def read(client: Client, topic: str, count: int) -> list[bytes]:
    """The first so many records of a topic of one partition."""
    consumer = Consumer({**client, "group.id": f"g-{topic}", "auto.offset.reset": "earliest", "logger": QUIET})
    consumer.subscribe([topic])
    found: list[bytes] = []
    last = time.monotonic() + SECONDS
    while len(found) < count and time.monotonic() < last:
        found += [m.value() or b"" for m in consumer.consume(count, timeout=0.2) if m.error() is None]
    consumer.close()
    return found


def refusal(client: Client, seconds: float = 3) -> str | None:
    """Why a client does not get in; None: it does."""
    said: list[str] = []
    settings: dict[str, Any] = {**client, "error_cb": lambda error: said.append(error.str())}
    admin = AdminClient(settings, logger=QUIET)
    last = time.monotonic() + seconds
    while time.monotonic() < last and not said:
        try:
            admin.list_topics(timeout=0.3)
        except KafkaException:
            admin.poll(0)
        else:
            return None
    return said[0] if said else "no answer"


def until(seen: Callable[[], bool]) -> None:
    """Look until it is so."""
    last = time.monotonic() + SECONDS
    while not seen():
        assert time.monotonic() < last, "it did not come about"
        time.sleep(0.05)
