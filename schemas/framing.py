"""The 5 bytes before every Avro value (zero, schema id big-endian), and what is refused by them and by size."""

from collections.abc import Container, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.dead_letter import Reason, Refusal
from schemas.records import Record

SIZE: Final = 5
NO_HEADER: Final = -1

Longs = npt.NDArray[np.int64]


def header(schema_id: int) -> bytes:
    """The 5 bytes."""
    return b"\0" + schema_id.to_bytes(4, "big")


def heads(values: Sequence[bytes]) -> tuple[Longs, Longs]:
    """Size and schema id of each value; the id is NO_HEADER where the 5 bytes are none. No value is copied twice."""
    whole = pa.array(values, pa.large_binary())
    offsets = np.frombuffer(whole.buffers()[1], np.int64, len(values) + 1) if len(values) else np.zeros(1, np.int64)
    sizes, ids = np.diff(offsets), np.full(len(values), NO_HEADER, np.int64)
    long_enough = np.flatnonzero(sizes >= SIZE)
    if len(long_enough):
        every = np.frombuffer(whole.buffers()[2], np.uint8)
        head = every[offsets[long_enough, None] + np.arange(SIZE)]
        found = head[:, 1:].copy().view(">u4").ravel()
        ids[long_enough] = np.where(head[:, 0] == 0, found, NO_HEADER)
    return sizes, ids


def refusal(size: int, schema_id: int, record: Record, allowed: Container[int]) -> Refusal | None:
    """Why a value of this size and id is no `record`, its content unseen."""
    if size > record.limit:
        return too_large(size, record)
    if schema_id == NO_HEADER:
        return unreadable("no header: a zero byte and 4 bytes of schema id")
    if schema_id not in allowed:
        detail = f"schema id {schema_id} is not allowed for {record.name}"
        return Refusal(Reason.UNKNOWN_SCHEMA, "", detail)
    return None


def too_large(size: int, record: Record, position: int = -1) -> Refusal:
    """The refusal of a message above the record's limit."""
    return Refusal(Reason.TOO_LARGE, "", f"{size} bytes; a {record.name} has at most {record.limit}", position)


def unreadable(detail: str) -> Refusal:
    """The refusal of bytes that are no such record."""
    return Refusal(Reason.UNREADABLE, "", detail)
