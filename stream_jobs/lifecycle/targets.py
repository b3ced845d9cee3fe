"""Targets as a dense table: which deadline a stage has, by its start, operator, service and area class."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.reference import Reference
from schemas.targets import EVER, Edition, Target, in_force
from schemas.vocabulary import AREA_CLASSES, SERVICES, STAGES
from stream_jobs.lifecycle.columns import NEVER, Marks
from stream_jobs.lifecycle.names import Names
from stream_jobs.lifecycle.stages import STAGE
from stream_jobs.timeline.hashing import hash_strings, short
from stream_jobs.timeline.pack import SERVICE
from stream_jobs.timeline.record import Index

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
EPOCH_WEEKDAY: Final = 3
"""1970 began on a Thursday; weeks here begin on Monday."""
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ANY: Final = 0
AREA: Final = {"ANY": ANY} | {name: code for code, name in enumerate(AREA_CLASSES, start=1)}
EPOCH: Final = date(1970, 1, 1)
Hashes = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Plan:
    """What reference data says of stages: targets, villages' area classes, places' names, the county's clock.

    `number`: [era, operator, stage, service code, area] to a position in `texts`; 0: no target. `since`: from when
    each era's targets hold, ms; `operators`: hashes, sorted, of those with targets of their own, at 1 and on.
    `hours`: ms, or 0 for trips; `trips`: moments of the week in ms since Monday 00:00, the first again a week
    later; `closed`: days since 1970 on which the trips do not run.
    """

    number: npt.NDArray[np.int64]
    since: Index
    operators: Hashes
    texts: tuple[str, ...]
    hours: Index
    trips: tuple[Index, ...]
    closed: tuple[Index, ...]
    villages: Index
    areas: Index
    places: Names
    zone_ms: int
    risk_share: float

    def target(self, stage: Index, service: Index, region: Index, started: Index, operator: Hashes) -> Index:
        """Position in `texts` of each stage's target, by when and by whom it was begun."""
        era = np.searchsorted(self.since, started, "right") - 1 if len(self.since) > 1 else 0
        return self.number[era, self._own(operator), stage, service, self.area_of(region)]

    def _own(self, operator: Hashes) -> Index | int:
        if not len(self.operators):
            return 0
        at = np.searchsorted(self.operators, operator)
        return np.where(np.append(self.operators, np.uint32(0))[at] == operator, at + 1, 0)

    def area_of(self, region: Index) -> Index:
        """Area class of each region; ANY where it is no village known here."""
        at, found = self._among_villages(region)
        return np.where(found, np.append(self.areas, ANY)[at], ANY)

    def is_village(self, region: Index) -> Marks:
        """Whether each region is a village known here."""
        return self._among_villages(region)[1]

    def _among_villages(self, region: Index) -> tuple[Index, Marks]:
        at = np.searchsorted(self.villages, region)
        return at, np.append(self.villages, -1)[at] == region

    def deadline(self, target: Index, started: Index) -> Index:
        """When a stage that started then is due; NEVER without a target."""
        due = np.where(target > 0, started + self.hours[target], NEVER)
        for number, moments in enumerate(self.trips):
            rows = np.flatnonzero(target == number) if len(moments) else target[:0]
            due[rows] = self._next_trip(moments, self.closed[number], started[rows])
        return due

    def _next_trip(self, moments: Index, closed: Index, started: Index) -> Index:
        """The end of the first trip that runs, strictly after the start."""
        due = _next_moment(moments, started, self.zone_ms)
        while len(closed) and len(off := np.flatnonzero(np.isin((due + self.zone_ms) // DAY, closed))):
            due[off] = _next_moment(moments, due[off], self.zone_ms)
        return due

    def risk_from(self, started: Index, due: Index) -> Index:
        """From when a running stage is at risk; NEVER without a deadline."""
        ahead = np.ceil((due - started) * self.risk_share).astype(np.int64)
        return np.where(due < NEVER, started + ahead, NEVER)


def _next_moment(moments: Index, started: Index, zone_ms: int) -> Index:
    """The first of the week's moments strictly after the start."""
    into_week = (started + zone_ms + EPOCH_WEEKDAY * DAY) % WEEK
    return started - into_week + moments[np.searchsorted(moments, into_week, "right")]


def plan(reference: Reference, zone: str = "Asia/Shanghai", risk_share: float = 0.75) -> Plan:
    """Lay the reference data out for columns; `zone` is the county's, one without summer time."""
    villages = sorted((int(region), AREA[area]) for region, area in reference.area_class_of().items() if area)
    zone_ms = _offset(zone)
    whole = Edition(EVER, 0, "", "LOAD", reference.targets, reference.holidays)
    eras = _eras(in_force(reference.editions) or (whole,), zone_ms)
    kinds = [("", ()), *dict.fromkeys((t.target, era.holidays) for _, era in eras for t in era.targets)]
    operators = _hashes(t.operator for _, era in eras for t in era.targets if t.operator)
    return Plan(
        np.array([_table(era, kinds, operators) for _, era in eras]),
        np.array([since for since, _ in eras]),
        operators,
        tuple(text for text, _ in kinds),
        np.array([int(text) * HOUR if text.isdecimal() else 0 for text, _ in kinds]),
        tuple(_moments(text) if "@" in text else np.empty(0, np.int64) for text, _ in kinds),
        tuple(np.array([_days(day) for day in holidays], np.int64) for _, holidays in kinds),
        np.array([region for region, _ in villages], np.int64),
        np.array([area for _, area in villages], np.int64),
        _names(reference.facilities),
        zone_ms,
        risk_share,
    )


def _eras(editions: tuple[Edition, ...], zone_ms: int) -> list[tuple[int, Edition]]:
    """From when which rows hold: an edition's start, and within it each day a row becomes valid."""
    found: list[tuple[int, Edition]] = [(EVER, Edition(EVER, 0, "", "LOAD", (), ()))]
    for edition, until in zip(editions, [*(e.since for e in editions[1:]), NEVER], strict=True):
        begins = {t: _days(t.valid_from) * DAY - zone_ms if t.valid_from else EVER for t in edition.targets}
        for since in sorted({edition.since, *(at for at in begins.values() if edition.since < at < until)}):
            valid = tuple(t for t in edition.targets if begins[t] <= since)
            found.append((since, Edition(since, 0, "", "LOAD", valid, edition.holidays)))
    return found[1:] if found[1][0] == EVER else found


def _table(era: Edition, kinds: list[tuple[str, tuple[str, ...]]], operators: Hashes) -> npt.NDArray[np.int64]:
    """[operator, stage, service, area]: the wider row first, so that the closer one, and the later one, stands."""
    table = np.zeros((len(operators) + 1, len(STAGES), len(SERVICES) + 1, len(AREA)), np.int64)
    for target in sorted(era.targets, key=_closeness):
        own = np.searchsorted(operators, _hashes([target.operator]))[0] + 1 if target.operator else slice(None)
        area = slice(None) if AREA[target.area_class] == ANY else AREA[target.area_class]
        table[own, STAGE[target.stage], SERVICE[target.service], area] = kinds.index((target.target, era.holidays))
    return table


def _closeness(target: Target) -> tuple[bool, bool, str]:
    return target.operator != "", target.area_class != "ANY", target.valid_from


def _hashes(names: Iterable[str]) -> Hashes:
    return np.unique(short(hash_strings(pa.array(sorted(set(names)), pa.string()))))


def _names(places: Iterable[str]) -> Names:
    """Names of facilities; of two with one hash neither is named, since nobody could tell which was meant."""
    known = sorted(places)
    hashes, first, many = np.unique(
        short(hash_strings(pa.array(known, pa.string()))), return_index=True, return_counts=True
    )
    return Names({int(h): known[at] for h, at, n in zip(hashes, first, many, strict=True) if n == 1}, None)


def _days(day: str) -> int:
    return (date.fromisoformat(day) - EPOCH).days


def _moments(text: str) -> Index:
    days, clock = text.split("@")
    into_day = int(clock[:2]) * HOUR + int(clock[3:]) * 60_000
    week = sorted(WEEKDAYS.index(day) * DAY + into_day for day in days.split(","))
    return np.array([*week, week[0] + WEEK])


def _offset(zone: str) -> int:
    """UTC offset in ms; raises ValueError for a zone whose offset changes over the year."""
    offsets = {datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7)}
    if len(offsets) != 1:
        raise ValueError(f"time zone {zone} has summer time; trips need a zone with one offset all year")
    return int((offsets.pop() or timedelta()) / timedelta(milliseconds=1))
