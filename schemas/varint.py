"""Numbers as Kafka and Avro write them: zig-zag, seven bits a byte, the lowest first."""

from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.compiled import compiled

Bytes = npt.NDArray[np.uint8]
LAST_SHIFT: Final = np.uint64(63)
"""Of the tenth byte, of which one bit is left."""
MORE: Final = 0x80
"""The bit of a byte that another one follows."""
BROKEN: Final = -1
"""A position: the number runs past the end, or over ten bytes."""


@compiled
def read(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The number at a position, and the position behind it; BROKEN where there is none."""
    if at < end and data[at] < MORE:  # nearly all of them
        short: int = np.int64(data[at] >> 1) ^ -np.int64(data[at] & 1)  # type: ignore[assignment]  # one to numba
        return short, at + 1
    word, shift = np.uint64(0), np.uint64(0)
    while at < end and shift < np.uint64(70):
        byte = np.uint64(data[at])
        at += 1
        if shift == LAST_SHIFT and byte > np.uint64(1):
            return 0, BROKEN
        word |= (byte & np.uint64(0x7F)) << shift
        if byte < np.uint64(0x80):
            number: int = np.int64(word >> np.uint64(1)) ^ -np.int64(word & np.uint64(1))  # type: ignore[assignment]  # one to numba
            return number, at
        shift += np.uint64(7)
    return 0, BROKEN


@compiled
def write(data: Bytes, at: int, number: int) -> int:
    """Write a number; the position behind it. There must be room for ten bytes."""
    word = np.uint64((number << 1) ^ (number >> 63))
    while word >= np.uint64(0x80):
        data[at] = np.uint8(word & np.uint64(0x7F)) | np.uint8(0x80)
        word >>= np.uint64(7)
        at += 1
    data[at] = np.uint8(word)
    return at + 1


@compiled
def width(number: int) -> int:
    """Bytes that `write` takes."""
    word, size = np.uint64((number << 1) ^ (number >> 63)), 1
    while word >= np.uint64(0x80):
        word >>= np.uint64(7)
        size += 1
    return size
