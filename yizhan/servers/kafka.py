"""Apache Kafka of our own: one broker or three, plain or secured, each in its own process."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from yizhan.servers import broker_settings, state
from yizhan.servers.broker import Broker
from yizhan.servers.broker_settings import ADMIN, Layout
from yizhan.servers.pki import Pki

_QUIET: Final = logging.getLogger("yizhan.servers.librdkafka")  # a broker that is not up yet is no news
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


class Kafka:
    """A cluster in a folder; the same ports, data and passwords at every start. As context it is up.

    Brokers are numbered from 0. `start`, `stop`, `kill`, `pause`, `resume` take a number.
    """

    def __init__(self, folder: Path, *, brokers: int = 1, secure: bool = False, pki: Pki | None = None) -> None:
        self.folder = folder.absolute()
        authority = (pki or Pki(self.folder / "pki")) if secure else None
        self.layout = Layout.of(self.folder, brokers, authority)
        self.ca = authority.ca if authority else None
        self.brokers = [Broker(self.layout, number, self.answering) for number in range(brokers)]

    @property
    def addresses(self) -> list[str]:
        """`host:port` of each broker, for clients."""
        return self.layout.addresses

    @property
    def bootstrap(self) -> str:
        """All addresses in one text."""
        return ",".join(self.addresses)

    @property
    def metrics(self) -> list[str]:
        """URL of each broker's metrics for Prometheus."""
        return [f"http://{state.HOST}:{ports['metrics']}/metrics" for ports in self.layout.ports]

    @property
    def password(self) -> str:
        """The password of the user `admin`, who may do everything."""
        return self.layout.password

    def client(self, user: str = ADMIN, password: str | None = None) -> Mapping[str, Any]:
        """Settings for librdkafka to reach it as this user; plain ones where it is not secured."""
        where: dict[str, Any] = {"bootstrap.servers": self.bootstrap}
        if self.ca:
            where |= {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": broker_settings.MECHANISM,
                "sasl.username": user,
                "sasl.password": self.password if password is None else password,
                "ssl.ca.location": str(self.ca),
            }
        return MappingProxyType(where)

    def leader(self, topic: str, partition: int) -> int:
        """Which broker leads a partition now; -1: none."""
        return int(
            self._admin(self.bootstrap).list_topics(topic, timeout=10).topics[topic].partitions[partition].leader
        )

    def answering(self, number: int) -> bool:
        """Whether this broker takes part: it answers and stands in its own list of brokers."""
        if not state.listening(self.layout.ports[number]["clients"]):
            return False
        try:
            return number in self._admin(self.addresses[number]).list_topics(timeout=2).brokers
        except KafkaException:
            return False

    def _admin(self, bootstrap: str) -> AdminClient:
        return AdminClient({**self.client(), "bootstrap.servers": bootstrap}, logger=_QUIET)

    def start(self, number: int = 0) -> None:
        """Start one broker and wait until it takes part."""
        self.brokers[number].start()

    def stop(self, number: int = 0) -> None:
        """Stop one broker with grace."""
        self.brokers[number].stop()

    def kill(self, number: int = 0) -> None:
        """SIGKILL one broker."""
        self.brokers[number].kill()

    def pause(self, number: int = 0) -> None:
        """SIGSTOP one broker: it hangs."""
        self.brokers[number].pause()

    def resume(self, number: int = 0) -> None:
        """SIGCONT one broker."""
        self.brokers[number].resume()

    def up(self, *, detached: bool = False) -> None:
        """Start all brokers; detached ones outlive this process."""
        for broker in self.brokers:
            broker.detached = detached
            broker.launch()
        for broker in self.brokers:
            broker.start()

    def down(self) -> None:
        """Stop all brokers."""
        for broker in self.brokers:
            broker.resume()
            broker.terminate()
        for broker in self.brokers:
            broker.stop()

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Killed: three that go at once would wait for elections none of them wins. What they took is on disk.
        for broker in self.brokers:
            broker.kill()
