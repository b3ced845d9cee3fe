"""The image's own start script and settings bring up a real broker: Maven's Kafka in place of the image's."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.topics import LARGEST_RECORD
from tests.docker.stack import DOCKER, ROOT
from yizhan.cluster.access import network_access
from yizhan.cluster.users import Users
from yizhan.servers import Pki, state
from yizhan.servers.broker import _AGENT, _ARTIFACTS, _JAVA, VERSION
from yizhan.servers.broker_settings import Layout
from yizhan.servers.container import Authority, deal, shares
from yizhan.servers.fetch import jars, java
from yizhan.servers.program import Program

FILE: Final = DOCKER / "kafka" / "server.properties"
HOST_OR_PLACE: Final = re.compile(r"(^|\.)(listeners|location|dirs|voters)$|partitions$|delay\.ms$|^broker\.")
"""What a container has otherwise than this machine: addresses, paths, and what makes a test quick."""


def properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def unlike(text: str, own: str) -> list[str]:
    """Settings of our own secured broker that this file does not share."""
    wanted, found = properties(own), properties(text)
    same = {name: value for name, value in wanted.items() if not HOST_OR_PLACE.search(name)}
    return sorted(name for name, value in same.items() if not found.get(name, "").startswith(value))


@pytest.fixture
def own(tmp_path: Path) -> str:
    return Layout.of(tmp_path / "kafka", 1, Pki(tmp_path / "pki")).settings(0)


def test_the_broker_is_secured_as_our_own_is(own: str) -> None:
    text = FILE.read_text("utf-8").replace("CLIENTS:SASL_SSL,OUTSIDE:SASL_SSL", "CLIENTS:SASL_SSL")
    assert unlike(text, own) == []
    assert f"message.max.bytes={LARGEST_RECORD}\n" in text
    open_to_all = text.replace("no.acl.found=false", "no.acl.found=true").replace("INNER:SSL", "INNER:PLAINTEXT")
    assert unlike(open_to_all, own) == ["allow.everyone.if.no.acl.found", "listener.security.protocol.map"]


def test_publishers_meet_the_same_listener_as_roles_do() -> None:
    found = properties(FILE.read_text("utf-8"))
    of = {
        name: {k.split(".", 3)[3]: v for k, v in found.items() if k.startswith(f"listener.name.{name}.")}
        for name in ("clients", "outside")
    }
    assert of["clients"] == of["outside"] != {}


class ImageBroker(Program):
    """docker/kafka/start, with the paths and ports of a folder."""

    name = "the image's broker"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ports = state.ports(self.folder, ("clients", "outside", "inner", "controller", "metrics"))
        deal(shares(Authority(folder / "authority")), folder / "shares")
        self.secrets = folder / "shares" / "kafka"
        for file in (*(DOCKER / "kafka").iterdir(), ROOT / "yizhan/servers/broker_metrics.yaml"):
            (self.folder / file.name).write_bytes(file.read_bytes())
            (self.folder / file.name).chmod(file.stat().st_mode)

    def command(self) -> list[str]:
        """See `Program`."""
        text = FILE.read_text("utf-8")
        numbers = {"9093": "clients", "9094": "outside", "9091": "inner", "9092": "controller"}
        for number, name in numbers.items():
            text = re.sub(rf":{number}\b", f":{self.ports[name]}", text)
        places = {"//kafka:": "//localhost:", "/run/yizhan": str(self.secrets), "0.0.0.0": "127.0.0.1"}  # noqa: S104  # replaced
        for there, here in (places | {"/var/lib/kafka/data": str(self.folder / "data")}).items():
            text = text.replace(there, here)
        (self.folder / "server.properties").write_text(text)
        return [str(self.folder / "start"), str(self.folder / "server.properties"), str(self.secrets)]

    def environment(self) -> dict[str, str]:
        """See `Program`."""
        lib = jars(f"kafka-{VERSION}", _ARTIFACTS)
        return {
            "PATH": f"{java(_JAVA).parent}:/usr/bin:/bin",
            "KAFKA_LIBS": str(lib),
            "KAFKA_AGENT": str(lib / f"jmx_prometheus_javaagent-{_AGENT}.jar"),
            "KAFKA_METRICS_PORT": str(self.ports["metrics"]),
        }

    def answers(self) -> bool:
        """See `Program`."""
        said = subprocess.run([self.folder / "healthy"], env=self.environment(), capture_output=True, check=False)
        return said.returncode == 0

    def client(self, user: str, password: str, listener: str) -> dict[str, Any]:
        """How a user reaches it."""
        return {
            "bootstrap.servers": f"localhost:{self.ports[listener]}",
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
            "ssl.ca.location": str(self.folder / "shares" / "worker" / "ca.pem"),
        }


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageBroker]:
    with ImageBroker(tmp_path_factory.mktemp("image-broker")) as running:
        yield running


def test_the_images_broker_comes_up_and_keeps_networks_apart(broker: ImageBroker) -> None:
    """One line of refusal in its metrics, made by a network that writes another's topic."""
    admin = broker.client("admin", (broker.secrets / "admin.password").read_text("utf-8"), "clients")
    asked = AdminClient(admin)
    for answer in asked.create_topics(
        [NewTopic("ingress.carrier.sf", 1, 1), NewTopic("ingress.carrier.zto", 1, 1)]
    ).values():
        answer.result()
    Users(admin).put("sf", "a-password-of-sf", network_access("CARRIER", "sf"))
    publisher = broker.client("sf", "a-password-of-sf", "outside")
    assert _sent(publisher, "ingress.carrier.sf") is None
    assert "AUTHORIZATION" in str(_sent(publisher, "ingress.carrier.zto"))
    shown = httpx.get(f"http://127.0.0.1:{broker.ports['metrics']}/metrics").text
    assert re.search(r'kafka_network_requests_total\{error="TOPIC_AUTHORIZATION_FAILED".*\} [1-9]', shown)


def _sent(client: dict[str, Any], topic: str) -> str | None:
    failed: list[str] = []
    producer = Producer({**client, "enable.idempotence": False, "message.timeout.ms": 20_000})
    producer.produce(topic, b"{}", on_delivery=lambda error, _: failed.append(error.name()) if error else None)
    producer.flush(30)
    return failed[0] if failed else None


def test_a_wrong_password_is_refused(broker: ImageBroker) -> None:
    wrong = broker.client("admin", "another-password", "clients")
    with pytest.raises(KafkaException):
        AdminClient({**wrong, "log_level": 0}).list_topics(timeout=5)


def test_the_health_check_says_no_without_a_broker(tmp_path: Path) -> None:
    assert not ImageBroker(tmp_path).answers()
