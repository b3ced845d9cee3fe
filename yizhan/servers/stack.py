"""All servers of a folder together: what `yizhan servers` starts, finds again and stops."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from yizhan.servers import state
from yizhan.servers.broker_settings import ADMIN, OtherLayout
from yizhan.servers.clickhouse import ClickHouse
from yizhan.servers.kafka import Kafka
from yizhan.servers.pki import Pki
from yizhan.servers.program import Program
from yizhan.servers.prometheus import Alertmanager, Prometheus
from yizhan.servers.registry import Registry

NAMES: Final = ("kafka", "registry", "clickhouse", "alertmanager", "prometheus")
"""In the order of their start."""

_SCRAPES: Final = """global: {{scrape_interval: 5s, evaluation_interval: 5s}}
alerting: {{alertmanagers: [{{static_configs: [{{targets: [{alerts}]}}]}}]}}
scrape_configs:
  - {{job_name: kafka, static_configs: [{{targets: [{brokers}]}}]}}
"""


class NothingThere(LookupError):
    """A folder without servers."""


@dataclass(frozen=True)
class Shape:
    """What is fixed when servers are first started in a folder."""

    secure: bool
    brokers: int

    def __str__(self) -> str:
        return f"{'secured' if self.secure else 'plain'} servers with {self.brokers} broker(s)"


class Stack:
    """The servers of a folder. Objects are made when asked for; nothing runs until `up`."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder, self.shape = folder.absolute(), shape
        self.env_file = self.folder / "servers.env"

    @classmethod
    def found(cls, folder: Path) -> Self:
        """The stack that was made in a folder; `NothingThere`."""
        if known := state.read(folder / "stack.json"):
            return cls(folder, Shape(**known))
        raise NothingThere(f"no servers in {folder}; start some: yizhan servers up --dir {folder}")

    @classmethod
    def made(cls, folder: Path, *, secure: bool | None = None, brokers: int | None = None) -> Self:
        """The stack of a folder, made if there is none; what is None is as it was, or plain with one broker."""
        known = state.read(folder / "stack.json")
        asked = {name: value for name, value in (("secure", secure), ("brokers", brokers)) if value is not None}
        shape = Shape(**{"secure": False, "brokers": 1} | asked | known)
        if asked != {name: vars(shape)[name] for name in asked}:
            raise OtherLayout(f"{folder} holds {shape}; take another --dir, or remove it")
        stack = cls(folder, shape)
        _ = stack.kafka  # a shape that can't be is refused before it is kept
        state.write(folder / "stack.json", vars(shape))
        return stack

    @cached_property
    def pki(self) -> Pki | None:
        """One authority for all servers, if they are secured."""
        return Pki(self.folder / "pki") if self.shape.secure else None

    @cached_property
    def kafka(self) -> Kafka:
        """The brokers."""
        return Kafka(self.folder / "kafka", brokers=self.shape.brokers, secure=self.shape.secure, pki=self.pki)

    @cached_property
    def registry(self) -> Registry:
        """The schema registry."""
        return Registry(self.folder / "registry", secure=self.shape.secure, pki=self.pki)

    @cached_property
    def clickhouse(self) -> ClickHouse:
        """The store."""
        return ClickHouse(self.folder / "clickhouse", secure=self.shape.secure, pki=self.pki)

    @cached_property
    def alertmanager(self) -> Alertmanager:
        """It shows alerts and tells nobody."""
        return Alertmanager(self.folder / "alertmanager")

    @cached_property
    def prometheus(self) -> Prometheus:
        """It scrapes the brokers and knows Alertmanager."""
        brokers = ", ".join(f'"{url.split("/")[2]}"' for url in self.kafka.metrics)
        config = _SCRAPES.format(alerts=f'"{self.alertmanager.address}"', brokers=brokers)
        return Prometheus(self.folder / "prometheus", config)

    def programs(self, names: Sequence[str] = NAMES) -> Iterator[tuple[Program, str]]:
        """The processes of these servers, each with its address."""
        for name in names:
            if name == "kafka":
                yield from zip(self.kafka.brokers, self.kafka.addresses, strict=True)
            else:
                server = getattr(self, name)
                yield server, _address(server)

    def up(self, names: Sequence[str] = NAMES, say: Callable[[str], None] = lambda _: None) -> None:
        """Start these servers, so that they outlive us; on a failure those started here are stopped again."""
        begun = [program for program, _ in self.programs(names) if not program.running]
        try:
            for program in begun:  # all before any is waited for: three brokers need each other
                say(f"starting {program.name}")
                program.detached = True
                program.launch()
            for program in begun:
                say(f"waiting for {program.name}")
                program.start()
        except BaseException:
            for program in begun:
                program.kill()
            raise
        state.private(self.env_file, "".join(f"{k}={shlex.quote(v)}\n" for k, v in self.environment().items()))

    def down(self) -> None:
        """Stop all that runs."""
        running = [program for program, _ in self.programs() if program.running]
        for program in running:
            program.resume()
            program.terminate()
        for program in running:
            program.stop()

    def status(self) -> list[dict[str, Any]]:
        """One row per server that was ever started here: {server, address, runs, answers}."""
        rows = [(program, address, program.running) for program, address in self.programs() if program.log.exists()]
        return [
            {"server": program.name, "address": address, "runs": runs, "answers": runs and program.answers()}
            for program, address, runs in rows
        ]

    def environment(self) -> Mapping[str, str]:
        """The settings with which our roles find the servers started here. Passwords are among them."""
        groups = {
            "kafka": self._kafka_settings,
            "registry": self._registry_settings,
            "clickhouse": self._store_settings,
        }
        return {key: value for name in groups if self._begun(name) for key, value in groups[name]().items()}

    def _kafka_settings(self) -> dict[str, str]:
        found = {"YIZHAN_KAFKA_BROKERS": self.kafka.bootstrap, "YIZHAN_KAFKA_SECURITY": "plaintext"}
        if self.pki:
            found |= {"YIZHAN_KAFKA_SECURITY": "sasl_ssl", "YIZHAN_KAFKA_CA": str(self.pki.ca)}
            found |= {"YIZHAN_KAFKA_USER": ADMIN, "YIZHAN_KAFKA_PASSWORD": self.kafka.password}
        return found

    def _registry_settings(self) -> dict[str, str]:
        return {"YIZHAN_REGISTRY_URL": self.registry.url} | (
            {"YIZHAN_REGISTRY_CA": str(self.pki.ca)} if self.pki else {}
        )

    def _store_settings(self) -> dict[str, str]:
        store = self.clickhouse.settings
        names = ("host", "port", "user", "password")
        found = {f"YIZHAN_CLICKHOUSE_{name.upper()}": str(getattr(store, name)) for name in names}
        found["YIZHAN_CLICKHOUSE_SECURE"] = str(store.secure).lower()
        return found | ({"YIZHAN_CLICKHOUSE_CA": str(self.pki.ca)} if self.pki else {})

    def secrets(self) -> Mapping[str, Path]:
        """Files of the secured servers started here: the authority to trust, and passwords."""
        if self.pki is None:
            return {}
        found = {"CA": self.pki.ca}
        if self._begun("kafka"):
            found[f"Kafka, password of {ADMIN}"] = self.kafka.layout.password_file
        if self._begun("clickhouse"):
            found[f"ClickHouse, password of {self.clickhouse.settings.user}"] = self.clickhouse.password_file
        return found

    def _begun(self, name: str) -> bool:
        """Whether it was ever started here."""
        return all(program.log.exists() for program, _ in self.programs([name]))


def _address(server: Registry | ClickHouse | Prometheus | Alertmanager) -> str:
    if isinstance(server, ClickHouse):
        return f"{server.settings.host}:{server.settings.port}"
    return server.url
