"""Runs scans through the core as workers would: batches, partitions, messages late and twice, restarts."""

import random
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import fastavro
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import RECORDS
from schemas.reference import Reference
from stream_jobs.identity.facts import Fact
from stream_jobs.identity.knowledge import Told
from stream_jobs.identity.state import Step, Timelines
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


class LinkTail:
    """Bytes of a record of parcel_links.avsc; Avro has no unsigned numbers, so hashes are stored signed."""

    _schema = fastavro.parse_schema(RECORDS["ParcelLinks"].schema)

    def encode(self, facts: Iterable[Fact], timelines: Mapping[bytes, bytes]) -> bytes:
        """Facts in order of content, so that equal sets give equal bytes."""
        told = [f._replace(id=_signed(f.id, 64), ref=_signed(f.ref, 32))._asdict() for f in sorted(facts)]
        named = {key.decode(): timelines[key] for key in sorted(timelines)}
        out = BytesIO()
        fastavro.schemaless_writer(out, self._schema, {"facts": told, "timelines": named})
        return out.getvalue()

    def decode(self, value: bytes) -> Told:
        """What `encode` was given."""
        record: Any = fastavro.schemaless_reader(BytesIO(value), self._schema, None)
        facts = {Fact(**f | {"id": f["id"] % 2**64, "ref": f["ref"] % 2**32}) for f in record["facts"]}
        return Told(facts, {key.encode(): value for key, value in record["timelines"].items()})


def _signed(number: int, bits: int) -> int:
    return number - (1 << bits) if number >> (bits - 1) else number


@dataclass(frozen=True)
class Setting:
    """What lifecycles are judged by."""

    plan: Plan
    names: Names
    now: int


@dataclass(frozen=True)
class Delivery:
    """How scans reach the workers. `restart`: after each batch state is rebuilt from its changelog."""

    batch: int = 5000
    partitions: int = 1
    seed: int = 0
    restart: bool = False


@dataclass
class County:
    """All workers of a run: one state per partition, what they wrote, and what is under way between them."""

    how: Delivery
    setting: Setting
    rows: list[dict[str, Any]] = field(default_factory=list)
    changelogs: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    under_way: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.how.seed)  # order of delivery
        self.states = [Timelines(LinkTail()) for _ in range(self.how.partitions)]
        self.changelogs = [[] for _ in self.states]

    def run(self, scans: pa.RecordBatch) -> None:
        """Take all scans in batches, each followed by the messages it causes."""
        for at in range(0, scans.num_rows, self.how.batch):
            for number, part in self._split(scans.slice(at, self.how.batch)):
                self._take(number, self.states[number].step(pack(part)))
            while self.under_way:
                self._deliver()
            if self.how.restart:
                self._restart()

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
            self.states[number] = Timelines(LinkTail())
            self.states[number].apply(records)

    def kept(self) -> list[dict[str, Any]]:
        """What a sink keeps of the rows, whatever order they reach it in."""
        self.random.shuffle(self.rows)
        best: dict[str, dict[str, Any]] = {}
        for row in self.rows:
            known = best.setdefault(row["parcel_id"], row)
            low, high = sorted((known, row), key=lambda r: r["version"])
            assert low["version"] < high["version"] or low == high
            best[row["parcel_id"]] = high
        return [row for row in best.values() if not row["gone"]]

    def state(self) -> dict[bytes, bytes]:
        """The latest changelog record of each waybill."""
        return {waybill: value for log in self.changelogs for waybill, value in log}


def run(scans: Sequence[Scan] | pa.RecordBatch, setting: Setting, how: Delivery | None = None) -> list[Parcel]:
    """The parcels of these scans, in the shape of truth.json, by waybills."""
    county = County(how or Delivery(), setting)
    county.run(scans if isinstance(scans, pa.RecordBatch) else arrow(scans))
    return sorted(map(parcel, county.kept()), key=lambda p: p["waybills"])


class Areas(Reference):
    """Reference data that knows of villages their area class only."""

    def __init__(self, targets: Sequence[Any], areas: Mapping[str, str]) -> None:
        super().__init__(targets=tuple(targets))
        object.__setattr__(self, "_areas", dict(areas))

    def area_class_of(self) -> dict[str, str]:
        """As given."""
        return dict(vars(self)["_areas"])
