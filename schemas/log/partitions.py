"""Which partition a key goes to: murmur2, as Java's, librdkafka's and aiokafka's partitioners have it."""

from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.blobs import Blobs, Longs, Span
from schemas.compiled import compiled

SEED: Final = np.uint32(0x9747B28C)
MIX: Final = np.uint32(0x5BD1E995)
POSITIVE: Final = np.uint32(0x7FFFFFFF)


def partitions_of(keys: Blobs, count: int) -> Longs:
    """The partition of each key, of so many."""
    found = np.empty(len(keys), np.int64)
    _partitions(found, keys.span, np.uint32(count))
    return found


@compiled
def _partitions(found: Longs, keys: Span, count: np.uint32) -> None:
    data, starts, sizes = keys
    for row in range(len(found)):
        start, size = starts[row], max(sizes[row], 0)
        found[row] = (murmur2(data[start : start + size]) & POSITIVE) % count


@compiled
def murmur2(key: npt.NDArray[np.uint8]) -> np.uint32:
    """The hash of one key."""
    size, whole = len(key), len(key) - len(key) % 4
    code = SEED ^ np.uint32(size)
    for at in range(0, whole, 4):
        word = (
            np.uint32(key[at])
            | np.uint32(key[at + 1]) << 8
            | np.uint32(key[at + 2]) << 16
            | np.uint32(key[at + 3]) << 24
        )
        word = np.uint32(word * MIX)
        word = np.uint32((word ^ (word >> np.uint32(24))) * MIX)
        code = np.uint32(code * MIX) ^ word
    if size > whole:
        for at in range(whole, size):
            code ^= np.uint32(key[at]) << np.uint32(8 * (at - whole))
        code = np.uint32(code * MIX)
    code = np.uint32((code ^ (code >> np.uint32(13))) * MIX)
    return code ^ (code >> np.uint32(15))
