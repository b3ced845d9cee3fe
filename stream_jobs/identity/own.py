"""What the scans of waybills say of the waybills themselves, many at once, as columns."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np

from stream_jobs.identity.limits import Limits
from stream_jobs.lifecycle.columns import Marks, withdrawn
from stream_jobs.timeline.hashing import mix
from stream_jobs.timeline.pack import ACTIVITY
from stream_jobs.timeline.record import LINKS, Index, Rows, Words, side_by_side
from stream_jobs.timeline.union import content, knowledge

CLOSING: Final = [ACTIVITY[a] for a in ("DELIVERED", "COLLECTED_BY_RECIPIENT", "RETURNED", "LOST", "CANCELLED")]
BAGGING: Final = [ACTIVITY[a] for a in ("BAGGED", "UNBAGGED")]
RETRACTED: Final = ACTIVITY["RETRACTED"]
STEP: Final = np.uint64(0xD6E8FEB86659FD93)
WHOLE: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
Sums = TypeVar("Sums", Index, Words)
MINOR_BITS: Final = np.uint64(16)
"""So that some 65,000 scans' content ranks add up in 64 bits."""


@dataclass
class Said:
    """What a waybill's standing scans say.

    `links`: id, mark, received and at of those with a link. `alive`: which of the stated ids stand. `seen`: how
    often each network has scanned. `cuts`: the rests after which the number was another parcel's.
    """

    links: set[tuple[int, int, int, int]] = field(default_factory=set)
    alive: set[int] = field(default_factory=set)
    seen: dict[int, int] = field(default_factory=dict)
    cuts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Own:
    """Columns over the scans of some waybills, sorted by waybill, and three numbers for each of these.

    `major`, `minor`: how much is known, the minor one telling copies received at the same instant apart.
    `mark`: changes whenever what the profile is made of does. `lives`: the most that the number can have had.
    """

    rows: Rows
    owner: Index
    alive: Marks
    rested: Marks
    major: Index
    minor: Words
    mark: Words
    lives: Index

    def said(self, numbers: Sequence[int], ids: Sequence[int], asked: Sequence[int], limits: Limits) -> dict[int, Said]:
        """What some of them say; networks only of those `asked` for. `ids`: of the scans that ever stated a link."""
        found = {number: Said() for number in numbers}
        wanted = np.zeros(len(self.mark), np.bool_)
        wanted[list(numbers)] = True
        standing = np.flatnonzero(wanted[self.owner] & self.alive)
        rows, owner = self.rows.take(standing), self.owner[standing]
        linking = np.flatnonzero(rows["flags"] & LINKS != 0)
        columns = (rows[name][linking].tolist() for name in ("id", "link", "received", "at"))
        for number, *link in zip(owner[linking].tolist(), *columns, strict=True):
            found[number].links.add(tuple(link))
        some = np.flatnonzero(np.isin(rows["id"], np.array(ids, np.uint64)))
        for number, scan in zip(owner[some].tolist(), rows["id"][some].tolist(), strict=True):
            found[number].alive.add(scan)
        for number in asked:
            found[number].seen.update(Counter(rows["source"][owner == number].tolist()))
        for number in np.flatnonzero(self.rested & wanted).tolist():
            found[number].cuts = _cuts(rows[owner == number], limits)
        return found


def own(values: Sequence[bytes], limits: Limits) -> Own:
    """Columns of these timelines."""
    rows, owner, sizes = side_by_side(values)
    alive = ~(withdrawn(rows, owner) | (rows["act"] == RETRACTED))
    told = content(rows)
    lives = _lives(rows, sizes, limits)
    rested = lives > 1
    mark = np.zeros(len(values), np.uint64)
    _add_links(mark, rows, owner, alive, told)
    np.add.at(mark, owner[rested[owner]], told[rested[owner]])
    minor = _sums((told ^ WHOLE) >> MINOR_BITS, sizes)
    return Own(rows, owner, alive, rested, _sums(knowledge(rows), sizes), minor, mark, lives)


def _lives(rows: Rows, sizes: Index, limits: Limits) -> Index:
    """One for each long rest that the time between the first scan and the last has room for, and one."""
    found, some = np.ones(len(sizes), np.int64), np.flatnonzero(sizes)
    ends = np.cumsum(sizes)[some]
    at = rows["at"].astype(np.int64)
    found[some] += (at[ends - 1] - at[ends - sizes[some]]) // limits.reuse_after
    return found


def _sums(values: Sums, sizes: Index) -> Sums:
    found = np.append(np.zeros(1, values.dtype), np.cumsum(values, dtype=values.dtype))
    ends = np.cumsum(sizes)
    return found[ends] - found[ends - sizes]


def _add_links(mark: Words, rows: Rows, owner: Index, alive: Marks, told: Words) -> None:
    """Links that hold, and sources with how often each has scanned: more than twice is twice."""
    linking = np.flatnonzero(alive & (rows["flags"] & LINKS != 0))
    np.add.at(mark, owner[linking], mix(told[linking]))
    kept = np.flatnonzero(alive)
    keys, many = np.unique((owner[kept] << 32) | rows["source"][kept], return_counts=True)
    twice = np.minimum(many, 2).astype(np.uint64)
    np.add.at(mark, keys >> 32, mix(keys.astype(np.uint64) * STEP + twice))


def _cuts(standing: Rows, limits: Limits) -> tuple[tuple[int, int], ...]:
    """The rests after which the number is another parcel's: long ones after it closed, very long ones anyway.

    It closed with the last scan of its parcel, or when it was given up for another number.
    """
    at, found, begun = standing["at"], [], 0
    given_up = (standing["flags"] & LINKS != 0) & ~np.isin(standing["act"], BAGGING)
    closing = np.isin(standing["act"], CLOSING) | given_up
    for row in np.flatnonzero(np.diff(at) >= limits.reuse_after).tolist():
        rest = at[row + 1] - at[row]
        if rest >= limits.silent_after or closing[begun : row + 1].any():
            found.append((int(at[row]), int(at[row + 1])))
            begun = row + 1
    return tuple(found)
