"""What is promised: targets, the days without trips, and the editions by which they came into force."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from schemas.vocabulary import AREA_CLASSES, SERVICES, STAGES

ANY: Final = "ANY"
EVER: Final = -(1 << 62)
"""The instant since which holds what always held."""
TRIPS: Final = re.compile(r"^((MO|TU|WE|TH|FR|SA|SU)(,(MO|TU|WE|TH|FR|SA|SU))*)@([01]\d|2[0-3]):[0-5]\d$")
HOURS: Final = re.compile(r"^\d{1,4}$")
DAY: Final = re.compile(r"^\d{4}-\d{2}-\d{2}$")
REASONS: Final = ("LOAD", "RECOMPUTE")


@dataclass(frozen=True)
class Target:
    """How long a stage may take: hours (`24`) or trips (`MO,WE,FR@20:00`).

    `operator`: who begins the stage, empty: anybody. `valid_from`: stages begun on this day of the county or
    later (`2026-03-01`), empty: always.
    """

    stage: str
    service: str
    area_class: str
    target: str
    operator: str = ""
    valid_from: str = ""


@dataclass(frozen=True)
class Edition:
    """All targets and holidays as somebody put them in force, for stages begun at `since` (epoch ms) or later.

    LOAD: from the moment it was recorded. RECOMPUTE: from an earlier one, to judge the past anew.
    """

    since: int
    recorded_at: int
    recorded_by: str
    reason: Literal["LOAD", "RECOMPUTE"]
    targets: tuple[Target, ...]
    holidays: tuple[str, ...]


def in_force(editions: tuple[Edition, ...]) -> tuple[Edition, ...]:
    """The editions that still hold for some stage, by `since`: each replaces what was recorded before from there on."""
    held: list[Edition] = []
    for edition in sorted(editions, key=lambda e: (e.recorded_at, e.since, e.recorded_by)):
        held = [*(e for e in held if e.since < edition.since), edition]
    return tuple(held)


def one_of(column: str, value: str, allowed: tuple[str, ...]) -> str:
    """The value; ValueError if it is none of those allowed."""
    if value not in allowed:
        raise ValueError(f"{column} {value!r} is none of {', '.join(allowed)}")
    return value


def target(row: dict[str, str]) -> Target:
    """A row of targets.csv; KeyError for a column that is missing, ValueError for a cell that is wrong."""
    if not (HOURS.match(row["target"]) or TRIPS.match(row["target"])):
        raise ValueError(f"target {row['target']!r} is neither hours (24) nor trips (MO,WE,FR@20:00)")
    return Target(
        one_of("stage", row["stage"], tuple(s.name for s in STAGES)),
        one_of("service", row["service"], SERVICES),
        one_of("area_class", row["area_class"], (*AREA_CLASSES, ANY)),
        row["target"],
        row.get("operator", ""),
        day("valid_from", row["valid_from"]) if row.get("valid_from") else "",
    )


def day(column: str, text: str) -> str:
    """A date as `2026-03-01`; ValueError for another."""
    try:
        if DAY.match(text) and date.fromisoformat(text):
            return text
    except ValueError:
        pass
    raise ValueError(f"{column} {text!r} is no date (2026-03-01)")


def hours(text: str) -> int:
    """Whole hours, 1 to 9999; ValueError for others."""
    if not HOURS.match(text) or not int(text):
        raise ValueError(f"hours {text!r} is no number of hours from 1 to 9999")
    return int(text)
