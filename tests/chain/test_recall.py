"""Parcels that left the stream job's state come back out of ClickHouse with the answers they had."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pytest

from schemas import reference
from schemas.blobs import Records
from schemas.contracts import Contracts, contracts
from schemas.reference import Reference, Target
from schemas.registry import register_all, registry
from schemas.targets import EVER, Edition
from schemas.topics import SCANS
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.writer import Kind, Writer
from stream_jobs.identity.limits import Limits
from stream_jobs.job import Output, TimelineJob
from tests.chain.running import COUNTY, canonical_lines
from yizhan.recall import StoredScans

TOPIC: Final = SCANS["CARRIER"].name
LATER: Final = 1_900_000_000_000
"""A clock by which all of the county has rested for years."""
ALL_AT_ONCE: Final = 20_000
ROUNDS: Final = 40
FEW: Final = 100
MIDST: Final = 1_772_900_000_000
"""Epoch ms of a day on which some of the county's parcels have arrived, and some have not begun."""
Row = dict[str, Any]


@pytest.fixture(scope="module")
def spoken() -> Contracts:
    known = registry("mock://recall")
    register_all(known)
    return contracts(known)


def scans() -> list[Row]:
    return [json.loads(line) for line in canonical_lines()]


class Partition:
    """One state, its messages delivered to itself, and what a sink would keep of its rows."""

    def __init__(self, job: TimelineJob, spoken: Contracts) -> None:
        self.job, self.spoken, self.state = job, spoken, job.new_state()
        self.rows: dict[str, Row] = {}

    def take(self, some: list[Row]) -> None:
        """Scans, and the messages they cause."""
        told = self._keep(self.job.scans(self.state, TOPIC, self.spoken.scans[TOPIC].encode(some)))
        while told:
            told = self._keep(self.job.links(self.state, told))

    def _keep(self, output: Output) -> Records:
        assert not output.refused
        self._show(output.lifecycles)
        return output.links

    def _show(self, lifecycles: Records) -> None:
        for row in self.spoken.lifecycles.decode([value for _, value in lifecycles]).rows.to_pylist():
            known = self.rows.get(row["parcel_id"])
            if known is None or known["version"] <= row["version"]:
                self.rows[row["parcel_id"]] = row

    def review(self, since: int) -> set[str]:
        """All numbers, those that have left too, a few at a time; the parcels that were sent."""
        sent: list[Records] = []
        everybody = [*self.state.own, *(self.state.known.keys() - self.state.own.keys())]
        sent += [self.job.again(self.state, some, since) for some in batched(everybody, FEW)]
        for some in batched(self.state.left, FEW):
            found, lacking = self.job.again_of(self.state, self.job.stored(some, since), since)
            assert not lacking
            sent.append(found)
        for records in sent:
            self._show(records)
        return {key.decode() for records in sent for key, _ in records}

    def shown(self) -> list[Row]:
        """Rows that are shown, but for the version, which counts each telling."""
        kept = [row | {"version": 0} for row in self.rows.values() if not row["gone"]]
        return sorted(kept, key=lambda row: str(row["parcel_id"]))


def job(spoken: Contracts, recall: StoredScans | None, *editions: Edition) -> TimelineJob:
    limits = replace(Limits(), leave_wait=0)
    return TimelineJob(spoken, promised(*editions), lambda: LATER, limits, recall)


def promised(*editions: Edition) -> Reference:
    return replace(reference.load(COUNTY), editions=editions)


def batched(waybills: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    whole = list(waybills)
    yield from (whole[at : at + size] for at in range(0, len(whole), size))


def ms(at: datetime) -> int:
    return round(at.replace(tzinfo=UTC).timestamp() * 1000)


def write_parcels(store: ChdbStore, spoken: Contracts, partition: Partition) -> None:
    values = spoken.lifecycles.encode(list(partition.rows.values()))
    Writer(store).write([(Kind.LIFECYCLES, pa.Table.from_batches([spoken.lifecycles.decode(values).rows]))])


def write(store: ChdbStore, spoken: Contracts, some: list[Row]) -> None:
    rows = spoken.scans[TOPIC].decode(spoken.scans[TOPIC].encode(some)).rows
    Writer(store).write([(Kind.SCANS, pa.Table.from_batches([rows]))])


def half_by_half(store: ChdbStore, spoken: Contracts, leaving: Partition) -> None:
    """Take the county in; whatever rests leaves in between and in the end."""
    for half in (scans()[::2], scans()[1::2]):
        write(store, spoken, half)
        leaving.take(half)
        for _ in range(ROUNDS):
            leaving.take(half[:1])


@pytest.mark.parametrize("since", [0, MIDST])
def test_the_county_judged_anew_is_as_if_judged_so_from_the_start(
    embedded: ChdbStore, spoken: Contracts, since: int
) -> None:
    """What has left the state and what is in it; nothing but parcels with a stage begun since then is sent."""
    first = Edition(EVER, 0, "li", "LOAD", promised().targets, ())
    strict = Edition(since, 1, "wu", "RECOMPUTE", (Target("county", "STANDARD", "ANY", "1"),), ())
    wanted = Partition(job(spoken, None, first, strict), spoken)
    wanted.take(scans())
    again = Partition(job(spoken, StoredScans(embedded.query), first), spoken)
    half_by_half(embedded, spoken, again)
    write_parcels(embedded, spoken, again)
    assert again.shown() != wanted.shown()

    again.job.promise(promised(first, strict))
    away = set(again.state.left)
    sent = again.review(since)
    assert again.shown() == wanted.shown()
    begun = {row["parcel_id"]: [ms(s["started_at"]) for s in row["stages"]] for row in wanted.rows.values()}
    assert sent == {parcel for parcel, starts in begun.items() if any(start >= since for start in starts)}
    assert (len(sent) < len(again.shown())) == (since > 0)
    assert set(again.state.left) == away
    assert len(away) > len(wanted.state.own) * 3 // 4


def test_numbers_are_found_by_the_last_scan_of_any_parcel_they_named(embedded: ChdbStore, spoken: Contracts) -> None:
    """Whichever of their lives it was; numbers that only look alike are none of theirs."""
    partition = Partition(job(spoken, None), spoken)
    partition.take(scans()[:50])
    some = next(row for row in partition.rows.values() if not row["gone"])
    lasts = {
        "zto:1": 10,
        "zto:1~2": 90,
        "zto:10": 95,
        "zto:1~39": 80,
        "zto:2": 40,
        "zto:2~40": 92,
        "zto:3": 50,
        "zto:4": 99,
    }
    for parcel, last in lasts.items():
        partition.rows[parcel] = some | {"parcel_id": parcel, "last_scan_at": last}
    write_parcels(embedded, spoken, partition)
    asked = [b"zto:4", b"zto:3", b"zto:1", b"zto:2"]
    found = [StoredScans(embedded.query).since(asked, at) for at in (50, 91, 100)]
    assert found == [sorted(asked), [b"zto:2", b"zto:4"], []]
    assert StoredScans(embedded.query).since([], 0) == []


def test_the_county_in_two_halves_with_an_empty_state_between_them(embedded: ChdbStore, spoken: Contracts) -> None:
    """Every parcel of the second half is joined with what ClickHouse has of the first, links and bags included."""
    halves = scans()[::2], scans()[1::2]
    whole, leaving = Partition(job(spoken, None), spoken), Partition(job(spoken, StoredScans(embedded.query)), spoken)
    for half in halves:
        whole.take(half)
        write(embedded, spoken, half)
        leaving.take(half)
        for _ in range(ALL_AT_ONCE // 64):
            leaving.take(half[:1])

    assert len(leaving.state.left) > len(whole.state.own) * 3 // 4
    assert not whole.state.left
    assert leaving.shown() == whole.shown()
