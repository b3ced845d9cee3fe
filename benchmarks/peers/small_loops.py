"""Parcels' lives in one matrix, joined by a compiled loop: our engine's state for the job that the peers do.

A row a parcel, a column a number; keys, and ids from the ninth on, lie in arrays beside it.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.peers.life import FNV_BEGIN, FNV_STEP, MILESTONES
from schemas.blobs import Bytes, Longs, Span
from schemas.compiled import compiled, copy

KINDS: Final = len(MILESTONES)
FIRST: Final = 0
FACILITY: Final = KINDS
AT, KIND, PLACE, REGION, COUNT, MORE, KEY, KEY_SIZE, HASH, STAMP, MASK = range(2 * KINDS, 2 * KINDS + 11)
"""Of the latest scan time, milestone, facility, region; how many ids, and where they lie if more than fit in the row;
where the key lies; its hash; the batch that changed the row last; which milestones there are."""
IDS: Final = MASK + 1
INLINE: Final = 8
WIDTH: Final = IDS + INLINE
ROWS, KEY_BYTES, POOL, CHANGED = range(4)
FREE: Final = -1
BEGIN: Final = np.uint64(FNV_BEGIN)
STEP: Final = np.uint64(FNV_STEP)
Words = npt.NDArray[np.uint64]
Matrix = npt.NDArray[np.int64]


class Arrays(NamedTuple):
    """The state. `used`: rows, bytes of keys, ids in the pool, and rows changed by the batch, so far."""

    slots: Longs
    rows: Matrix
    keys: Bytes
    pool: Words
    used: Longs


class Scans(NamedTuple):
    """Columns of a batch; facilities and regions as positions in `words`."""

    kind: Longs
    at: Longs
    facility: Longs
    region: Longs


@compiled
def fnv(values: Span, found: Words) -> None:
    """The hash of each value."""
    data, starts, sizes = values
    for row in range(len(found)):
        code = BEGIN
        for at in range(starts[row], starts[row] + sizes[row]):
            code = (code ^ np.uint64(data[at])) * STEP
        found[row] = code


@compiled
def index_all(index: Longs, rows: Matrix, many: int) -> None:
    """Fill an empty index with so many rows."""
    last = len(index) - 1
    for row in range(many):
        spot = rows[row, HASH] & last
        while index[spot] != FREE:
            spot = (spot + 1) & last
        index[spot] = row


@compiled
def locate(state: Arrays, keys: Span, hashes: Words, found: Longs) -> None:
    """The row of each key, new ones made; there must be room for all."""
    index, rows, known, _, used = state
    data, starts, sizes = keys
    last = len(index) - 1
    for at in range(len(found)):
        code, start, size = np.int64(hashes[at]), starts[at], sizes[at]
        spot = code & last
        row = index[spot]
        while row != FREE:
            if rows[row, HASH] == code and rows[row, KEY_SIZE] == size:
                begin, same = rows[row, KEY], 0
                while same < size and known[begin + same] == data[start + same]:
                    same += 1
                if same == size:
                    break
            spot = (spot + 1) & last
            row = index[spot]
        if row == FREE:
            row = used[ROWS]
            index[spot] = row
            used[ROWS] += 1
            rows[row, HASH], rows[row, KEY], rows[row, KEY_SIZE] = code, used[KEY_BYTES], size
            rows[row, AT:COUNT] = 0
            rows[row, COUNT] = rows[row, MASK] = 0
            rows[row, STAMP] = -1
            used[KEY_BYTES] = copy(known, used[KEY_BYTES], data, start, size)
        found[at] = row


@compiled
def join_scans(  # one loop: a call that takes arrays counts references, ten times the cost
    state: Arrays, places: Longs, scans: Scans, ranks: tuple[Longs, Longs], stamp: int, changed: Longs
) -> None:
    """Join each scan's time and place into its row; ties go by the ranks of facility and region."""
    _, rows, _, _, used = state
    by_facility, by_region = ranks
    for at in range(len(places)):
        kind, time, facility, region = scans.kind[at], scans.at[at], scans.facility[at], scans.region[at]
        if kind < 0:
            continue
        row, news = places[at], False
        known, place = rows[row, FIRST + kind], rows[row, FACILITY + kind]
        missing = (rows[row, MASK] >> kind) & 1 == 0
        if missing or time < known or (time == known and by_facility[facility] < by_facility[place]):
            rows[row, FIRST + kind], rows[row, FACILITY + kind], news = time, facility, True
        later = rows[row, MASK] == 0 or time > rows[row, AT]
        if not later and time == rows[row, AT]:
            if kind != rows[row, KIND]:
                later = kind > rows[row, KIND]
            elif facility != rows[row, PLACE]:
                later = by_facility[facility] > by_facility[rows[row, PLACE]]
            else:
                later = by_region[region] > by_region[rows[row, REGION]]
        if later:
            rows[row, AT], rows[row, KIND], rows[row, PLACE], rows[row, REGION] = time, kind, facility, region
            news = True
        rows[row, MASK] |= 1 << kind
        if news and rows[row, STAMP] != stamp:
            rows[row, STAMP] = stamp
            changed[used[CHANGED]] = row
            used[CHANGED] += 1


@compiled
def join_ids(  # noqa: C901  # as join_scans
    state: Arrays, places: Longs, ids: Words, begin: int, stamp: int, changed: Longs
) -> int:
    """Join each id into its row (-1: none); the position that the pool has no room for, or the end."""
    _, rows, _, pool, used = state
    for at in range(begin, len(places)):
        row, code, known = places[at], ids[at], False
        if row < 0:
            continue
        many, more = rows[row, COUNT], rows[row, MORE]
        for spot in range(many):
            held = np.uint64(rows[row, IDS + spot]) if many <= INLINE else pool[more + spot]
            if held == code:
                known = True
                break
        if known:
            continue
        if many >= INLINE and many & (many - 1) == 0:  # a power of two: what it has is full
            if used[POOL] + 2 * many > len(pool):
                return at
            for spot in range(many):
                pool[used[POOL] + spot] = np.uint64(rows[row, IDS + spot]) if many == INLINE else pool[more + spot]
            more = rows[row, MORE] = used[POOL]
            used[POOL] += 2 * many
        if many < INLINE:
            rows[row, IDS + many] = np.int64(code)
        else:
            pool[more + many] = code
        rows[row, COUNT] = many + 1
        if rows[row, STAMP] != stamp:
            rows[row, STAMP] = stamp
            changed[used[CHANGED]] = row
            used[CHANGED] += 1
    return len(places)


@compiled
def measure(rows: Matrix, some: Longs, facilities: Longs, regions: Longs, sizes: Longs) -> None:
    """Bytes that the value of each row takes; `facilities`, `regions`: sizes of the words."""
    for at in range(len(some)):
        row = some[at]
        size = 3 + 9 + 1 + facilities[rows[row, PLACE]] + 1 + regions[rows[row, REGION]] + 8 * rows[row, COUNT]
        for kind in range(KINDS):
            if (rows[row, MASK] >> kind) & 1:
                size += 9 + facilities[rows[row, FACILITY + kind]]
        sizes[at] = size


@compiled
def write_all(state: Arrays, some: Longs, facilities: Span, regions: Span, into: Bytes, starts: Longs) -> None:
    """The value of each row (`benchmarks.peers.life.encoded`), from its start on."""
    _, rows, _, pool, _ = state
    for at in range(len(some)):
        row, to = some[at], starts[at]
        many = rows[row, COUNT]
        into[to], into[to + 1], into[to + 2] = many >> 8, many & 255, rows[row, MASK]
        to += 3
        for kind in range(KINDS):
            if (rows[row, MASK] >> kind) & 1:
                to = _put_text(
                    into, _put_long(into, to, rows[row, FIRST + kind]), facilities, rows[row, FACILITY + kind]
                )
        to = _put_long(into, to, rows[row, AT])
        into[to] = rows[row, KIND]
        to = _put_text(into, to + 1, facilities, rows[row, PLACE])
        to = _put_text(into, to, regions, rows[row, REGION])
        for spot in range(many):
            code = np.uint64(rows[row, IDS + spot]) if many <= INLINE else pool[rows[row, MORE] + spot]
            to = _put_bits(into, to, code)


@compiled
def _put_long(into: Bytes, to: int, number: int) -> int:
    return _put_bits(into, to, np.uint64(number))


@compiled
def _put_bits(into: Bytes, to: int, word: np.uint64) -> int:
    for at in range(8):
        into[to + at] = np.uint8(word >> np.uint64(56 - 8 * at) & np.uint64(255))
    return to + 8


@compiled
def _put_text(into: Bytes, to: int, words: Span, number: int) -> int:
    data, starts, sizes = words
    into[to] = sizes[number]
    return copy(into, to + 1, data, starts[number], sizes[number])
