"""Stable 64-bit hashes of whole string columns: the same in every process, version and machine.

polars', numba's and Python's own hashes are not, so state cannot hold them. Strings are read as
little-endian 8-byte words, each folded in by multiply and shift (after the finaliser of MurmurHash3).
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.compiled import compiled
from stream_jobs.timeline.record import Words

STEP: Final = np.uint64(0x9E3779B97F4A7C15)
MIX: Final = np.uint64(0xFF51AFD7ED558CCD)
SHIFT: Final = np.uint64(32)
LOW: Final = np.uint64(0xFFFFFFFF)


def mix(words: Words) -> Words:
    """Spread every bit of each word over all of it."""
    words = (words ^ (words >> SHIFT)) * MIX
    return words ^ (words >> SHIFT)


@compiled
def spread(word: np.uint64) -> np.uint64:
    """The same of one word, for compiled loops."""
    word = (word ^ (word >> SHIFT)) * MIX
    return word ^ (word >> SHIFT)


def hash_strings(column: pa.Array) -> Words:
    """One hash per string of a string or binary array without nulls."""
    offsets, data = _buffers(column)
    starts, lengths = offsets[:-1], np.diff(offsets)
    hashes = mix(lengths.astype(np.uint64) + STEP)
    for at in range(0, int(lengths.max(initial=0)), 8):
        rows = np.flatnonzero(lengths > at)
        left = np.minimum(lengths[rows] - at, 8)
        hashes[rows] = mix((hashes[rows] + STEP) ^ _words(data, starts[rows] + at, left))
    return hashes


def hash_words(words: Iterable[str]) -> dict[int, str]:
    """Hash to word, 32 bits; raises ValueError where two words share one."""
    known = list(dict.fromkeys(words))
    found = dict(zip(short(hash_strings(pa.array(known, pa.string()))).tolist(), known, strict=True))
    if len(found) != len(known):
        raise ValueError("two names share one 32-bit hash; rename one of them")
    return found


def short(hashes: Words) -> npt.NDArray[np.uint32]:
    """The low half; never 0, which means none."""
    return np.maximum(hashes & LOW, np.uint64(1)).astype(np.uint32)


def _buffers(column: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    _, offsets, data = column.buffers()
    kind = np.int64 if wide else np.int32
    ends = np.frombuffer(offsets, kind)[column.offset : column.offset + len(column) + 1]
    text = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    # eight spare bytes, so that a word read at the last byte stays inside
    return ends.astype(np.int64), np.concatenate([text[: int(ends[-1])], np.zeros(8, np.uint8)])


def _words(data: npt.NDArray[np.uint8], at: npt.NDArray[np.int64], left: npt.NDArray[np.int64]) -> Words:
    windows = np.lib.stride_tricks.as_strided(data, (len(data) - 7, 8), (1, 1), writeable=False)
    words = windows[at].view("<u8").ravel()
    spare = ((8 - left) * 8).astype(np.uint64)
    return (words << spare) >> spare
