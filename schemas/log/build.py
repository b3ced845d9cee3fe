"""Record batches made from columns of keys and values, ready to be sent."""

import struct
from collections.abc import Callable, Iterator
from functools import partial
from time import time_ns
from typing import Final

import crc32c
import numpy as np
from aiokafka import codec
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.blobs import Blobs, Bytes, Records
from schemas.log.records import MOST_BESIDE, fill, fitting
from schemas.log.whole import CHECKED_FROM, FORMAT, HEAD, LENGTH_END

Pack = Callable[[bytes], bytes]
MESSAGE_LIMIT: Final = 1_048_588
"""Kafka's default `message.max.bytes`: the largest record batch a broker takes."""
BATCH_BYTES: Final = 960_000
"""Below the limit, with room for a batch's head."""
NO_EPOCH = NO_PRODUCER = NO_SEQUENCE = -1
CRC: Final = struct.Struct(">I")
PACK: Final[dict[str | None, tuple[int, Pack | None]]] = {
    None: (0, None),
    "gzip": (1, codec.gzip_encode),
    "snappy": (2, codec.snappy_encode),
    "lz4": (3, partial(codec.lz4_encode, level=1)),  # 9, its default, takes four times as long for a tenth less
    "zstd": (4, codec.zstd_encode),
}


class RecordTooLarge(Exception):  # it says what is wrong
    """One record alone exceeds what a broker takes."""


class BuiltBatch(BatchBuilder):  # type: ignore[misc]  # aiokafka has no types
    """A record batch that is complete, as aiokafka's producer takes it."""

    def __init__(self, count: int, data: memoryview) -> None:
        self._relative_offset, self._buffer, self._closed = count, data, True


def built(records: Records, compression: str | None = None) -> Iterator[BuiltBatch]:
    """Record batches below the broker's limit, in order; raises RecordTooLarge."""
    first, now = 0, time_ns() // 1_000_000
    while first < len(records):
        count = fitting(records.keys.sizes, records.values.sizes, first, BATCH_BYTES)
        part = slice(first, first + count)
        yield _batch(records.keys[part], records.values[part], compression, now)
        first += count


def _batch(keys: Blobs, values: Blobs, compression: str | None, now: int) -> BuiltBatch:
    data = np.empty(HEAD.size + keys.size + values.size + MOST_BESIDE * len(keys), np.uint8)
    size = HEAD.size + fill(data[HEAD.size :], keys.span, values.span)
    if size > MESSAGE_LIMIT:
        raise RecordTooLarge(f"{size} bytes, brokers take {MESSAGE_LIMIT}")
    attributes, pack = PACK[compression]
    whole = data[:size].data if pack is None else _packed(data[HEAD.size : size], pack)
    told = (FORMAT, 0, attributes, len(keys) - 1, now, now, NO_PRODUCER, NO_EPOCH, NO_SEQUENCE, len(keys))
    HEAD.pack_into(whole, 0, 0, len(whole) - LENGTH_END, NO_EPOCH, *told)
    CRC.pack_into(whole, CHECKED_FROM - CRC.size, crc32c.crc32c(whole[CHECKED_FROM:]))
    return BuiltBatch(len(keys), whole)


def _packed(records: Bytes, pack: Pack) -> memoryview:
    return memoryview(bytearray(bytes(HEAD.size) + pack(records.tobytes())))
