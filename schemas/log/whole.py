"""aiokafka reads a fetch record by record; here it is given each record batch as one record.

So all it does by batch stays its own: checksums, control batches, aborted transactions, positions. Only the records
inside are read here, all at once, and none becomes an object.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import crc32c
import numpy as np
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, UnsupportedVersionError
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import _MemoryRecordsPy

from schemas.blobs import Bytes
from schemas.log.records import PLACES, STAMP, Places, walk

HEAD: Final = struct.Struct(">qiibIhiqqqhii")
LENGTH_AT, LENGTH_END, CHECKED_FROM = 8, 12, 21
FORMAT: Final = 2
"""Of messages; Kafka has written no other since 0.11 and reads no other since 4.0."""
CODEC_BITS, APPENDED, TRANSACTIONAL, CONTROL = 7, 8, 16, 32
UNPACK: Final = {1: codec.gzip_decode, 2: codec.snappy_decode, 3: codec.lz4_decode, 4: codec.zstd_decode}


class WholeBatch:
    """A record batch, and the only record in it: what aiokafka asks of either."""

    key = timestamp = timestamp_type = checksum = None
    headers = ()

    def __init__(self, data: memoryview, at: int = 0) -> None:
        base, _, _, magic, crc, attributes, last, first_at, last_at, producer, _, _, count = HEAD.unpack_from(data)
        if magic != FORMAT:
            raise UnsupportedVersionError(f"messages of format {magic}; write the topic anew with a client of this age")
        self.base_offset, self.offset, self.next_offset = base, base + last, base + last + 1
        self.producer_id = producer
        self.begins_at = first_at
        self.appended_at = last_at if attributes & APPENDED else None
        self.is_transactional, self.is_control_batch = bool(attributes & TRANSACTIONAL), bool(attributes & CONTROL)
        self._crc, self._packing, self._count, self._data = crc, attributes & CODEC_BITS, count, data
        self.source: Any = None if self._packing else data.obj
        """The buffer that its records lie in, if they are not packed."""
        self.lies = at + HEAD.size, at + len(data)
        """From where to where in it they lie; the record batch itself begins `at`."""

    def validate_crc(self) -> bool:
        """Whether the bytes are those that were sent."""
        return bool(crc32c.crc32c(self._data[CHECKED_FROM:]) == self._crc)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator["WholeBatch"]:
        """Itself, unless compaction has left nothing of it."""
        return iter((self,) if self._count else ())

    @property
    def value(self) -> "WholeBatch":
        """Of the record that it is."""
        return self

    def records(self) -> Bytes:
        """The bytes of its records, unpacked."""
        packed = self._data[HEAD.size :]
        return np.frombuffer(UNPACK[self._packing](bytes(packed)) if self._packing else packed, np.uint8)


class WholeBatches:
    """What was fetched of a partition, in the place of aiokafka's MemoryRecords."""

    def __init__(self, fetched: bytes) -> None:
        self._left = list(_cut(memoryview(fetched)))[::-1]

    def has_next(self) -> bool:
        """Whether a whole record batch is left; a fetch may end in the middle of one."""
        return bool(self._left)

    def next_batch(self) -> "WholeBatch | DefaultRecordBatch":
        """The next one; of the broker's markers aiokafka reads the record."""
        data, at = self._left.pop()
        batch = WholeBatch(data, at)
        return DefaultRecordBatch(data) if batch.is_control_batch else batch


def _cut(data: memoryview) -> Iterator[tuple[memoryview, int]]:
    at = 0
    while len(data) - at >= HEAD.size:
        end = at + LENGTH_END + int.from_bytes(data[at + LENGTH_AT : at + LENGTH_END])
        if end > len(data):
            return
        yield data[at:end], at
        at = end


def keep_bytes() -> None:
    """Let aiokafka use its MemoryRecords in Python, which does by record batch what the compiled one does.

    The compiled one hides the bytes it was given.
    """
    fetcher.MemoryRecords = _MemoryRecordsPy


def make_whole(partition_records: Any) -> None:  # noqa: ANN401  # aiokafka's PartitionRecords
    """Let what was fetched of a partition, and not yet read, be read by whole batches."""
    fetched = partition_records._records  # noqa: SLF001
    if isinstance(fetched, _MemoryRecordsPy):
        partition_records._records = WholeBatches(fetched._buffer)  # noqa: SLF001


def placed(batches: Sequence[WholeBatch]) -> tuple[Bytes, Places]:
    """All records of successive batches, in one buffer."""
    data, spans = _side_by_side(batches)
    places = np.empty((sum(map(len, batches)), PLACES), np.int64)
    row = 0
    for batch, (at, end) in zip(batches, spans, strict=True):
        some = places[row : row + len(batch)]
        if not walk(data, at, end, batch.base_offset, batch.begins_at, some):
            raise CorruptRecordException(
                f"the record batch at offset {batch.base_offset} is none: {len(batch)} records"
            )
        if batch.appended_at is not None:
            some[:, STAMP] = batch.appended_at
        row += len(batch)
    return data, places


def _side_by_side(batches: Sequence[WholeBatch]) -> tuple[Bytes, list[tuple[int, int]]]:
    """One buffer and where in it the records of each lie: as they were fetched, if none is packed."""
    source = batches[0].source
    if source is not None and all(batch.source is source for batch in batches):
        return np.frombuffer(source, np.uint8), [batch.lies for batch in batches]
    parts = [batch.records() for batch in batches]
    ends = np.cumsum([0, *map(len, parts)]).tolist()
    return np.concatenate(parts), list(pairwise(ends))
