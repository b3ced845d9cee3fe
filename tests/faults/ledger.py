"""What was published, and what became of it: the account that must come out exact."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, Message, Producer

from schemas.topics import ingress
from sinks.clickhouse.store import Store
from tests.cluster.deployment import Deployment
from tests.faults.feed import FORMAT, Published, admitted, parcels_of
from tests.shown import shown_parcels

Identity = tuple[str, ...]
PATIENCE: Final = 180.0
AGAIN_SECONDS: Final = 0.2


class Publisher:
    """Publishes as the networks do, each to its own topic, until every document is acknowledged."""

    def __init__(self, deployment: Deployment) -> None:
        self._networks = deployment.networks
        self._producers = {network: deployment.publisher(network) for network in deployment.networks}
        self.acknowledged: list[Published] = []
        self._again: list[Published] = []
        self._lock = threading.Lock()

    def publish(self, documents: Sequence[Published]) -> None:
        """Send, again where that failed, until the brokers have all of it."""
        deadline, left = time.monotonic() + PATIENCE, list(documents)
        while left:
            for document in left:
                self._send(self._producers[document.network], document)
            for producer in self._producers.values():
                producer.flush()
            left, self._again = self._again, []
            if left and time.monotonic() > deadline:
                raise TimeoutError(f"{len(left)} documents are not acknowledged")

    def _send(self, producer: Producer, document: Published) -> None:
        topic = ingress(self._networks[document.network], document.network).name
        told = partial(self._told, document)
        producer.produce(topic, document.payload, headers={"format": FORMAT.encode()}, on_delivery=told)
        producer.poll(0)

    def _told(self, document: Published, error: KafkaError | None, _message: Message) -> None:
        with self._lock:
            (self._again if error else self.acknowledged).append(document)

    def forge(self, by: str, victim: str, payload: bytes) -> str:
        """Write to another's topic; what the broker said to it."""
        said: list[str] = []
        topic = ingress(self._networks[victim], victim).name
        self._producers[by].produce(
            topic, payload, on_delivery=lambda error, _: said.append(str(error and error.name()))
        )
        self._producers[by].flush()
        return said[0]


@dataclass
class Verdict:
    """accepted = stored + dead_lettered + refused, by network; the last three must be 0."""

    kills: int = 0
    rebalances: int = 0
    dependency_faults: int = 0
    broker_restarts: int = 0
    accepted: int = 0
    stored: int = 0
    dead_lettered: int = 0
    refused: int = 0
    lost: int = 0
    duplicated: int = 0
    wrong: int = 0
    by_network: dict[str, dict[str, int]] = field(default_factory=dict)
    wrong_parcels: list[str] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Nothing lost, nothing twice, nothing wrong, and the account comes out for every network."""
        sums = all(n["accepted"] == n["stored"] + n["dead_lettered"] + n["refused"] for n in self.by_network.values())
        return sums and not (self.lost or self.duplicated or self.wrong)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def reckon(verdict: Verdict, acknowledged: list[Published], refused: Counter[str], copies: int, store: Store) -> None:
    """Hold what was acknowledged against what users of ClickHouse see."""
    expected = admitted(acknowledged)
    scans: set[Identity] = {(s["source"], s["issuer"], s["tracking_number"], s["event_id"]) for s in expected.scans}
    letters: set[Identity] = {(d["source"], d["letter_id"]) for d in expected.letters}
    found_scans = _rows(store, "SELECT source, issuer, tracking_number, event_id FROM scan_events")
    found_letters = _rows(store, "SELECT source, letter_id FROM dead_letters")
    verdict.stored, verdict.dead_lettered = len(scans & set(found_scans)), len(letters & set(found_letters))
    verdict.refused = refused.total()
    verdict.accepted = len(scans) + len(letters) + verdict.refused
    verdict.lost = len(scans - set(found_scans)) + len(letters - set(found_letters))
    verdict.duplicated = sum(n - 1 for n in (*found_scans.values(), *found_letters.values()))
    strangers = len(set(found_scans) - scans) + len(set(found_letters) - letters)
    verdict.by_network = _by_network(scans, letters, found_scans, found_letters, refused)
    _hold_parcels(verdict, copies, store)
    verdict.wrong += strangers


def _rows(store: Store, sql: str) -> Counter[Identity]:
    table = store.query(sql)
    return Counter(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def _by_network(
    scans: set[Identity],
    letters: set[Identity],
    found_scans: Counter[Identity],
    found_letters: Counter[Identity],
    refused: Counter[str],
) -> dict[str, dict[str, int]]:
    names = {row[0] for row in scans | letters} | set(refused)
    return {
        name: {
            "accepted": sum(row[0] == name for row in scans | letters) + refused[name],
            "stored": sum(row[0] == name for row in scans & set(found_scans)),
            "dead_lettered": sum(row[0] == name for row in letters & set(found_letters)),
            "refused": refused[name],
        }
        for name in sorted(names)
    }


def _hold_parcels(verdict: Verdict, copies: int, store: Store) -> None:
    expected = dict(pair for number in range(copies) for pair in parcels_of(number))
    found = shown_parcels(store)
    verdict.duplicated += found.repeated
    differ = [key for key in expected if found.parcels.get(key) != expected[key]]
    verdict.wrong = len(differ) + len(set(found.parcels) - set(expected))
    verdict.wrong_parcels = [" ".join(key) for key in (*differ, *(set(found.parcels) - set(expected)))][:10]
