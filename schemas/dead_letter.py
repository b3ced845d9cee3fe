"""Why a document or a scan was not taken: a closed list (design.md section 6, Admission)."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b, sha256
from typing import Any, Final

KEPT_BYTES: Final = 2 << 20
"""Bytes of what was refused that its dead letter keeps."""
SHARED_BYTES: Final = 4 << 10
"""The same where another letter of the same document keeps it: `payload_sha256` leads there."""


class Reason(StrEnum):
    """Closed list; the dead letter, the metrics and ClickHouse use these words and no others."""

    TOO_LARGE = "TOO_LARGE"
    UNREADABLE = "UNREADABLE"
    BAD_SHAPE = "BAD_SHAPE"
    BAD_WAYBILL = "BAD_WAYBILL"
    BAD_TIME = "BAD_TIME"
    UNKNOWN_ISSUER = "UNKNOWN_ISSUER"
    SOURCE_MISMATCH = "SOURCE_MISMATCH"
    UNKNOWN_SCHEMA = "UNKNOWN_SCHEMA"
    LIMIT = "LIMIT"


@dataclass(unsafe_hash=True)  # not frozen: contextlib sets __traceback__ on what passes through it
class Refusal(Exception):  # the trade's word; it is raised inside one document and kept as a value
    """Why a document (position -1) or its scan at `position` was refused; `field` as the source names it."""

    reason: Reason
    field: str
    detail: str
    position: int = -1


@dataclass(frozen=True)
class Whence:
    """Where a refused document or record came by; `received_at` in epoch ms."""

    source: str
    topic: str
    partition: int
    offset: int
    received_at: int


def letter(whence: Whence, payload: bytes, refusal: Refusal, position: int, kept: int = KEPT_BYTES) -> dict[str, Any]:
    """A row of dead_letter.avsc. The same bytes of the same source, refused again, are the same letter."""
    identity = f"{whence.source}/{position}/".encode() + payload
    return {
        "letter_id": blake2b(identity, digest_size=8).hexdigest(),
        "source": whence.source,
        "reason": refusal.reason.value,
        "field": refusal.field,
        "detail": refusal.detail,
        "topic": whence.topic,
        "partition": whence.partition,
        "offset": whence.offset,
        "position": position,
        "received_at": whence.received_at,
        "payload": payload[:kept],
        "payload_bytes": len(payload),
        "payload_sha256": sha256(payload).hexdigest(),
    }
