"""One word for where a parcel is (section 6, Status): the first rule that holds."""

from typing import Final

import numpy as np

from schemas.vocabulary import ACTIVITIES, GROUP_OF, SAYS_NOTHING, STATUSES
from stream_jobs.lifecycle.columns import NEVER, Marks, Scans, one_of
from stream_jobs.lifecycle.milestones import NUMBER, Milestones
from stream_jobs.lifecycle.sides import Sides
from stream_jobs.timeline.pack import ACTIVITY
from stream_jobs.timeline.record import Index

STATUS: Final = {name: code for code, name in enumerate(STATUSES)}
TELLS: Final = np.array([GROUP_OF[a] not in {"order", "other"} and a not in SAYS_NOTHING for a in ACTIVITIES])
MOVES: Final = np.array(
    [GROUP_OF[a] in {"sorting", "transport", "distribution"} and a != "ACCEPTED" for a in ACTIVITIES]
)
LATEST: Final = {
    "AT_POINT": one_of("STORED_AT_POINT"),
    "OUT_FOR_DELIVERY": one_of("OUT_FOR_DELIVERY"),
    "EXCEPTION": one_of("ATTEMPT_FAILED", "HELD", "CUSTOMS_HELD", "REFUSED"),
}
"""Status by the activity of the latest scan that tells something."""


def statuses(scans: Scans, sides: Sides, found: Milestones) -> Index:
    """Position in STATUSES, per parcel."""
    last = scans.last(scans.where(TELLS[scans.act]))
    latest, silent = scans.act[last], last < 0
    rules = [
        ("RETURNED", _stands(found, "returned")),
        ("RETURNING", sides.returning),
        ("DELIVERED", _stands(found, "handed")),
        *((word, _any(scans, scans.act == ACTIVITY[word])) for word in ("LOST", "DAMAGED")),
        *((word, ~silent & says[latest]) for word, says in LATEST.items()),
        ("IN_TRANSIT", _any(scans, MOVES[scans.act])),
        ("COLLECTED", _stands(found, "collected")),
        ("CREATED", _stands(found, "created")),
    ]
    return np.select([marks for _, marks in rules], [STATUS[word] for word, _ in rules], STATUS["UNKNOWN"])


def _stands(found: Milestones, name: str) -> Marks:
    marks: Marks = found.at[NUMBER[name]] < NEVER
    return marks


def _any(scans: Scans, marks: Marks) -> Marks:
    found: Marks = scans.first(scans.where(marks)) < scans.size
    return found
