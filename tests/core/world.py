"""Runs scans through the core as workers would: batches, partitions, messages late and twice, restarts."""

import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import RECORDS
from schemas.reference import Network, Reference
from stream_jobs.identity.knowledge import Told
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.state import NO_LIMITS, Step, Timelines
from stream_jobs.lifecycle.evaluate import lifecycles
from stream_jobs.lifecycle.output import Names, rows
from stream_jobs.lifecycle.targets import Plan
from stream_jobs.timeline.pack import pack
from tests.core.shape import Parcel, parcel

SAMPLE: Final = Path(__file__).parents[1] / "data"

Scan = Mapping[str, Any]
Message = tuple[bytes, Told]

INSTANT: Final = pa.timestamp("ms", "UTC")
LINK: Final = pa.struct([(name, pa.string()) for name in ("issuer", "tracking_number", "relation", "evidence")])
TYPES: Final = {
    "occurred_at": INSTANT,
    "received_at": INSTANT,
    "link": LINK,
    "measures": pa.map_(pa.string(), pa.string()),
}
FIELDS: Final = RECORDS["ScanEvent"].fields
SCHEMA: Final = pa.schema([(name, TYPES.get(name, pa.string())) for name in FIELDS])


def arrow(scans: Sequence[Scan]) -> pa.RecordBatch:
    """ScanEvents as the columns that decoding gives."""
    return pa.RecordBatch.from_pylist(list(scans), schema=SCHEMA)


@dataclass(frozen=True)
class Setting:
    """What lifecycles are judged by."""

    plan: Plan
    names: Names
    now: int


@dataclass(frozen=True)
class Delivery:
    """How scans reach the workers. `restart`: after each batch state is rebuilt from its changelog.

    `killed`: the workers had an earlier life: what it sent of the first scans got out, its state did not.
    """

    batch: int = 5000
    partitions: int = 1
    seed: int = 0
    restart: bool = False
    killed: bool = False
    limits: Limits = NO_LIMITS


@dataclass
class County:
    """All workers of a run: one state per partition, what they wrote, and what is under way between them."""

    how: Delivery
    setting: Setting
    rows: list[dict[str, Any]] = field(default_factory=list)
    changelogs: list[list[tuple[bytes, bytes | None]]] = field(default_factory=list)
    under_way: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.how.seed)  # order of delivery
        self._begin()

    def _begin(self) -> None:
        self.states = [Timelines(self.how.limits) for _ in range(self.how.partitions)]
        self.changelogs = [[] for _ in self.states]

    def run(self, scans: pa.RecordBatch) -> None:
        """Take all scans in batches, each followed by the messages it causes."""
        if self.how.killed:
            self._earlier_life(scans)
        for at in range(0, scans.num_rows, self.how.batch):
            for number, part in self._split(scans.slice(at, self.how.batch)):
                self._take(number, self.states[number].step(pack(part)))
            while self.under_way:
                self._deliver()
            if self.how.restart:
                self._restart()

    def _earlier_life(self, scans: pa.RecordBatch) -> None:
        """Killed after outputs were acknowledged, before the state was: read again, with other borders."""
        told: list[Message] = []
        batch = self.random.randint(1, 9)
        for at in range(0, self.random.randint(0, scans.num_rows), batch):
            for number, part in self._split(scans.slice(at, batch)):
                self._take(number, self.states[number].step(pack(part)))
            told += self.under_way
            if self.under_way and self.random.random() < 0.5:
                self._deliver()
        self._begin()
        self.under_way = told

    def _split(self, scans: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        keys = pc.binary_join_element_wise(scans["issuer"], scans["tracking_number"], ":").to_pylist()
        homes = [self._home(key.encode()) for key in keys]
        for number in sorted(set(homes)):
            whole = set(homes) == {number}
            yield number, scans if whole else scans.filter(pa.array([home == number for home in homes]))

    def _home(self, waybill: bytes) -> int:
        return zlib.crc32(waybill) % len(self.states)

    def _deliver(self) -> None:
        """Hand out what is under way: in any order, a third of it twice, some of it later."""
        messages = self.under_way + self.random.sample(self.under_way, len(self.under_way) // 3)
        self.random.shuffle(messages)
        now = self.random.randint(1, len(messages))
        self.under_way = messages[now:]
        for number, state in enumerate(self.states):
            mine = [message for message in messages[:now] if self._home(message[0]) == number]
            if mine:
                self._take(number, state.step(None, mine))

    def _take(self, number: int, step: Step) -> None:
        self.under_way += step.told
        self.changelogs[number] += step.changed.items()
        if step.parcels.count:
            found = lifecycles(step.parcels, self.setting.plan, self.setting.now)
            self.rows += rows(found, step.identity, self.setting.plan, self.setting.names).to_pylist()

    def _restart(self) -> None:
        for number, log in enumerate(self.changelogs):
            records = log + self.random.sample(log, len(log) // 3)
            self.random.shuffle(records)
            self.states[number] = Timelines(self.how.limits)
            self.states[number].apply(records)

    def kept(self) -> list[dict[str, Any]]:
        """What a sink keeps of the rows, whatever order they reach it in."""
        by_parcel: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            by_parcel.setdefault(row["parcel_id"], []).append(row)
        return [row for told in by_parcel.values() if not (row := self._outranking(told))["gone"]]

    def _outranking(self, told: list[dict[str, Any]]) -> dict[str, Any]:
        """The row of the highest version, of which there must be one; in one life each version has one."""
        versions = {row["version"]: row for row in told}
        best = versions[max(versions)]
        assert all(row == versions[row["version"]] for row in told if row["version"] == best["version"])
        assert self.how.killed or all(row == versions[row["version"]] for row in told)
        return best

    def state(self) -> dict[bytes, bytes | None]:
        """The latest changelog record of each key."""
        return {waybill: value for log in self.changelogs for waybill, value in log}


def run(scans: Sequence[Scan] | pa.RecordBatch, setting: Setting, how: Delivery | None = None) -> list[Parcel]:
    """The parcels of these scans, in the shape of truth.json, by waybills."""
    county = County(how or Delivery(), setting)
    county.run(scans if isinstance(scans, pa.RecordBatch) else arrow(scans))
    return sorted(map(parcel, county.kept()), key=lambda p: p["waybills"])


class Areas(Reference):
    """Reference data that knows of villages their area class only."""

    def __init__(
        self, targets: Sequence[Any], areas: Mapping[str, str], networks: Mapping[str, Network] = MappingProxyType({})
    ) -> None:
        super().__init__(networks, targets=tuple(targets))
        object.__setattr__(self, "_areas", dict(areas))

    def area_class_of(self) -> dict[str, str]:
        """As given."""
        return dict(vars(self)["_areas"])
