"""The 5 bytes before every Avro value (zero, schema id big-endian), and what is refused by them and by size."""

from collections.abc import Container
from typing import Final

import numpy as np

from schemas.blobs import Blobs, Longs, Span
from schemas.compiled import compiled
from schemas.dead_letter import Reason, Refusal
from schemas.records import Record

SIZE: Final = 5
NO_HEADER: Final = -1


def header(schema_id: int) -> bytes:
    """The 5 bytes."""
    return b"\0" + schema_id.to_bytes(4, "big")


def heads(values: Blobs) -> tuple[Longs, Longs]:
    """Size and schema id of each value; the id is NO_HEADER where the 5 bytes are none."""
    ids = np.empty(len(values), np.int64)
    _ids(ids, values.span)
    return values.sizes, ids


@compiled
def _ids(ids: Longs, values: Span) -> None:
    data, starts, sizes = values
    for row in range(len(ids)):
        ids[row], at = NO_HEADER, starts[row]
        if sizes[row] >= SIZE and data[at] == 0:
            ids[row] = (data[at + 1] << 24) | (data[at + 2] << 16) | (data[at + 3] << 8) | data[at + 4]


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
