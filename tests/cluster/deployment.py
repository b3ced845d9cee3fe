"""A whole cluster on this machine, secured: servers, topics, users, schemas, tables, set up by our own commands."""

import errno
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from confluent_kafka import Producer

from schemas.reference import load
from sinks.clickhouse.clock import set_clock
from sinks.clickhouse.server import ServerSettings, ServerStore
from tests.chain.running import AS_OF, COMMAND, COUNTY
from yizhan.cluster.access import network_access, role_access
from yizhan.cluster.users import Users, password
from yizhan.servers import ClickHouse, Kafka, Pki, Registry, User

STORE_PASSWORD: Final = "store-password-of-tests"  # noqa: S105  # of a server that ends with the test
DISK_MIB: Final = 512
AS_OF_MS: Final = int(datetime.fromisoformat(AS_OF).timestamp() * 1000)


def _fill(ballast: Path) -> None:
    """Written until nothing more fits: others write on the disk meanwhile, so no size asked for before is right."""
    mib = bytes(1 << 20)
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(mib):
                pass
        except OSError as full:
            if full.errno != errno.ENOSPC:
                raise


class Deployment:
    """Started and set up on entry; gone after. `settings(role)` is the environment of a role's process.

    `reference`: another county; `clock`: a file that holds the roles' clock, which else stands at the county's instant.
    """

    def __init__(
        self,
        folder: Path,
        *,
        brokers: int = 1,
        secure: bool = True,
        reference: Path = COUNTY,
        clock: Path | None = None,
    ) -> None:
        self.folder, self.secure, self._reference = folder, secure, reference
        self._clock = {"YIZHAN_AS_OF": str(AS_OF_MS)} if clock is None else {"YIZHAN_CLOCK_FILE": str(clock)}
        pki = Pki(folder / "pki")
        self.kafka = Kafka(folder / "kafka", brokers=brokers, secure=secure)
        self.registry = Registry(folder / "registry", secure=secure, pki=pki)
        users = [
            User.of("writer", STORE_PASSWORD, databases=("default",)),
            User.of("reader", STORE_PASSWORD, readonly=True, databases=("default",)),
        ]
        self.clickhouse = ClickHouse(folder / "clickhouse", secure=secure, users=users, pki=pki)
        self.networks = {n.network: n.kind for n in load(reference).networks.values()}
        self.alerts_file = folder / "alerts.toml"
        """Who is told: nobody, unless a test writes somebody into it before the courier starts."""
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self._small_disk())
        self.alerts_file.touch()
        for server in (self.kafka, self.registry, self.clickhouse):
            self._open.enter_context(server)
        for words in (("topics", "create"), ("schemas", "register"), ("migrate", "up"), ("reference", "load")):
            self.command(*words)
        if self.secure:
            self._add_users()
        with self.store() as kept:
            set_clock(kept, datetime.fromtimestamp(AS_OF_MS / 1000, UTC))
        return self

    @contextmanager
    def _small_disk(self) -> Iterator[None]:
        """A disk of its own for ClickHouse, in memory, that can be filled; takes root."""
        disk = self.clickhouse.folder / "data"
        disk.mkdir(parents=True, exist_ok=True)
        mount = ("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(disk))
        subprocess.run(mount, check=True, capture_output=True)
        try:
            yield
        finally:
            subprocess.run(("umount", "-l", str(disk)), check=True, capture_output=True)

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """No space left for ClickHouse while the block runs."""
        ballast = self.clickhouse.folder / "data" / "ballast"
        try:
            _fill(ballast)
            yield
        finally:
            ballast.unlink()

    def _add_users(self) -> None:
        known = role_access(self.networks) | {n: network_access(kind, n) for n, kind in self.networks.items()}
        users = Users(self.kafka.client())
        for name, access in known.items():
            users.put(name, password(self._password_file(name)), access)

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def settings(self, role: str | None = None) -> dict[str, str]:
        """Of a role; without one, an administrator's."""
        user = None if role is None or not self.secure else f"yizhan-{role}"
        return {
            "YIZHAN_REFERENCE": str(self._reference),
            **self._clock,
            "YIZHAN_ALERTS_FILE": str(self.alerts_file),
            "YIZHAN_ALERTS_FOLDER": str(self.folder / "alerts"),
            **self._kafka_settings(user),
            **self._server_settings(role),
            "YIZHAN_CHECK_SECONDS": "0.5",
            "YIZHAN_SESSION_SECONDS": "6",
        }

    def _kafka_settings(self, user: str | None) -> dict[str, str]:
        if not self.secure:
            return {"YIZHAN_KAFKA_BROKERS": self.kafka.bootstrap}
        return {
            "YIZHAN_KAFKA_BROKERS": self.kafka.bootstrap,
            "YIZHAN_KAFKA_SECURITY": "sasl_ssl",
            "YIZHAN_KAFKA_CA": str(self.kafka.ca),
            "YIZHAN_KAFKA_USER": user or "admin",
            "YIZHAN_KAFKA_PASSWORD": self.password(user) if user else self.kafka.password,
        }

    def _server_settings(self, role: str | None) -> dict[str, str]:
        who = self.clickhouse.settings
        name = "reader" if role == "worker" else "writer"
        user, password = (who.user, who.password) if role is None else (name, STORE_PASSWORD)
        secure = {
            "YIZHAN_REGISTRY_CA": str(self.registry.ca),
            "YIZHAN_CLICKHOUSE_SECURE": "true",
            "YIZHAN_CLICKHOUSE_CA": str(self.clickhouse.ca),
        }
        return {
            "YIZHAN_REGISTRY_URL": self.registry.url,
            "YIZHAN_CLICKHOUSE_HOST": who.host,
            "YIZHAN_CLICKHOUSE_PORT": str(who.port),
            "YIZHAN_CLICKHOUSE_USER": user,
            "YIZHAN_CLICKHOUSE_PASSWORD": password,
            **(secure if self.secure else {}),
        }

    def _password_file(self, name: str) -> Path:
        return self.folder / f"{name}.password"

    def password(self, name: str) -> str:
        """The Kafka password of a user."""
        return self._password_file(name).read_text("utf-8")

    def publisher(self, network: str) -> Producer:
        """A producer as a network has it."""
        known = self.kafka.client(network, self.password(network)) if self.secure else self.kafka.client()
        return Producer({**known, "enable.idempotence": False, "acks": "all", "linger.ms": 5})

    def store(self) -> ServerStore:
        """ClickHouse, as its administrator."""
        return ServerStore(self.store_settings())

    def store_settings(self, user: str | None = None) -> ServerSettings:
        """How a user reaches ClickHouse."""
        own = self.clickhouse.settings
        return own if user is None else replace(own, user=user, password=STORE_PASSWORD)

    def command(self, *words: str, role: str | None = None, code: int = 0, env: Mapping[str, str] | None = None) -> str:
        """Run a `yizhan` command to its end; what it printed, and if it failed what it complained of, too."""
        told = {**os.environ, **(self.settings(role) if env is None else env)}
        done = subprocess.run([*COMMAND, *words], env=told, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == code, done.stderr or done.stdout
        return done.stdout if code == 0 else done.stdout + done.stderr

    def rows(self, *words: str) -> Sequence[Mapping[str, Any]]:
        """What a command prints as JSON."""
        found: Sequence[Mapping[str, Any]] = json.loads(self.command(*words, "--json"))
        return found
