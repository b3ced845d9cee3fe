"""Targets as a dense table: which deadline a stage has, by service and area class (section 6, Targets)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from schemas.reference import Reference, Target
from schemas.vocabulary import AREA_CLASSES, SERVICES, STAGES
from stream_jobs.lifecycle.columns import NEVER
from stream_jobs.lifecycle.stages import STAGE
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


@dataclass(frozen=True)
class Plan:
    """What reference data says of stages: targets, villages' area classes, the county's clock.

    `number`: [stage, service code, area] to a position in `texts`; 0: no target. `hours`: ms, or 0 for
    trips; `trips`: moments of the week in ms since Monday 00:00, the first again a week later.
    """

    number: npt.NDArray[np.int64]
    texts: tuple[str, ...]
    hours: Index
    trips: tuple[Index, ...]
    villages: Index
    areas: Index
    zone_ms: int
    risk_share: float

    def area_of(self, region: Index) -> Index:
        """Area class of each region; ANY where it is no village known here."""
        at = np.searchsorted(self.villages, region)
        found = np.append(self.villages, -1)[at] == region
        return np.where(found, np.append(self.areas, ANY)[at], ANY)

    def deadline(self, target: Index, started: Index) -> Index:
        """When a stage that started then is due; NEVER without a target."""
        due = np.where(target > 0, started + self.hours[target], NEVER)
        for number, moments in enumerate(self.trips):
            rows = np.flatnonzero(target == number) if len(moments) else target[:0]
            due[rows] = _next_trip(moments, started[rows], self.zone_ms)
        return due

    def risk_from(self, started: Index, due: Index) -> Index:
        """From when a running stage is at risk; NEVER without a deadline."""
        ahead = np.ceil((due - started) * self.risk_share).astype(np.int64)
        return np.where(due < NEVER, started + ahead, NEVER)


def _next_trip(moments: Index, started: Index, zone_ms: int) -> Index:
    """The first trip's end strictly after the start."""
    into_week = (started + zone_ms + EPOCH_WEEKDAY * DAY) % WEEK
    return started - into_week + moments[np.searchsorted(moments, into_week, "right")]


def plan(reference: Reference, zone: str = "Asia/Shanghai", risk_share: float = 0.75) -> Plan:
    """Lay the reference data out for columns; `zone` is the county's, one without summer time."""
    texts = ("", *dict.fromkeys(t.target for t in reference.targets))
    villages = sorted((int(region), AREA[area]) for region, area in reference.area_class_of().items() if area)
    return Plan(
        _numbers(reference.targets, texts),
        texts,
        np.array([int(t) * HOUR if t.isdecimal() else 0 for t in texts]),
        tuple(_moments(t) if "@" in t else np.empty(0, np.int64) for t in texts),
        np.array([region for region, _ in villages], np.int64),
        np.array([area for _, area in villages], np.int64),
        _offset(zone),
        risk_share,
    )


def _numbers(targets: tuple[Target, ...], texts: tuple[str, ...]) -> npt.NDArray[np.int64]:
    table = np.zeros((len(STAGES), len(SERVICES) + 1, len(AREA)), np.int64)
    for target in sorted(targets, key=lambda t: t.area_class != "ANY"):
        cell = texts.index(target.target)
        area = AREA[target.area_class]
        if area == ANY:
            table[STAGE[target.stage], SERVICE[target.service], :] = cell
        else:
            table[STAGE[target.stage], SERVICE[target.service], area] = cell
    return table


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
