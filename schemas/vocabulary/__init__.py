"""The words of the trade, each declared once, as data (design.md sections 5 and 6).

Activities stand in the order that breaks ties between scans of one instant; milestones in the order
that bounds inferred stages. Codes are positions in these lists: append only, never reorder.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal

Scope = Literal["forward", "up", "down", "after_origin_out", "all"]


@dataclass(frozen=True)
class Milestone:
    """One row of milestones.csv: the first or last scan of these activities and tiers, in this scope."""

    name: str
    take: Literal["first", "last"]
    activities: tuple[str, ...]
    tiers: tuple[str, ...]
    scope: Scope


@dataclass(frozen=True)
class Stage:
    """One row of stages.csv: ends at the first of `to`, in listed order, that stands."""

    name: str
    start: str
    to: tuple[str, ...]


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files(__name__).joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


GROUP_OF: Final[Mapping[str, str]] = {row["activity"]: row["group"] for row in _rows("activities.csv")}
ACTIVITIES: Final = tuple(GROUP_OF)
TIERS: Final = ("UNKNOWN", "ORIGIN_WAREHOUSE", "HUB", "COUNTY", "TOWNSHIP", "VILLAGE", "LOCKER", "DOOR")
MILESTONES: Final = tuple(
    Milestone(
        row["milestone"],
        row["take"],  # type: ignore[arg-type]  # a test holds the file's words against the Literal
        _words(row["activities"]),
        _words(row["tiers"]),
        row["scope"],  # type: ignore[arg-type]  # the same
    )
    for row in _rows("milestones.csv")
)
STAGES: Final = tuple(Stage(row["stage"], row["from"], _words(row["to"])) for row in _rows("stages.csv"))

RELATIONS: Final = ("HANDED_OVER", "RELABELLED", "RETURN", "IN_CONTAINER", "PIECE_OF")
"""PIECE_OF names the order or mother number of a parcel sent in several; it joins nothing."""
SERVICES: Final = ("STANDARD", "EXPRESS", "FRESH")
SOURCE_KINDS: Final = ("CARRIER", "POST", "LOCKER")
TIME_BASES: Final = ("GIVEN", "ASSUMED")
CONSENTS: Final = ("GIVEN", "NOT_GIVEN", "UNKNOWN")
AREA_CLASSES: Final = ("NEAR", "FAR", "REMOTE")
STATUSES: Final = (
    "UNKNOWN", "CREATED", "COLLECTED", "IN_TRANSIT", "EXCEPTION", "OUT_FOR_DELIVERY", "AT_POINT",
    "DAMAGED", "LOST", "DELIVERED", "RETURNING", "RETURNED",
)  # fmt: skip
DIRECTIONS: Final = ("UNKNOWN", "UP", "DOWN", "LOCAL")
STAGE_STATES: Final = ("done", "running", "inferred", "stopped")
VERDICTS: Final = ("MET", "MISSED", "RUNNING", "AT_RISK", "OVERDUE")

COUNTING_GROUPS: Final = frozenset({"collection", "warehousing", "sorting", "transport", "distribution", "trouble"})
"""Groups whose scans take part in sides and custody: all but order and other."""
SAYS_NOTHING: Final = frozenset({"REMINDED", "DWELL_EXPIRED"})
"""Activities that change neither custody nor status."""
