"""The county of tests/data/county, as documents and as what became of them."""

import csv
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final

from producers.admission import Admission, Admitted, Bounds, Document
from producers.files import lines
from producers.sources import load_sources
from schemas import reference

COUNTY: Final = Path(__file__).parents[1] / "data" / "county"
CANONICAL: Final = COUNTY / "canonical.ndjson"
RECEIVED_AT: Final = 1_773_576_000_000
"""2026-03-15T12:00:00Z: when documents arrive that a test hands in by itself."""
Scan = dict[str, Any]


@cache
def truth() -> dict[str, Any]:
    """What the county's documents amount to."""
    found: dict[str, Any] = json.loads((COUNTY / "truth.json").read_text("utf-8"))["totals"]
    return found


@cache
def codes() -> list[tuple[str, ...]]:
    """The rows of codes.csv: network, raw code, activity, second activity."""
    with (COUNTY / "codes.csv").open(encoding="utf-8", newline="") as table:
        return [tuple(row) for row in csv.reader(table)][1:]


@cache
def admission() -> Admission:
    """Admission with the county's reference data."""
    return Admission(reference.load(COUNTY), load_sources(), Bounds())


def documents(path: Path) -> list[Document]:
    """The documents of a file or folder, in order of arrival."""
    return [Document(line.network, line.format, line.payload, line.arrived_at or RECEIVED_AT) for line in lines([path])]


@cache
def admitted(path: Path) -> Admitted:
    """What became of them."""
    return admission().admit(documents(path))


def distinct(scans: list[Scan]) -> list[Scan]:
    """Each event once: the same id of the same waybill by the same source is the same event."""
    return list({(s["source"], s["issuer"], s["tracking_number"], s["event_id"]): s for s in scans}.values())


def per_source(scans: list[Scan]) -> dict[str, int]:
    """How many scans each network published."""
    return dict(Counter(str(scan["source"]) for scan in scans))


def take(network: str, payload: bytes | dict[str, Any], form: str | None = None) -> Admitted:
    """Admit one document that came by way of `network`, read by `form` (its own unless told)."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    return admission().admit([Document(network, form or network, raw, RECEIVED_AT, f"ingress.{network}", 2, 41)])


def refused(admitted: Admitted) -> tuple[str, str]:
    """Reason and field of the only letter, where nothing else came out."""
    assert admitted.scans == []
    [letter] = admitted.letters
    return letter["reason"], letter["field"]
