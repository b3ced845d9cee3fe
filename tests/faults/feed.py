"""What is published: the county's scans again and again under fresh numbers, with bad documents among them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from producers.admission import Admission, Admitted, Bounds, Document
from producers.sources import load_sources
from schemas.reference import load
from tests.chain.running import COUNTY, canonical_lines, expected

FORMAT: Final = "canonical"
NOW: Final = 1_795_000_000_000
"""Epoch ms of no importance, later than every scan."""
BAD: Final = (b"{", b'{"source": "sf"}', b'{"source": "zto", "tracking_number": "?"}', b"[]")
Row = dict[str, Any]


@dataclass(frozen=True)
class Published:
    """A document, and whose ingress topic it goes to."""

    network: str
    payload: bytes


@cache
def _scans() -> list[Row]:
    return [json.loads(line) for line in canonical_lines()]


def copy_of(number: int) -> list[Published]:
    """The county once more under numbers of its own, in order of arrival, and four bad documents."""
    good = [Published(scan["source"], json.dumps(_marked(scan, number)).encode()) for scan in _scans()]
    bad = [Published("sf", payload + b" " * number) for payload in BAD]
    return good + bad


def _marked(scan: Row, number: int) -> Row:
    link = scan["link"] and scan["link"] | {"tracking_number": _mark(scan["link"]["tracking_number"], number)}
    told = scan | {"link": link, "tracking_number": _mark(scan["tracking_number"], number)}
    return {name: value for name, value in told.items() if name not in {"received_at", "source_kind"}}


def _mark(text: str, number: int) -> str:
    return f"K{number}-{text}"


def parcels_of(number: int) -> Iterator[tuple[tuple[str, ...], Row]]:
    """What the county's truth says of a copy."""
    for waybills, parcel in expected().items():
        named = tuple(_waybill(w, number) for w in waybills)
        yield named, parcel | {"waybills": list(named), "shown_by": _waybill(parcel["shown_by"], number)}


def _waybill(waybill: str, number: int) -> str:
    issuer, _, tracking_number = waybill.partition(":")
    return f"{issuer}:{_mark(tracking_number, number)}"


def admitted(documents: list[Published]) -> Admitted:
    """What admission must make of them, by a pure reading."""
    admission = Admission(load(COUNTY), load_sources(), Bounds())
    return admission.admit([Document(d.network, FORMAT, d.payload, NOW) for d in documents])
