"""How a Kafka broker of ours is set up: listeners, security, replication."""

import base64
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from schemas.topics import LARGEST_RECORD
from yizhan.servers import state
from yizhan.servers.pki import Pki

ADMIN: Final = "admin"
MECHANISM: Final = "SCRAM-SHA-512"
BROKERS_OWN: Final = "yizhan-broker"
"""Whom a broker's own certificate names; nobody else gets one of the inner authority."""


class OtherLayout(ValueError):
    """The folder holds a cluster of another shape."""


@dataclass(frozen=True)
class Layout:
    """What is fixed when a cluster's folder is made."""

    folder: Path
    cluster: str
    pki: Pki | None
    ports: list[dict[str, int]]

    @classmethod
    def of(cls, folder: Path, brokers: int, pki: Pki | None) -> Self:
        """The folder's layout, secured if there is a `pki`; made if there is none. `OtherLayout`."""
        if brokers not in {1, 3}:
            raise OtherLayout(f"a cluster has 1 or 3 brokers, not {brokers}")
        secure = pki is not None
        path, asked = folder / "cluster.json", {"brokers": brokers, "secure": secure}
        known = state.read(path)
        if not known:
            known = asked | {"cluster": base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")}
            state.write(path, known)
        if asked != {name: known[name] for name in asked}:
            was = f"{known['brokers']} broker(s){', secured' if known['secure'] else ', not secured'}"
            raise OtherLayout(f"{folder} holds a cluster of {was}; take another folder, or remove it")
        each = ("clients", "controller", "metrics", "inner") if secure else ("clients", "controller", "metrics")
        ports = [state.ports(folder / f"broker-{number}", each) for number in range(brokers)]
        return cls(folder, known["cluster"], pki, ports)

    @property
    def password_file(self) -> Path:
        """Where the admin's password is kept."""
        return self.folder / "admin.password"

    @property
    def password(self) -> str:
        """The admin's password; none where the cluster is plain."""
        return state.password(self.password_file) if self.pki else ""

    @property
    def addresses(self) -> list[str]:
        """Where clients reach each broker."""
        return [f"{state.HOST}:{each['clients']}" for each in self.ports]

    def settings(self, number: int) -> str:
        """A broker's server.properties."""
        found = self._common(number) | (self._secured(number, self.pki) if self.pki else self._plain(number))
        return "".join(f"{name}={value}\n" for name, value in found.items())

    def _common(self, number: int) -> dict[str, Any]:
        copies = len(self.ports)
        voters = ",".join(f"{i}@{state.HOST}:{each['controller']}" for i, each in enumerate(self.ports))
        return {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self.folder / f"broker-{number}" / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": min(copies, 2),
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 4,  # fifty would make every start slow
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": min(copies, 2),
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": min(copies, 2),
            "message.max.bytes": LARGEST_RECORD,
            "replica.fetch.max.bytes": LARGEST_RECORD,
            "group.initial.rebalance.delay.ms": 0,
            # A killed broker is seen as gone, and may come back, this soon.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
        }

    def _plain(self, number: int) -> dict[str, Any]:
        ports = self.ports[number]
        return {
            "listeners": f"PLAINTEXT://{state.HOST}:{ports['clients']},CONTROLLER://{state.HOST}:{ports['controller']}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
        }

    def _secured(self, number: int, outer: Pki) -> dict[str, Any]:
        """Clients come with password over TLS; brokers and controllers with certificates of an authority of theirs."""
        where = {"CLIENTS": "clients", "INNER": "inner", "CONTROLLER": "controller"}
        listeners = [f"{name}://{state.HOST}:{self.ports[number][port]}" for name, port in where.items()]
        inner = Pki(self.folder / "pki-inner")
        found = {
            "listeners": ",".join(listeners),
            "listener.security.protocol.map": "CLIENTS:SASL_SSL,INNER:SSL,CONTROLLER:SSL",
            "inter.broker.listener.name": "INNER",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": f"User:{ADMIN};User:{BROKERS_OWN}",
            "listener.name.clients.sasl.enabled.mechanisms": MECHANISM,
            f"listener.name.clients.{MECHANISM.lower()}.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
        }
        found |= _tls("clients", outer, f"kafka-{number}", None)
        for name in ("inner", "controller"):
            found |= _tls(name, inner, BROKERS_OWN, inner.ca)
            found[f"listener.name.{name}.ssl.client.auth"] = "required"
            found[f"listener.name.{name}.ssl.principal.mapping.rules"] = "RULE:^.*CN=([^,]+).*$/$1/,DEFAULT"
        return found


def _tls(listener: str, authority: Pki, common_name: str, trusted: Path | None) -> dict[str, Any]:
    at = f"listener.name.{listener}.ssl"
    found = {f"{at}.keystore.type": "PEM", f"{at}.keystore.location": authority.certificate(common_name).both}
    return found | ({f"{at}.truststore.type": "PEM", f"{at}.truststore.location": trusted} if trusted else {})
