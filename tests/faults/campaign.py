"""A campaign: scans stream in while roles are killed, workers come and go, servers fail; then the account is held.

Everything random comes from one seed. Each fault is done with when whoever it hit is ready again.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Final

import structlog

from tests.cluster.deployment import Deployment
from tests.faults.feed import Published, copy_of
from tests.faults.ledger import Publisher, Verdict, reckon
from tests.faults.processes import COMMAND, Role
from tests.faults.wire import Wire
from yizhan.cluster.access import role_access
from yizhan.cluster.lag import Onlooker

KILLED: Final = ("worker", "sink", "admission")
DEPENDENCY: Final = (
    "store_down_and_sink_killed",
    "store_hangs",
    "store_slow",
    "store_cut",
    "registry",
    "store_down",
    "store_full",
)
"""How a server that the roles depend on fails."""
FORGER, VICTIM = "yunda", "china-post"
LOOK_SECONDS: Final = 0.2
LOG: Final = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Plan:
    """How many faults of each kind, over how many copies of the county.

    `at_once`: up to so many roles are killed at one moment, as when a machine dies, and `at_least` so many; `only`: the
    roles that are killed; `settled`: each when all is read and committed.
    """

    kills: int = 0
    rebalances: int = 0
    dependency_faults: int = 0
    broker_restarts: int = 0
    copies: int = 1
    seed: int = 1
    workers: int = 1
    at_once: int = 1
    at_least: int = 1
    only: tuple[str, ...] = KILLED
    settled: bool = False

    @property
    def roles(self) -> dict[str, str]:
        """Processes by name: the role that each runs."""
        more = {f"worker-{number}": "worker" for number in range(2, self.workers + 1)}
        return {role: role for role in KILLED} | more

    def faults(self, dice: random.Random) -> list[str]:
        """The faults in random order; every way in which a dependency fails about as often as the others."""
        found = (
            [f"kill_{size}" for size in self._sizes(dice)]
            + ["rebalance"] * self.rebalances
            + ["broker"] * self.broker_restarts
        )
        found += [name for name, _ in zip(cycle(DEPENDENCY), range(self.dependency_faults), strict=False)]
        dice.shuffle(found)
        return found

    def _sizes(self, dice: random.Random) -> Iterator[int]:
        """How many roles die at each moment, all kills together."""
        left = self.kills
        while left:
            size = min(dice.randint(self.at_least, self.at_once), left)
            yield size
            left -= size


@dataclass
class Campaign:
    """One run. `commands`: another way to start a role, by its name; `patience`: seconds until all must be read."""

    deployment: Deployment
    folder: Path
    plan: Plan
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)
    say: Callable[[str], None] = lambda _text: None
    env: Mapping[str, str] = field(default_factory=dict)
    patience: float = 240.0

    def run(self) -> Verdict:
        """Stream, do harm, let it settle, reckon."""
        self._dice, self._verdict, self._refused = random.Random(self.plan.seed), Verdict(), Counter[str]()
        self._publisher = Publisher(self.deployment)
        with ExitStack() as opened:
            self._wire = opened.enter_context(Wire(self.deployment.clickhouse.settings.port))
            self._roles = {name: opened.enter_context(self._role(role)) for name, role in self.plan.roles.items()}
            for role in self._roles.values():
                role.ready()
            self._stream()
            self._settle()
            self.codes = {name: dict(role.codes) for name, role in self._roles.items()}
        with self.deployment.store() as store:
            reckon(self._verdict, self._publisher.acknowledged, self._refused, self.plan.copies, store)
        return self._verdict

    def _role(self, name: str) -> Role:
        env = {**self.deployment.settings(name), **self.env, "YIZHAN_CLICKHOUSE_PORT": str(self._wire.port)}
        return Role(name, self.folder, env, self.commands.get(name, COMMAND))

    def _stream(self) -> None:
        """A piece of the feed before each fault, so that every one meets work under way."""
        faults = self.plan.faults(self._dice)
        self._pieces = _pieces(self.plan.copies, 2 * len(faults) + 1)
        for number, kind in enumerate(faults, start=1):
            self._publish_more()
            begun = time.monotonic()
            name, _, size = kind.partition("_") if kind.startswith("kill") else (kind, "", "")
            told = getattr(self, f"_{name}")(*([int(size)] if size else []))
            for role in self._roles.values():
                role.ready()
            self._verdict.dependency_faults += kind in DEPENDENCY
            self.say(f"{number}/{len(faults)} {kind}: {told}, over after {time.monotonic() - begun:.1f} s")
        for piece in self._pieces:
            self._publisher.publish(piece)
        self._forge()

    def _publish_more(self) -> None:
        self._publisher.publish(next(self._pieces))

    def _kill(self, size: int) -> str:
        candidates = [name for name, role in self.plan.roles.items() if role in self.plan.only]
        names = self._dice.sample(candidates, min(size, len(candidates)))
        if self.plan.settled:
            self._settle()
        time.sleep(self._dice.uniform(0, 0.6))
        for name in names:
            self._roles[name].kill()
        self._verdict.kills += len(names)
        return " ".join(names)

    def _rebalance(self) -> str:
        """A second worker joins, works, and dies or leaves."""
        leaves = self._dice.random() < 0.5
        second = self._role("worker").ready()
        time.sleep(self._dice.uniform(0, 0.6))
        if leaves:
            second.stop()
        else:
            second.end()
        self._verdict.rebalances += 1
        return "leaves" if leaves else "dies"

    def _store_down(self) -> str:
        self.deployment.clickhouse.kill()
        time.sleep(self._dice.uniform(0.2, 1))
        self.deployment.clickhouse.start()
        return "ClickHouse killed"

    def _store_hangs(self) -> str:
        self.deployment.clickhouse.pause()
        time.sleep(self._dice.uniform(0.5, 2))
        self.deployment.clickhouse.resume()
        return "ClickHouse hangs"

    def _store_slow(self) -> str:
        self._wire.delay = 0.05
        time.sleep(self._dice.uniform(1, 2))
        self._wire.delay = 0.0
        return "ClickHouse slow"

    def _store_cut(self) -> str:
        self._wire.delay = 0.002  # so that inserts are on the wire when it is cut
        cut = 0
        for _ in range(20):
            time.sleep(0.05)
            cut += self._wire.cut()
        self._wire.delay = 0.0
        return f"{cut} connection ends to ClickHouse cut"

    def _store_full(self) -> str:
        """No space left on ClickHouse's disk, for a while."""
        with self.deployment.disk_full():
            self._publish_more()
            time.sleep(self._dice.uniform(0.5, 2))
        return "ClickHouse's disk full"

    def _store_down_and_sink_killed(self) -> str:
        """What the sink has read and could not write must be read again."""
        self.deployment.clickhouse.kill()
        self._publish_more()
        time.sleep(self._dice.uniform(0.5, 2))
        self._roles["sink"].kill()
        self.deployment.clickhouse.start()
        return "ClickHouse killed, then the sink"

    def _registry(self) -> str:
        """Down while a role starts anew: it has to wait for it."""
        self.deployment.registry.kill()
        self._roles[name := self._dice.choice(KILLED)].kill()
        self.deployment.registry.start()
        return f"registry down, {name} killed"

    def _broker(self) -> str:
        number = self._dice.randrange(len(self.deployment.kafka.brokers))
        self.deployment.kafka.kill(number)
        self.deployment.kafka.start(number)
        self._verdict.broker_restarts += 1
        return f"broker {number} killed"

    def _forge(self) -> None:
        """A network writes to another's topic, and claims to be another in its own."""
        claim = Published(FORGER, copy_of(0)[0].payload)
        self._publisher.publish([claim])
        if self.deployment.secure and self._publisher.forge(FORGER, VICTIM, claim.payload):
            self._refused[FORGER] += 1

    def _settle(self) -> None:
        """Wait until every group has read all there is, twice in a row."""
        known, onlooker = role_access(self.deployment.networks), Onlooker(self.deployment.kafka.client())
        topics = {told.group: told.reads for role in KILLED if (told := known[f"yizhan-{role}"])}
        deadline, before = time.monotonic() + self.patience, None
        while True:
            found = [onlooker.standing(group, onlooker.places(names)) for group, names in topics.items()]
            ends = [standing.ends for standing in found] if not sum(s.lag for s in found) else None
            if ends is not None and ends == before:
                return
            before = ends
            if time.monotonic() > deadline:
                raise TimeoutError(f"not settled: {[standing.lag for standing in found]}")
            time.sleep(LOOK_SECONDS)


def _pieces(copies: int, count: int) -> Iterator[Sequence[Published]]:
    """All documents in so many pieces."""
    whole = [document for number in range(copies) for document in copy_of(number)]
    size = -(-len(whole) // count)
    yield from (whole[at : at + size] for at in range(0, size * count, size))
