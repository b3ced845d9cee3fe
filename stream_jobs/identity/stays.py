"""The scans that count for one parcel: those of its waybills' lives, and of containers while it lay in them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from stream_jobs.identity.groups import Life, Profiles
from stream_jobs.lifecycle.columns import NEVER, withdrawn
from stream_jobs.timeline.pack import ACTIVITY
from stream_jobs.timeline.record import SCAN, Index, side_by_side

BAGGED: Final = ACTIVITY["BAGGED"]
UNBAGGED: Final = ACTIVITY["UNBAGGED"]
RETRACTED: Final = ACTIVITY["RETRACTED"]
WIDTH: Final = SCAN.itemsize

Links = Mapping[tuple[bytes, int], bytes]
"""The container that a standing scan (of this waybill, with this id) names."""


class Part(NamedTuple):
    """Packed scans of one speaker that count for a parcel; a container's are not the parcel's `own`."""

    speaker: bytes
    rows: bytes
    own: bool


Baggings = list[tuple[int, int, bool]]


class View(NamedTuple):
    """The standing scans of a timeline, their times, and (at, id, whether BAGGED) of those that open or end stays."""

    rows: bytes
    at: Index
    bagging: Baggings

    def between(self, since: int, until: int) -> bytes:
        """The scans from `since` to before `until`."""
        low, high = self.at.searchsorted([since, until]).tolist()
        return self.rows[low * WIDTH : high * WIDTH]


class Stay(NamedTuple):
    """A container held the parcel from `since` until `until`, both included (epoch ms)."""

    label: bytes
    since: int
    until: int


Views = Callable[[bytes], View]


def views(timelines: Sequence[bytes]) -> dict[bytes, View]:
    """The views of many timelines, by their bytes."""
    rows, owner, sizes = side_by_side(timelines)
    act, stands = rows["act"], np.ones(len(rows), np.bool_)
    if (act == RETRACTED).any():
        stands = ~withdrawn(rows, owner) & (act != RETRACTED)
    some = np.flatnonzero(stands & ((act == BAGGED) | (act == UNBAGGED)))
    bagging: list[Baggings] = [[] for _ in timelines]
    named = (rows[name][some].tolist() for name in ("at", "id", "act"))
    for number, at, scan, kind in zip(owner[some].tolist(), *named, strict=True):
        bagging[number].append((at, scan, kind == BAGGED))
    at, ends = rows["at"].astype(np.int64), np.cumsum(sizes).tolist()
    found = {}
    for timeline, start, end, theirs in zip(timelines, [0, *ends], ends, bagging, strict=False):
        keep = stands[start:end]
        kept = timeline if keep.all() else rows[start:end][keep].tobytes()
        found[timeline] = View(kept, at[start:end][keep], theirs)
    return found


def parts(group: list[Life], seen: Views, profiles: Profiles, links: Links) -> list[Part]:
    """What counts for the parcel of these lives. `seen`: the view of a waybill's timeline."""
    found, own = [], []
    for life in group:
        mine = seen(life.waybill)
        since, until = _bounds(life, profiles)
        whole = until - since == 2 * NEVER
        found.append(Part(life.waybill, mine.rows if whole else mine.between(since, until), own=True))
        bagging = mine.bagging if whole else [bagging for bagging in mine.bagging if since <= bagging[0] < until]
        own.append((life.waybill, until - 1, bagging))
    for stay in sorted(_all_stays(own, seen, links)):
        inside = seen(stay.label).between(stay.since, stay.until + 1)
        if inside:
            found.append(Part(stay.label, inside, own=False))
    return found


def _bounds(life: Life, profiles: Profiles) -> tuple[int, int]:
    """From when to before when a life lasts: to the first scan of the next."""
    profile = profiles.get(life.waybill)
    if profile is None or not profile.cuts:
        return (-NEVER, NEVER) if life.number == 0 else (NEVER, NEVER)
    starts = [-NEVER, *(after for _, after in profile.cuts), NEVER]
    return starts[life.number], starts[life.number + 1]


def _all_stays(own: Sequence[tuple[bytes, int, Baggings]], seen: Views, links: Links) -> set[Stay]:
    """Stays of the parcel, and of its containers in others within them."""
    found: set[Stay] = set()
    new = list(_own_stays(own, seen, links))
    while new:
        stay = new.pop()
        if stay in found or stay.since > stay.until:
            continue
        found.add(stay)
        outer = _label_stays(stay.label, seen, links)
        new += [Stay(o.label, max(stay.since, o.since), min(stay.until, o.until)) for o in outer]
    return found


def _own_stays(own: Sequence[tuple[bytes, int, Baggings]], seen: Views, links: Links) -> Iterator[Stay]:
    taken_out = [
        (at, links.get((waybill, number))) for waybill, _, some in own for at, number, bagged in some if not bagged
    ]
    for waybill, last, some in own:
        for at, number, bagged in some:
            label = links.get((waybill, number)) if bagged else None
            if label is not None:
                ends = [end for end, named in taken_out if end > at and (named is None or named == label)]
                ends += [end for end in _opened(label, seen, links) if end > at]
                yield Stay(label, at, min([last, *ends]))


def _label_stays(label: bytes, seen: Views, links: Links) -> Iterator[Stay]:
    """A label that was opened as a whole lies where it lay: only naming its container takes it out."""
    mine = seen(label).bagging
    for at, number, bagged in mine:
        around = links.get((label, number)) if bagged else None
        if around is not None and around != label:
            ends = [end for end, other, bag in mine if not bag and links.get((label, other)) == around]
            ends += _opened(around, seen, links)
            yield Stay(around, at, min((end for end in ends if end > at), default=NEVER))


def _opened(label: bytes, seen: Views, links: Links) -> Iterator[int]:
    """When the container itself was opened as a whole."""
    return (at for at, number, bagged in seen(label).bagging if not bagged and (label, number) not in links)
