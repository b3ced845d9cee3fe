"""Kafka's record batches (message format 2) as whole buffers: where each record's key and value lie, and back.

RecordBatch: base offset i8, length i4, leader epoch i4, magic i1, crc u4 (of all behind it), attributes i2,
last offset delta i4, first and last timestamp i8, producer id i8, epoch i2, base sequence i4, count i4, records.
Record: length, attributes i1, timestamp delta, offset delta, key, value, count of headers, headers; the numbers
and lengths as varints.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.blobs import Blobs, Bytes, Longs, Span
from schemas.compiled import compiled, copy
from schemas.varint import BROKEN, read, width, write

MOST_BESIDE: Final = 40
"""Bytes of a record beside key and value, at most: three varints of 32 bits, one of 64, three of one byte."""
OFFSET, KEY, KEY_SIZE, VALUE, VALUE_SIZE, STAMP = range(6)
PLACES: Final = 6
Places = npt.NDArray[np.int64]
"""[record, 6]: its offset, where in the data key and value start and how long they are, -1 for none, and its time."""


@compiled
def walk(data: Bytes, at: int, end: int, base_offset: int, base_stamp: int, places: Places) -> bool:
    """Fill `places` with the records from `at` to `end`; whether they were so many and whole."""
    for row in range(len(places)):
        length, at = read(data, at, end)
        if at == BROKEN or length < 1 or at + length > end:
            return False
        stop, at = at + length, at + 1
        stamp, at = read(data, at, stop)
        if at == BROKEN:
            return False
        places[row, STAMP] = base_stamp + stamp
        places[row, OFFSET], at = read(data, at, stop)
        places[row, OFFSET] += base_offset
        for part in (KEY, VALUE):
            if at == BROKEN:
                return False
            size, at = read(data, at, stop)
            if at == BROKEN or size < -1 or at + size > stop:
                return False
            places[row, part], places[row, part + 1] = at, size
            at += max(size, 0)
        at = stop
    return at == end


@compiled
def fitting(key_sizes: Longs, value_sizes: Longs, first: int, limit: int) -> int:
    """How many records from `first` on fit into a batch of `limit` bytes; one at least."""
    size, row = 0, first
    while row < len(key_sizes):
        size += MOST_BESIDE + max(key_sizes[row], 0) + max(value_sizes[row], 0)
        if size > limit and row > first:
            break
        row += 1
    return row - first


@compiled
def fill(data: Bytes, keys: Span, values: Span) -> int:
    """Write records, their offsets counted from 0; gives the bytes written."""
    at, (_, _, key_sizes), (_, _, value_sizes) = 0, keys, values
    for row in range(len(key_sizes)):
        body = 3 + width(row) + width(key_sizes[row]) + width(value_sizes[row])
        body += max(key_sizes[row], 0) + max(value_sizes[row], 0)
        at = write(data, at, body)
        data[at] = data[at + 1] = 0
        at = write(data, at + 2, row)
        at = _put(data, _put(data, at, keys, row), values, row)
        data[at] = 0
        at += 1
    return at


@compiled
def _put(data: Bytes, at: int, blobs: Span, row: int) -> int:
    source, starts, sizes = blobs
    return copy(data, write(data, at, sizes[row]), source, starts[row], max(sizes[row], 0))


def parted(data: Bytes, places: Places) -> tuple[Blobs, Blobs]:
    """Keys and values."""
    return (
        Blobs(data, places[:, KEY], places[:, KEY_SIZE]),
        Blobs(data, places[:, VALUE], places[:, VALUE_SIZE]),
    )


def headers(data: Bytes, at: int) -> dict[str, bytes | None]:
    """Those that begin at a position; of two by one name the last. A broker has seen that they are whole."""
    many, at = read(data, at, len(data))
    found: dict[str, bytes | None] = {}
    for _ in range(many):
        name, at = _bytes(data, at)
        found[(name or b"").decode(errors="replace")], at = _bytes(data, at)
    return found


def _bytes(data: Bytes, at: int) -> tuple[bytes | None, int]:
    size, at = read(data, at, len(data))
    if at == BROKEN or at + size > len(data):
        raise ValueError("a header that runs past the end of its record batch")
    return (None, at) if size < 0 else (data[at : at + size].tobytes(), at + size)
