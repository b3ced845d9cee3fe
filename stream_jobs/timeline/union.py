"""Set union of packed scans, for all waybills of a batch at once.

Of copies of one scan (same id, same waybill) the first received stays, of those received together the
one with the smaller hash of its content: so union is commutative, associative and idempotent, and any order of
any batches ends in the same bytes.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from stream_jobs.timeline.hashing import mix
from stream_jobs.timeline.record import SCAN, Index, Rows, Words

SPREAD: Final = np.uint64(0xD6E8FEB86659FD93)
WEIGHTS: Final = mix(np.arange(1, SCAN.itemsize // 8 + 1, dtype=np.uint64) * SPREAD) | np.uint64(1)
RECEIVED_BEFORE: Final = 1 << 41
"""Epoch ms of the year 2039, after which no scan is received under this layout."""
Marks = npt.NDArray[np.bool_]


def union(rows: Rows, owner: Index) -> tuple[Rows, Index]:
    """Distinct scans, sorted by (owner, at, activity, id), and their owners."""
    order = distinct(rows, owner)
    return rows.take(order), owner[order]


def distinct(rows: Rows, owner: Index) -> Index:
    """Positions of the distinct scans, in order.

    `owner`: number of the waybill (or parcel) of each row; scans of different owners never meet.
    """
    later = _later_copies(rows, owner)
    if not later.any():
        return in_order(rows, owner)
    keep = np.flatnonzero(~later)
    return keep[in_order(rows.take(keep), owner[keep])]


def in_order(rows: Rows, owner: Index) -> Index:
    """Positions that sort rows by owner, time, activity, id."""
    at, act = rows["at"].astype(np.int64), rows["act"].astype(np.int64)
    since = at - at.min(initial=np.iinfo(np.int64).max)
    span, owners = int(since.max(initial=0)) + 1, int(owner.max(initial=0)) + 1
    if span.bit_length() + owners.bit_length() + 6 > 62:  # noqa: PLR2004  # bits of one key beside its sign
        return np.lexsort((rows["id"], act, at, owner))
    key = ((owner << span.bit_length()) + since << 6) + act
    order = np.argsort(key, kind="stable")
    return _settle_ties(order, key[order], rows["id"])


def _settle_ties(order: Index, key: Index, ids: Words) -> Index:
    """Equal keys stand in order of id, whatever order they came in."""
    same = key[1:] == key[:-1]
    if not same.any():
        return order
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    order[tied] = order[tied][np.lexsort((ids[order[tied]], key[tied]))]
    return order


def _later_copies(rows: Rows, owner: Index) -> Marks:
    """True for each row that an earlier received copy (or an equal one) stands for."""
    ids = rows["id"] ^ (owner.astype(np.uint64) * SPREAD)
    drop = np.zeros(len(rows), np.bool_)
    suspects = np.flatnonzero(_suspects(ids))
    ranked = suspects[np.lexsort((rows["received"][suspects], ids[suspects]))]
    same = ids[ranked[1:]] == ids[ranked[:-1]]
    drop[ranked[1:][same]] = True
    for first in np.flatnonzero(np.append(same, False) & np.append(True, ~same)).tolist():
        _prefer_smaller(rows, ranked, ids, first, drop)
    return drop


def _suspects(ids: Words) -> Marks:
    """Rows that may have a copy: those that share a slot of a table four times as large."""
    bits = max(2, (4 * len(ids)).bit_length())
    slot = (ids * SPREAD) >> np.uint64(64 - bits)
    table = np.zeros(1 << bits, np.int32)
    row = np.arange(len(ids), dtype=np.int32)
    table[slot] = row
    shared = np.zeros(1 << bits, np.bool_)
    shared[slot[table[slot] != row]] = True
    return shared[slot]


def _prefer_smaller(rows: Rows, ranked: Index, ids: Words, first: int, drop: Marks) -> None:
    """Among copies received at the same instant, keep the one whose bytes come first."""
    head = ranked[first]
    rivals = [head]
    for other in ranked[first + 1 :]:
        if ids[other] != ids[head] or rows["received"][other] != rows["received"][head]:
            break
        rivals.append(other)
    best = rivals[int(np.argmin(content(rows.take(rivals))))]
    drop[head], drop[best] = True, False


def content(rows: Rows) -> Words:
    """A hash of all a scan says: of copies received at the same instant the smallest stays."""
    words = np.ascontiguousarray(rows).view("<u8").reshape(-1, SCAN.itemsize // 8)
    return mix((words * WEIGHTS).sum(axis=1, dtype=np.uint64))


def knowledge(rows: Rows) -> Index:
    """How much each scan tells: more the earlier it was received, so that union only ever adds."""
    early = RECEIVED_BEFORE - rows["received"]
    return (early << 6) + 63 - (content(rows) >> np.uint64(58)).astype(np.int64)


def split(rows: Rows, owner: Index, owners: int) -> list[bytes]:
    """The timelines, one bytes value per owner; rows sorted by owner."""
    ends = (np.cumsum(np.bincount(owner, minlength=owners)) * SCAN.itemsize).tolist()
    blob = rows.tobytes()
    return [blob[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
