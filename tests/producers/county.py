"""The county as admission sees it: its documents in order of arrival, and what the truth says of them."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from producers.admission import Admission, Admitted, Bounds, Document
from producers.files import Line, lines
from producers.sources import load_sources
from schemas.reference import Reference, load

COUNTY: Final = Path(__file__).parents[1] / "data" / "county"
CANONICAL: Final = COUNTY / "canonical.ndjson"
RECEIVED_AT: Final = 1_772_800_000_000
"""2026-03-06T12:26:40Z: when documents written in tests came in."""

Scan = dict[str, Any]


@cache
def reference() -> Reference:
    return load(COUNTY)


@cache
def admission() -> Admission:
    return Admission(reference(), load_sources(), Bounds())


@cache
def totals() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((COUNTY / "truth.json").read_text("utf-8"))["totals"]
    return found


def document(network: str, payload: bytes, received_at: int = RECEIVED_AT, form: str | None = None) -> Document:
    return Document(network, form or network, payload, received_at, f"ingress.carrier.{network}", 0, 7)


def admit(network: str, payload: object, form: str | None = None) -> Admitted:
    """Admit one document, given as bytes or as what is to be written as JSON."""
    written = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    return admission().admit([document(network, written, form=form)])


def documents(found: Iterable[Line]) -> list[Document]:
    given = [(line, line.arrived_at) for line in found]
    return [document(line.network, line.payload, at, line.format) for line, at in given if at is not None]


@cache
def native() -> Admitted:
    """All documents of the seven networks, in order of arrival."""
    return admission().admit(documents(lines([COUNTY])))


@cache
def canonical() -> Admitted:
    """The same scans, published as ScanEvents."""
    return admission().admit(documents(lines([CANONICAL])))


def distinct(scans: Iterable[Scan]) -> list[Scan]:
    return list({(s["source"], s["issuer"], s["tracking_number"], s["event_id"]): s for s in scans}.values())
