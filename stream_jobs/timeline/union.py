"""Set union of packed scans, for all waybills of a batch at once.

Of copies of one scan (same id, same waybill) the first received stays, of those received together the
one with the smaller hash of its content: so union is commutative, associative and idempotent, and any order of
any batches ends in the same bytes.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.compiled import compiled
from stream_jobs.timeline.hashing import mix, spread
from stream_jobs.timeline.record import SCAN, Index, Rows, Words

SPREAD: Final = np.uint64(0xD6E8FEB86659FD93)
WEIGHTS: Final = mix(np.arange(1, SCAN.itemsize // 8 + 1, dtype=np.uint64) * SPREAD) | np.uint64(1)
RECEIVED_BEFORE: Final = 1 << 41
"""Epoch ms of the year 2039, after which no scan is received under this layout."""
FEW: Final = 256
"""Of owners with no more rows than this each row is looked up one by one, else all are sorted."""
BYTE_OF: Final = {name: place[1] for name, place in (SCAN.fields or {}).items()}
ID, AT, RECEIVED, ACT = (BYTE_OF[name] // 8 for name in ("id", "at", "received", "act"))
"""Which of a row's words they are in."""
ACT_SHIFT: Final = np.uint64(BYTE_OF["act"] % 8 * 8)
ACT_BITS: Final = np.uint64(0xFF)
Marks = npt.NDArray[np.bool_]


def union(rows: Rows, owner: Index) -> tuple[Rows, Index]:
    """Distinct scans, sorted by (owner, at, activity, id), and their owners."""
    order = distinct(rows, owner)
    return rows.take(order), owner[order]


def distinct(rows: Rows, owner: Index) -> Index:
    """Positions of the distinct scans, in order.

    `owner`: number of the waybill (or parcel) of each row; scans of different owners never meet.
    """
    owner = owner.astype(np.int64, copy=False)
    sizes = np.bincount(owner) if len(owner) else owner
    if sizes.max(initial=0) <= FEW:
        order = np.empty(len(rows), np.int64)
        kept: Index = order[: _distinct(order, np.cumsum(sizes), owner, _words(rows), WEIGHTS)]
        return kept
    later = _later_copies(rows, owner)
    if not later.any():
        return in_order(rows, owner)
    keep = np.flatnonzero(~later)
    return keep[in_order(rows.take(keep), owner[keep])]


@compiled
def _told(words: Words, row: int, weights: Words) -> np.uint64:
    """A hash of all that a row says."""
    told = np.uint64(0)
    for word in range(len(weights)):
        told += words[row, word] * weights[word]
    return spread(told)


@compiled
def _distinct(  # noqa: C901  # one loop without calls that take arrays, as in schemas.skim
    order: Index, ends: Index, owner: Index, words: Words, weights: Words
) -> int:
    """Fill in the positions, owner by owner, each row put behind the last that is not later; gives their number."""
    for row in range(len(owner) - 1, -1, -1):
        ends[owner[row]] -= 1
        order[ends[owner[row]]] = row  # from here on `ends` are beginnings
    at = begin = 0
    for place in range(len(owner)):
        row = order[place]
        if place == 0 or owner[row] != owner[order[at - 1]]:
            begin = at
        spot = begin
        while spot < at and words[order[spot], ID] != words[row, ID]:
            spot += 1
        if spot < at:
            known = order[spot]
            mine, theirs = np.int64(words[row, RECEIVED]), np.int64(words[known, RECEIVED])
            if mine > theirs or (mine == theirs and _told(words, row, weights) >= _told(words, known, weights)):
                continue  # copies received at one instant are few: what the calls cost does not count
            at -= 1
            for later in range(spot, at):
                order[later] = order[later + 1]
        spot = at
        while spot > begin:
            other = order[spot - 1]
            mine, theirs = np.int64(words[row, AT]), np.int64(words[other, AT])
            if mine == theirs:
                kind, act = words[other, ACT] >> ACT_SHIFT & ACT_BITS, words[row, ACT] >> ACT_SHIFT & ACT_BITS
                if act > kind or (act == kind and words[row, ID] > words[other, ID]):
                    break
            elif mine > theirs:
                break
            order[spot] = other
            spot -= 1
        order[spot] = row
        at += 1
    return at


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
    ranked = suspects[np.argsort(ids[suspects], kind="stable")]
    same = ids[ranked[1:]] == ids[ranked[:-1]]
    if not same.any():
        return drop
    copies = ranked[np.append(same, False) | np.append(False, same)]
    told = content(rows.take(copies))
    ranked = copies[np.lexsort((told, rows["received"][copies], ids[copies]))]
    drop[ranked[1:][ids[ranked[1:]] == ids[ranked[:-1]]]] = True
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


def content(rows: Rows) -> Words:
    """A hash of all a scan says: of copies received at the same instant the smallest stays."""
    found = np.empty(len(rows), np.uint64)
    _content(found, _words(rows), WEIGHTS)
    return found


def _words(rows: Rows) -> Words:
    words: Words = np.ascontiguousarray(rows).view("<u8").reshape(-1, SCAN.itemsize // 8)
    return words


@compiled
def _content(found: Words, words: Words, weights: Words) -> None:
    for row in range(len(found)):
        found[row] = _told(words, row, weights)


def knowledge(rows: Rows) -> Index:
    """How much each scan tells: more the earlier it was received, so that union only ever adds."""
    early = RECEIVED_BEFORE - rows["received"]
    return (early << 6) + 63 - (content(rows) >> np.uint64(58)).astype(np.int64)


def split(rows: Rows, owner: Index, owners: int) -> list[bytes]:
    """The timelines, one bytes value per owner; rows sorted by owner."""
    ends = (np.cumsum(np.bincount(owner, minlength=owners)) * SCAN.itemsize).tolist()
    blob = rows.tobytes()
    return [blob[start:end] for start, end in zip([0, *ends], ends, strict=False)]
