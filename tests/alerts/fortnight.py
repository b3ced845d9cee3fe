"""A fortnight against real servers: scans to alerts by every role, a clock turned by hand, and roles that are killed.

The clock goes on to the next instant at which anything happens when the roles have looked at the one before and the
desk has what was due. A role that is killed in between has to send it for that instant all the same.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.contracts import contracts
from schemas.kafka import Outgoing, Sender
from schemas.registry import HttpRegistry
from schemas.topics import PROMISES, SCANS
from stream_jobs.alerts.columns import SLOT
from tests.alerts import rounds, simulated
from tests.alerts.desk import Desk, Key, Stuck, Verdict, reckon
from tests.alerts.rounds import RAISED, RESOLVED, Group, Notice
from tests.alerts.simulated import BEGIN, DAY, DAYS, Way
from tests.cluster.deployment import Deployment
from tests.delivery.receiver import SECRET, receiving
from tests.faults.processes import COMMAND, Role
from yizhan.servers import state
from yizhan.servers.prometheus import Alertmanager

END: Final = BEGIN + DAYS * DAY + 1
ROLES: Final = ("worker", "promises", "courier")
LOOK_EVERY: Final = 48
"""Instants between two looks at what Alertmanager holds."""
TOPIC: Final = SCANS["CARRIER"].name
LOOK_SECONDS: Final = 0.02
WHEN: Final = ("before", "clock", "scans", "part", "told")
"""A kill before the clock is turned, after it, after the scans of the instant came, after part of what is due was
told, and when all was told, so that the clock goes on while the role is away."""


class Kill(NamedTuple):
    """At which point of an instant which roles die."""

    when: str
    roles: tuple[str, ...]
    part: float = 0.5


def kills(due: Iterable[Notice], many: int, seed: int) -> dict[int, Kill]:
    """Moments of death: half of them where most is told at once, the others anywhere. Each takes `promises`."""
    told = Counter(notice.at for notice in due)
    chance = random.Random(seed)
    order = [at for at, _ in told.most_common()]
    busy = chance.sample(order[: max(many, len(order) // 20)], many // 2)
    others = chance.sample(sorted(set(order) - set(busy)), many - len(busy))
    found = {}
    for number, at in enumerate(chance.sample([*busy, *others], many)):
        roles = ("promises", "courier") if number % 2 else ("promises",)
        found[at] = Kill(WHEN[number % len(WHEN)], roles, chance.random())
    return found


class States:
    """What the role `promises` has in its changelog: by parcel, as of which instant its lifecycle was judged."""

    def __init__(self, deployment: Deployment, patience: float) -> None:
        told = {"group.id": "onlooker", "enable.auto.commit": False, "fetch.wait.max.ms": 10}
        self._consumer = Consumer({**deployment.kafka.client(), **told})
        self._consumer.assign([TopicPartition(PROMISES.name, n, OFFSET_BEGINNING) for n in range(PROMISES.partitions)])
        self._judged: dict[bytes, int] = {}
        self._patience = patience

    def until_judged(self, parcels: Iterable[str], now: int) -> None:
        """Wait until all of these are known as of now; `Stuck`."""
        lacking = {parcel.encode() for parcel in parcels}
        until = time.monotonic() + self._patience
        while lacking := {parcel for parcel in lacking if self._judged.get(parcel, 0) < now}:
            if time.monotonic() > until:
                raise Stuck(f"{len(lacking)} lifecycles are not known to promises")
            for message in self._consumer.consume(1000, timeout=0.01):
                key, value = message.key(), message.value()
                if message.error() is None and key and value:
                    self._judged[key] = int(np.frombuffer(value[: SLOT.itemsize], SLOT)["judged"][0])

    def close(self) -> None:
        """Leave the brokers alone."""
        self._consumer.close()


@dataclass
class Fortnight:
    """One run over a world of parcels. `commands`: another way to start a role, by its name."""

    folder: Path
    ways: Sequence[Way]
    kills: Mapping[int, Kill] = field(default_factory=dict)
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    patience: float = 120.0
    progress: Callable[[int, int], None] = lambda _done, _all: None

    def run(self) -> Verdict:
        """All instants, one after the other; then the account."""
        begun = time.monotonic()
        self._plan()
        with ExitStack() as opened:
            self._open(opened)
            self._go()
        reckon(self._verdict, self._due, self._desk)
        self._verdict.seconds = round(time.monotonic() - begun, 1)
        return self._verdict

    def _plan(self) -> None:
        self._due = {Key(n.alarm, n.state): n for way in self.ways for n in rounds.notices(way, END)}
        self._heard: dict[int, list[tuple[Way, int]]] = defaultdict(list)
        for way in self.ways:
            for number, scan in enumerate(way.scans):
                if scan.heard <= END:
                    self._heard[scan.heard].append((way, number))
        self._at: dict[int, list[Key]] = defaultdict(list)
        for key, notice in self._due.items():
            self._at[notice.at].append(key)
        self._instants = sorted(self._heard.keys() | self._at.keys())
        self._standing: dict[Key, Notice] = {}
        scans = sum(map(len, self._heard.values()))
        self._verdict = Verdict(len(self.ways), scans, instants=len(self._instants), kills=dict.fromkeys(ROLES[1:], 0))

    def _open(self, opened: ExitStack) -> None:
        """Servers, desk, roles; each ready."""
        self._clock = self.folder / "clock"
        self._turn(BEGIN)
        county = rounds.write_reference(self.folder / "county")
        self._deployed = opened.enter_context(
            Deployment(self.folder / "cluster", secure=False, reference=county, clock=self._clock)
        )
        self._desk = Desk(patience=self.patience)
        opened.enter_context(receiving(self._desk))
        self._manager = opened.enter_context(Alertmanager(self.folder / "am"))
        self._deployed.alerts_file.write_text(
            f'[alertmanager]\nurl = "{self._manager.url}"\n'
            f'[[webhook]]\nname = "desk"\nurl = "http://127.0.0.1:{self._desk.port}/"\nsecret = "{SECRET}"\n'
            "allow_loopback = true\nfirst_wait_seconds = 0.05\n"
        )
        with httpx.Client(base_url=self._deployed.registry.url, timeout=10) as asking:
            self._spoken = contracts(HttpRegistry(asking))
        self._sender = Sender({**self._deployed.kafka.client(), "log_level": 0})
        self._states = States(self._deployed, self.patience)
        opened.callback(self._states.close)
        self._client = opened.enter_context(httpx.Client(timeout=5))
        self._roles = {name: opened.enter_context(self._role(name)) for name in ROLES}
        for role in self._roles.values():
            role.ready()

    def _role(self, name: str) -> Role:
        more = {"YIZHAN_SWEEP_SECONDS": "0.05", **self.env}
        if name == "courier":
            more["YIZHAN_INSTANCE"] = "courier-1"
        if name == "worker":
            more["YIZHAN_CLICKHOUSE_HOST"] = ""  # nothing leaves its state in a fortnight
        command = self.commands.get(name, COMMAND)
        return Role(name, self._deployed.folder, {**self._deployed.settings(name), **more}, command)

    def _turn(self, now: int) -> None:
        state.private(self._clock, str(now))

    def _go(self) -> None:
        try:
            for number, now in enumerate(self._instants, start=1):
                self._instant(now, look=number % LOOK_EVERY == 0 or number == len(self._instants))
                self.progress(number, len(self._instants))
        except Stuck as cause:
            self._verdict.stuck = str(cause)

    def _instant(self, now: int, *, look: bool) -> None:
        due, kill = self._at[now], self.kills.get(now)
        with self._dying(kill, "before"):
            self._desk.expect(now, due)
        with self._dying(kill, "clock"):
            self._turn(now)
        with self._dying(kill, "scans"):
            self._publish(now)
        with self._dying(kill, "part"):
            self._desk.until_lacking(int(len(due) * (kill.part if kill and kill.when == "part" else 1)))
        with self._dying(kill, "told"):
            self._states.until_judged((way.parcel for way, _ in self._heard[now]), now)
            self._desk.until_lacking()
        self._note(due)
        if kill is None or kill.when != "told":
            self._until_swept(now)
        if look or (kill is not None and kill.when != "told"):
            self._look()

    @contextmanager
    def _dying(self, kill: Kill | None, when: str) -> Iterator[None]:
        """Roles that are to die after what the block does."""
        yield
        if kill is not None and kill.when == when:
            for name in kill.roles:
                self._roles[name].kill()
                self._verdict.kills[name] += 1

    def _publish(self, now: int) -> None:
        heard = self._heard[now]
        values = self._spoken.scans[TOPIC].encode([simulated.event(way, number) for way, number in heard])
        keys = (way.parcel.encode() for way, _ in heard)
        self._sender.send(Outgoing(TOPIC, key, value) for key, value in zip(keys, values, strict=True))

    def _until_swept(self, now: int) -> None:
        """The role says that it has looked for what came due by now, in all partitions."""
        until = time.monotonic() + self.patience
        while self._swept() < now:
            if time.monotonic() > until:
                raise Stuck(f"promises did not look at {now}")
            time.sleep(LOOK_SECONDS)

    def _swept(self) -> int:
        try:
            told = self._client.get(f"http://127.0.0.1:{self._roles['promises'].port}/metrics").text
        except httpx.HTTPError:
            return 0
        found = [line.split()[1] for line in told.splitlines() if line.startswith("yizhan_promises_swept_seconds ")]
        return round(float(found[0]) * 1000) if found else 0

    def _note(self, due: Iterable[Key]) -> None:
        """What stands open once these were told."""
        for key in due:
            if key.state == RAISED and self._due[key].at <= self._desk.now:
                self._standing[key] = self._due[key]
        for key in due:
            if key.state == RESOLVED:
                self._standing.pop(Key(key.alarm, RAISED), None)

    def _look(self) -> None:
        """Alertmanager holds exactly the incidents that stand open, with as many parcels."""
        expected = rounds.groups((n.alarm, n.place) for n in self._standing.values())
        until = time.monotonic() + self.patience
        while (found := self._burning()) != expected:
            if time.monotonic() > until:
                self._verdict.groups_wrong += sum(((found - expected) + (expected - found)).values())
                raise Stuck(f"Alertmanager holds {found - expected} too many and lacks {expected - found}")
            time.sleep(LOOK_SECONDS)
        self._verdict.groups_looked_at += sum(expected.values())

    def _burning(self) -> Counter[Group]:
        told: list[dict[str, Any]] = self._client.get(f"{self._manager.url}/api/v2/alerts").raise_for_status().json()
        return Counter(_group(alert["labels"], alert["annotations"]) for alert in told)


def _group(labels: Mapping[str, str], said: Mapping[str, str]) -> Group:
    where = labels["township"] if labels["kind"] == "VILLAGE_LATE" else labels["place"]
    return (labels["kind"], labels["level"], where), int(said["summary"].split()[0])
