"""The scans of a batch joined with the timelines they touch, all waybills at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from operator import ne
from typing import Final

import numpy as np

from stream_jobs.identity.limits import Limits
from stream_jobs.lifecycle.columns import Marks
from stream_jobs.timeline.pack import Packed
from stream_jobs.timeline.record import SCAN, Index, Rows, empty, read, side_by_side, stacked
from stream_jobs.timeline.union import content, split, union

WIDTH: Final = SCAN.itemsize


@dataclass(frozen=True)
class Joined:
    """What a batch did to timelines.

    `grown`: new timelines by waybill. `rested`: how many lives a waybill may have had, of those whose scans lie so far
    apart that the number may have been used again, also where a copy that counts for nothing says so. `tangled`: the
    grown that were so before. `rows`, `parcel`, `keys`: scans of the grown that are parcels by themselves. `dropped`:
    rows of the batch beyond the limit.
    """

    grown: dict[bytes, bytes]
    rested: dict[bytes, int]
    tangled: list[bytes]
    rows: Rows
    parcel: Index
    keys: list[bytes]
    dropped: list[int]


def as_they_are(keys: list[bytes], own: Mapping[bytes, bytes]) -> Joined:
    """These waybills, each a parcel by itself, as after a batch that has changed nothing."""
    rows, owner, _ = side_by_side(list(map(own.__getitem__, keys)))
    return Joined({}, {}, [], rows, owner, keys, [])


def join_all(timelines: Sequence[bytes]) -> list[bytes]:
    """What several timelines of one waybill, one behind the other, are together; for many waybills at once."""
    rows, owner, _ = side_by_side(timelines)
    return split(*union(rows, owner), len(timelines))


def bounded(timeline: bytes, limits: Limits) -> bytes:
    """The first received scans, as many as are let in, in order of time."""
    if len(timeline) <= limits.scans_per_waybill * WIDTH:
        return timeline
    rows = read(timeline)
    return rows[_first_received(rows, limits)].tobytes()


def _first_received(rows: Rows, limits: Limits) -> Index:
    """Positions of what is kept, in order of time.

    The order of receipt, then content, is total, and in it the copy that is kept of a scan comes first: so what is
    left of a union does not depend on the order of joining.
    """
    order = np.lexsort((rows["id"], content(rows), rows["received"]))
    return np.sort(order[: limits.scans_per_waybill])


def joined(packed: Packed | None, own: Mapping[bytes, bytes], tangled: Collection[bytes], limits: Limits) -> Joined:
    """Union of the batch with the timelines it touches."""
    if packed is None or not packed.keys:
        return Joined({}, {}, [], empty(), np.empty(0, np.int64), [], [])
    keys = packed.keys
    olds = list(map(own.get, keys, repeat(b"")))
    before, whose, sizes = side_by_side(olds)
    rows, owner = union(stacked([before, packed.rows]), np.concatenate([whose, packed.waybill]))
    rows, owner, dropped = _within(rows, owner, packed, limits)
    news = split(rows, owner, len(keys))
    lives = _lives(rows, owner, before, sizes, packed, limits)
    grows = list(map(ne, news, olds))
    grown = dict(compress(zip(keys, news, strict=True), grows))
    some = np.array(grows)
    rested = {keys[number]: int(lives[number]) for number in np.flatnonzero(lives > 1).tolist()}
    known = np.zeros(len(keys), np.bool_)
    if tangled:
        known = np.fromiter(map(tangled.__contains__, keys), np.bool_, len(keys))
    alone = some & (lives == 1) & ~known
    touched = list(compress(keys, (some & known).tolist()))
    return Joined(grown, rested, touched, *_plain(rows, owner, keys, alone), dropped)


def _within(rows: Rows, owner: Index, packed: Packed, limits: Limits) -> tuple[Rows, Index, list[int]]:
    """Drop what is beyond the limit; says which rows of the batch that was."""
    many = np.bincount(owner)
    over = np.flatnonzero(many > limits.scans_per_waybill)
    if not len(over):
        return rows, owner, []
    keep, dropped = np.ones(len(rows), np.bool_), []
    for number in over.tolist():
        at = np.flatnonzero(owner == number)
        mine = at[_first_received(rows[at], limits)]
        keep[at] = False
        keep[mine] = True
        batch = np.flatnonzero(packed.waybill == number)
        dropped += batch[~np.isin(packed.rows["id"][batch], rows["id"][mine])].tolist()
    return rows[keep], owner[keep], dropped


def _lives(rows: Rows, owner: Index, before: Rows, sizes: Index, packed: Packed, limits: Limits) -> Index:
    """The most lives that each number can have had, for anyone who knew some of these scans.

    Copies that were replaced count, too, whether they came first or last: they may have been scanned at another time.
    `before`: the timelines as they were, `sizes` rows each.
    """
    at, ends = rows["at"].astype(np.int64), np.cumsum(np.bincount(owner, minlength=len(packed.keys)))
    first, last = at[np.append(0, ends[:-1])], at[ends - 1]
    new = packed.rows["at"].astype(np.int64)
    if ((new < first[packed.waybill]) | (new > last[packed.waybill])).any():
        np.minimum.at(first, packed.waybill, new)
        np.maximum.at(last, packed.waybill, new)
    known = np.flatnonzero(sizes)
    old, ends = before["at"], np.cumsum(sizes)[known]
    first[known] = np.minimum(first[known], old[ends - sizes[known]])
    last[known] = np.maximum(last[known], old[ends - 1])
    found: Index = 1 + (last - first) // limits.reuse_after
    return found


def _plain(rows: Rows, owner: Index, keys: list[bytes], alone: Marks) -> tuple[Rows, Index, list[bytes]]:
    if alone.all():
        return rows, owner, keys
    keep = np.flatnonzero(alone[owner])
    number = np.cumsum(alone) - 1
    return rows.take(keep), number[owner[keep]], list(compress(keys, alone.tolist()))
