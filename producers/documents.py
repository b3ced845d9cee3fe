"""One document of a network: its bytes, read strictly, and the scans it holds."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from producers.mapping import DocumentShape, look
from schemas.dead_letter import Reason, Refusal

LARGEST: Final = 1 << 20
"""Bytes of a document, its line end not counted."""
DEEPEST: Final = 64
"""Levels of nesting; the networks' documents have five."""


@dataclass(frozen=True)
class Document:
    """What a network published: `network` is whose ingress topic it came by, `format` the source that reads it."""

    network: str
    format: str
    payload: bytes
    received_at: int
    topic: str = ""
    partition: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Opened:
    """A document as JSON, and the scans it holds."""

    whole: object
    scans: list[Any]


def open_document(payload: bytes, shape: DocumentShape) -> Opened:
    """Read a document; raises Refusal (position -1) for a fault in it as a whole."""
    if len(payload) > LARGEST:
        raise Refusal(Reason.TOO_LARGE, "", f"{len(payload)} bytes; a document has at most {LARGEST}")
    whole = _read(payload, "")
    if shape.text is not None:
        text = look(whole, (shape.text,))
        if not isinstance(text, str):
            raise Refusal(Reason.BAD_SHAPE, shape.text, f"a JSON text is expected, found {_kind(text)}")
        whole = _read(text.encode(), shape.text)
    return Opened(whole, _scans(whole, shape))


def _read(payload: bytes, field: str) -> object:
    try:
        whole: object = orjson.loads(payload)
    except orjson.JSONDecodeError as cause:
        raise Refusal(Reason.UNREADABLE, field, f"not JSON: {cause}"[:200]) from cause
    if _deeper(whole, DEEPEST):
        raise Refusal(Reason.UNREADABLE, field, f"nested deeper than {DEEPEST} levels")
    return whole


def _deeper(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper(item, levels - 1) for item in inner if isinstance(item, (dict, list)))


def _scans(whole: object, shape: DocumentShape) -> list[Any]:
    if shape.scans is None:
        if not isinstance(whole, dict):
            raise Refusal(Reason.BAD_SHAPE, "", f"an object is expected, found {_kind(whole)}")
        return [whole]
    found = whole if shape.scans == "." else look(whole, tuple(shape.scans.split(".")))
    if not isinstance(found, list) or not found:
        raise Refusal(Reason.BAD_SHAPE, shape.scans, f"a list of scans is expected, found {_kind(found)}")
    return found


def _kind(value: object) -> str:
    if value is None or value == []:
        return "nothing" if value is None else "an empty list"
    return {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}.get(type(value), "a number")
