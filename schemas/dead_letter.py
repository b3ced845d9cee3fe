"""Why a document or a scan was not taken: a closed list (design.md section 6, Admission)."""

from dataclasses import dataclass
from enum import StrEnum


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
