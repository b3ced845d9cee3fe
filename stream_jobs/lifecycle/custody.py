"""Who had the parcel when, and whose delay a late stage is (section 6, Custody)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.vocabulary import ACTIVITIES, COUNTING_GROUPS, GROUP_OF, SAYS_NOTHING
from stream_jobs.lifecycle.columns import NEVER, Scans, one_of
from stream_jobs.lifecycle.names import NOBODY
from stream_jobs.timeline.record import Index

PASSES: Final = np.array([GROUP_OF[a] in COUNTING_GROUPS and a not in SAYS_NOTHING for a in ACTIVITIES])
ENDS: Final = one_of("DELIVERED", "COLLECTED_BY_RECIPIENT")


@dataclass(frozen=True)
class Custody:
    """Intervals by parcel and time: `holder` (hash, or NOBODY) had it from `since` until `until`.

    `first`: position of each parcel's first interval, with one more entry at the end.
    """

    parcel: Index
    since: Index
    until: Index
    holder: npt.NDArray[np.uint32]
    first: Index

    def now(self) -> npt.NDArray[np.uint32]:
        """Who has each parcel at the end; NOBODY where none does."""
        begun = self.first[1:] > self.first[:-1]
        return np.where(begun, np.append(self.holder, np.uint32(NOBODY))[self.first[1:] - 1], NOBODY)


@dataclass(frozen=True)
class Overruns:
    """Whole seconds behind the deadline, by stage row (ascending) and custodian."""

    stage_row: Index
    holder: npt.NDArray[np.uint32]
    seconds: Index


def custody(scans: Scans) -> Custody:
    """Intervals of custody of every parcel."""
    rows = scans.where(PASSES[scans.act])
    parcel = scans.seg[rows]
    holder = np.where(ENDS[scans.act[rows]], np.uint32(NOBODY), scans.holder[rows])
    passed = np.append(True, (parcel[1:] != parcel[:-1]) | (holder[1:] != holder[:-1]))[: len(rows)]
    parcel, holder, since = parcel[passed], holder[passed], scans.at[rows][passed]
    last = np.append(parcel[1:] != parcel[:-1], True)[: len(parcel)]
    until = np.where(last, NEVER, np.append(since[1:], NEVER)[: len(since)])
    first = np.searchsorted(parcel, np.arange(scans.parcels + 1))
    return Custody(parcel, since, until, holder, first)


def overruns(held: Custody, stage_row: Index, parcel: Index, due: Index, until: Index) -> Overruns:
    """Share each late stage's time from `due` to `until` among those who had custody during it."""
    many = held.first[parcel + 1] - held.first[parcel]
    late = np.repeat(np.arange(len(parcel)), many)
    interval = np.arange(len(late)) - np.repeat(np.cumsum(many) - many, many) + held.first[parcel][late]
    ends = np.minimum(held.until[interval], until[late])
    seconds = (ends - np.maximum(held.since[interval], due[late])) // 1000
    hit = (seconds > 0) & (held.holder[interval] != NOBODY)
    key = (stage_row[late[hit]] << 32) | held.holder[interval[hit]]
    keys, group = np.unique(key, return_inverse=True)
    total = np.bincount(group, seconds[hit], len(keys)).astype(np.int64)
    return Overruns(keys >> 32, (keys & 0xFFFFFFFF).astype(np.uint32), total)
