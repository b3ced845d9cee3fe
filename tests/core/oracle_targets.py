"""Which target a stage has and when it is due, read a second time in plain Python."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from schemas.targets import Edition, Target

COUNTY_TIME: Final = timezone(timedelta(hours=8))
DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def local(ms: int) -> datetime:
    """The county's time."""
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(COUNTY_TIME)


def edition_of(editions: Sequence[Edition], started: int) -> Edition | None:
    """The one recorded last among those that hold for that start."""
    holding = [e for e in editions if e.since <= started]
    return max(holding, key=lambda e: (e.recorded_at, e.since), default=None)


def target_of(edition: Edition, stage: str, service: str, area: str, operator: str | None, started: int) -> str | None:
    """The operator's own row before the general one, the class's before ANY, then the one valid last."""
    today = local(started).date().isoformat()

    def fits(row: Target) -> bool:
        same = (row.stage, row.service) == (stage, service) and row.area_class in {area, "ANY"}
        return same and row.operator in {"", operator} and row.valid_from <= today

    def closeness(row: Target) -> tuple[bool, bool, str]:
        return row.operator != "", row.area_class != "ANY", row.valid_from

    best = max(filter(fits, edition.targets), key=closeness, default=None)
    return None if best is None else best.target


def due(target: str, holidays: Sequence[str], started: int) -> int:
    """Hours from the start, or the end of the next trip that runs, strictly after it."""
    if target.isdecimal():
        return started + int(target) * 3_600_000
    days, clock = target.split("@")
    begun = local(started)
    for ahead in range(400):
        day = begun + timedelta(days=ahead)
        moment = day.replace(hour=int(clock[:2]), minute=int(clock[3:]), second=0, microsecond=0)
        runs = DAYS[moment.weekday()] in days.split(",") and moment.date().isoformat() not in holidays
        if runs and moment > begun:
            return (moment - EPOCH) // timedelta(milliseconds=1)
    raise ValueError(f"no trip in {target}")
