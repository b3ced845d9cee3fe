"""The standing scans of a batch of parcels, as columns, and the two look-ups that nearly every rule uses.

Rows are sorted by parcel, then time. Each column has one extra row at its end that reads as "none"
(time NEVER, all else 0), so that the row numbers N and -1, both "no such scan", need no test anywhere.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stream_jobs.timeline.pack import ACTIVITY
from stream_jobs.timeline.record import LINKS, Index, Rows, Words

NEVER: Final = 1 << 62
"""The time of what did not happen: later than all."""
COLUMNS: Final = ("at", "region", "dest", "fac", "holder", "act", "tier", "service", "flags")
Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Parcels:
    """Scans of a batch of parcels before the rules: sorted by parcel, time, activity, id.

    `parcel`: number of each row's parcel, 0..count-1. `member`: number of the waybill each row was
    scanned under (unique over the batch); rows of containers have `own` False.
    """

    rows: Rows
    parcel: Index
    member: Index
    own: Marks
    count: int


@dataclass(frozen=True)
class Scans:
    """Standing scans as columns, N rows and the extra one; `seg` is the parcel of a row."""

    parcels: int
    size: int
    seg: Index
    pos: Index
    member: Index
    own: Marks
    at: Index
    region: Index
    dest: Index
    fac: npt.NDArray[np.uint32]
    holder: npt.NDArray[np.uint32]
    act: npt.NDArray[np.uint8]
    tier: npt.NDArray[np.uint8]
    service: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]

    def first(self, rows: Index) -> Index:
        """The first of these rows (ascending) of each parcel, else N. Shape: parcels."""
        found = np.full(self.parcels, self.size, np.int64)
        backwards = rows[::-1]
        found[self.seg[backwards]] = backwards  # the last write wins
        return found

    def last(self, rows: Index) -> Index:
        """The last of these rows (ascending) of each parcel, else -1. Shape: parcels."""
        found = np.full(self.parcels, -1, np.int64)
        found[self.seg[rows]] = rows
        return found

    def where(self, marks: Marks) -> Index:
        """Row numbers of the marked rows; `marks` has N or N+1 entries."""
        return np.flatnonzero(marks[: self.size])


def one_of(*activities: str) -> Marks:
    """A mark per activity: whether it is one of these."""
    return np.isin(np.arange(len(ACTIVITY)), [ACTIVITY[activity] for activity in activities])


def standing(parcels: Parcels) -> Scans:
    """Leave out retractions and what they withdraw; gather the columns once."""
    rows = parcels.rows
    keep = np.flatnonzero(~withdrawn(rows, parcels.member) & (rows["act"] != ACTIVITY["RETRACTED"]))
    kept = rows.take(keep)
    packed = {name: _column(kept[name], NEVER if name == "at" else 0) for name in COLUMNS}
    seg, member, own = parcels.parcel[keep], _column(parcels.member[keep], 0), _column(parcels.own[keep], 0)
    return Scans(parcels.count, len(keep), seg, np.arange(len(keep) + 1), member, own, **packed)


def _column(values: npt.NDArray[Any], none: int) -> npt.NDArray[Any]:
    return np.append(values, np.array([none], values.dtype))


def withdrawn(rows: Rows, member: Index) -> Marks:
    """True for each scan that a retraction of the same source and waybill names."""
    gone = np.zeros(len(rows), np.bool_)
    naming = np.flatnonzero(rows["act"] == ACTIVITY["RETRACTED"])
    if not len(naming):
        return gone
    named = _key(member[naming], rows["ref"][naming])
    near = np.flatnonzero(np.isin(member, member[naming]) & (rows["act"] != ACTIVITY["RETRACTED"]))
    own = _key(member[near], (rows["id"][near] & np.uint64(0xFFFFFFFF)).astype(np.uint32))
    gone[near] = np.isin(own, named) | np.isin(_key(member[near], rows["ref"][near]), named)
    return gone


def _key(member: Index, word: npt.NDArray[np.uint32]) -> Words:
    return (member.astype(np.uint64) << np.uint64(32)) | word


def linked(rows: Rows) -> Marks:
    """True for each scan that carries a link."""
    marks: Marks = (rows["flags"] & LINKS) != 0
    return marks
