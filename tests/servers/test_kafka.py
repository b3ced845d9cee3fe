"""One broker: it keeps what it acknowledged; secured, it lets in whom it should and counts the rest."""

import re
from typing import Final

import httpx
import pytest
from confluent_kafka import KafkaException

from tests.servers.clients import OTHER_NAME, add_user, allow_writing, make_topic, read, refusal, until, write
from yizhan.servers import Kafka
from yizhan.servers.broker_settings import OtherLayout

VALUES: Final = [b"%d" % n for n in range(500)]


def test_a_killed_broker_comes_back_with_all_it_acknowledged(kafka_server: Kafka) -> None:
    """SIGKILL and start in the same folder: same address, every acknowledged record, in order."""
    make_topic(kafka_server.client(), "kept")
    taken = write(kafka_server.client(), "kept", VALUES)
    before = kafka_server.addresses

    kafka_server.kill()
    assert refusal(kafka_server.client(), seconds=0.5) is not None
    kafka_server.start()

    assert taken == VALUES
    assert kafka_server.addresses == before
    assert read(kafka_server.client(), "kept", len(VALUES)) == VALUES


def test_a_topic_is_not_made_by_writing_to_it(kafka_server: Kafka) -> None:
    """Topics are made by `yizhan topics` alone."""
    with pytest.raises(KafkaException, match="Unknown topic"):
        write(kafka_server.client(), "never-made", [b"x"])


def test_a_paused_broker_hangs_and_goes_on(kafka_server: Kafka) -> None:
    """SIGSTOP: no answer; SIGCONT: it answers."""
    kafka_server.pause()
    assert not kafka_server.answering(0)
    kafka_server.resume()
    until(lambda: kafka_server.answering(0))


def test_a_folder_is_of_one_layout(kafka_server: Kafka) -> None:
    """Its data can't be read by a cluster of another shape."""
    with pytest.raises(OtherLayout, match=r"1 broker\(s\), not secured"):
        Kafka(kafka_server.folder, secure=True)


def test_the_right_password_gets_in_and_a_wrong_one_does_not(secure_kafka: Kafka) -> None:
    """SCRAM over TLS."""
    assert refusal(secure_kafka.client()) is None
    assert "Authentication failed" in str(refusal(secure_kafka.client(password="wrong")))  # noqa: S106  # meant to fail
    assert "Authentication failed" in str(refusal(secure_kafka.client("nobody", secure_kafka.password)))


def test_a_wrong_host_name_is_refused(secure_kafka: Kafka) -> None:
    """The certificate vouches for 127.0.0.1 and localhost, not for another name of the same address."""
    port = secure_kafka.addresses[0].partition(":")[2]

    assert refusal({**secure_kafka.client(), "bootstrap.servers": f"localhost:{port}"}) is None
    said = refusal({**secure_kafka.client(), "bootstrap.servers": f"{OTHER_NAME}:{port}"})
    assert "certificate verify failed" in str(said)


def test_clients_do_not_get_in_where_brokers_meet(secure_kafka: Kafka) -> None:
    """Listeners of brokers and controllers take certificates of their own authority alone; the admin has none."""
    inner = {
        **secure_kafka.client(),
        "security.protocol": "SSL",
        "ssl.ca.location": str(secure_kafka.folder / "pki-inner" / "ca.pem"),
    }
    for port in (secure_kafka.layout.ports[0][name] for name in ("inner", "controller")):
        assert refusal({**inner, "bootstrap.servers": f"127.0.0.1:{port}"}) is not None


def test_a_denied_write_is_refused_and_counted(secure_kafka: Kafka) -> None:
    """A user without an ACL writes nothing, and the broker's metrics and log show the try."""
    make_topic(secure_kafka.client(), "forged")
    add_user(secure_kafka.client(), "network-a", "password-a")
    before = denied(secure_kafka)

    with pytest.raises(KafkaException, match="Topic authorization failed"):
        write(secure_kafka.client("network-a", "password-a"), "forged", [b"x"])

    until(lambda: denied(secure_kafka) > before)
    rate = r'^kafka_server_authorization_denied_per_minute\{role="broker"\} (\S+)$'
    assert float(re.findall(rate, httpx.get(secure_kafka.metrics[0]).text, re.MULTILINE)[0]) > 0
    assert "Principal = User:network-a is Denied" in secure_kafka.brokers[0].tail()


def test_an_allowed_write_is_taken(secure_kafka: Kafka) -> None:
    """With the ACL the same user writes."""
    make_topic(secure_kafka.client(), "own")
    add_user(secure_kafka.client(), "network-b", "password-b")
    allow_writing(secure_kafka.client(), "network-b", "own")

    assert write(secure_kafka.client("network-b", "password-b"), "own", [b"x"]) == [b"x"]
    assert read(secure_kafka.client(), "own", 1) == [b"x"]


def denied(cluster: Kafka) -> float:
    """Requests refused by ACL, as the broker's metrics count them."""
    text = httpx.get(cluster.metrics[0]).text
    refused = r'^kafka_network_requests_total\{error="TOPIC_AUTHORIZATION_FAILED".*\} (\S+)$'
    counts = re.findall(refused, text, re.MULTILINE)
    return sum(map(float, counts))
