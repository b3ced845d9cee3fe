"""Many byte strings in one buffer, none of them an object of its own until somebody asks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.compiled import compiled, copy

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
Span = tuple[Bytes, Longs, Longs]
NULL: Final = -1
"""The size of what is not there; Kafka's own mark."""


@dataclass(frozen=True, eq=False)
class Blobs(Sequence[bytes | None]):
    """`sizes[i]` bytes of `data` from `starts[i]` on; of size NULL: None. Gaps, overlaps and any order are fine."""

    data: Bytes
    starts: Longs
    sizes: Longs

    @classmethod
    def of(cls, values: "Sequence[bytes | None] | pa.Array | Blobs") -> Self:
        """Byte strings, or a binary or string column, whose bytes are not copied."""
        if isinstance(values, cls):
            return values
        if isinstance(values, list) and None not in values:
            return cls(*_side_by_side(values))
        column = values if isinstance(values, pa.Array) else pa.array(values, pa.large_binary())
        wide = pa.types.is_large_binary(column.type) or pa.types.is_large_string(column.type)
        _, offsets, data = column.buffers()
        ends = np.frombuffer(offsets, np.int64 if wide else np.int32) if offsets else np.zeros(1, np.int64)
        ends = ends[column.offset : column.offset + len(column) + 1].astype(np.int64)
        sizes = np.diff(ends)
        if column.null_count:
            sizes[column.is_null().to_numpy(zero_copy_only=False)] = NULL
        return cls(np.frombuffer(data or b"", np.uint8), ends[:-1], sizes)

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, at: int) -> bytes | None: ...
    @overload
    def __getitem__(self, at: slice) -> "Blobs": ...
    def __getitem__(self, at: int | slice) -> "bytes | Blobs | None":
        if isinstance(at, slice):
            return Blobs(self.data, self.starts[at], self.sizes[at])
        start, size = int(self.starts[at]), int(self.sizes[at])
        return None if size == NULL else self.data[start : start + size].tobytes()

    def __iter__(self) -> Iterator[bytes | None]:
        return iter(self.tolist())

    def take(self, at: Longs) -> "Blobs":
        """Those at these positions; no byte is copied."""
        return Blobs(self.data, self.starts[at], self.sizes[at])

    def tolist(self) -> list[bytes | None]:
        """Each as an object of its own."""
        found: list[bytes | None] = self.joined().to_pylist()
        return found

    def joined(self) -> pa.Array:
        """A column of them, side by side: binary, above 2 GiB large_binary."""
        sizes = np.maximum(self.sizes, 0)
        ends = np.append(0, np.cumsum(sizes))
        data = np.empty(ends[-1], np.uint8)
        _join(data, self.data, self.starts, sizes)
        there = self.sizes != NULL
        mask = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
        small = ends[-1] < 1 << 31
        buffers = [mask, pa.py_buffer(ends.astype(np.int32) if small else ends), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.binary() if small else pa.large_binary(), len(self), buffers)

    @property
    def span(self) -> Span:
        """Its parts, for compiled loops."""
        return self.data, self.starts, self.sizes

    @property
    def size(self) -> int:
        """Bytes in all."""
        return int(np.maximum(self.sizes, 0).sum())


def behind(*columns: Sequence[Blobs]) -> list[Blobs]:
    """The parts of each column one behind the other, all columns over one buffer.

    Parts that share a buffer, as keys and values of a fetch do, have it copied once; what is one part is not copied.
    """
    if all(len(column) == 1 for column in columns):
        return [column[0] for column in columns]
    buffers = {id(part.data): part.data for column in columns for part in column}
    begins = dict(zip(buffers, np.cumsum([0, *map(len, buffers.values())]).tolist(), strict=False))
    data = np.concatenate(list(buffers.values()))
    return [
        Blobs(
            data,
            np.concatenate([part.starts + begins[id(part.data)] for part in column]),
            np.concatenate([part.sizes for part in column]),
        )
        for column in columns
    ]


def _side_by_side(values: Sequence[bytes]) -> Span:
    """Arrow would let its buffer grow as it goes: twice the memory, all of it new to the kernel."""
    sizes = np.fromiter(map(len, values), np.int64, len(values))
    return np.frombuffer(b"".join(values), np.uint8), np.cumsum(sizes) - sizes, sizes


Pairs = Sequence[tuple[bytes, bytes | None]]


@dataclass(frozen=True)
class Records:
    """Keys and values side by side, as a topic holds them. A value of None deletes the key."""

    keys: Blobs
    values: Blobs

    @classmethod
    def of(cls, pairs: "Pairs | Records") -> "Self | Records":
        """From pairs of bytes."""
        if isinstance(pairs, Records):
            return pairs
        return cls(Blobs.of([key for key, _ in pairs]), Blobs.of([value for _, value in pairs]))

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[tuple[bytes, bytes | None]]:
        """The pairs, each an object: not for the hot path."""
        return zip(self.keys.tolist(), self.values.tolist(), strict=True)  # type: ignore[arg-type]  # no key is None

    def take(self, at: Longs) -> "Records":
        """Those at these positions; no byte is copied."""
        return Records(self.keys.take(at), self.values.take(at))

    @property
    def size(self) -> int:
        """Bytes of keys and values."""
        return self.keys.size + self.values.size


@compiled
def _join(data: Bytes, source: Bytes, starts: Longs, sizes: Longs) -> None:
    at = 0
    for row in range(len(starts)):
        at = copy(data, at, source, starts[row], sizes[row])
