"""Three brokers: one may die hard and nothing that was acknowledged is lost."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.servers.clients import make_topic, read, refusal, write
from yizhan.servers import Kafka

COUNT: Final = 1_000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    with Kafka(tmp_path_factory.mktemp("three"), brokers=3, secure=True) as found:
        yield found


def test_writing_goes_on_while_one_broker_is_dead(cluster: Kafka) -> None:
    """acks=all with replication 3: the leader is killed, the others take over, all records are read once each."""
    make_topic(cluster.client(), "kept", copies=3)
    before = write(cluster.client(), "kept", (b"a%d" % n for n in range(COUNT)))
    leader = cluster.leader("kept", 0)

    cluster.kill(leader)
    during = write(cluster.client(), "kept", (b"b%d" % n for n in range(COUNT)))
    assert cluster.leader("kept", 0) != leader
    cluster.start(leader)
    after = write(cluster.client(), "kept", (b"c%d" % n for n in range(COUNT)))

    assert len({*before, *during, *after}) == 3 * COUNT
    assert sorted(read(cluster.client(), "kept", 3 * COUNT)) == sorted([*before, *during, *after])


def test_each_broker_lets_clients_in_by_password_alone(cluster: Kafka) -> None:
    """The admin's password made when formatting holds at all three."""
    for address in cluster.addresses:
        assert refusal({**cluster.client(), "bootstrap.servers": address}) is None
        assert refusal({**cluster.client(password="x"), "bootstrap.servers": address}) is not None  # noqa: S106  # wrong
