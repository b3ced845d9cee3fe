"""The county and the small cases of tests/data, each with the answers it must give."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from schemas import reference
from schemas.reference import Target
from stream_jobs.lifecycle.output import Names
from stream_jobs.lifecycle.targets import plan
from stream_jobs.timeline.hashing import hash_words
from tests.core.shape import FIELDS, Parcel
from tests.core.world import SAMPLE, Areas, Scan, Setting

COUNTY: Final = SAMPLE / "county"
TRUTH: Final[dict[str, Any]] = json.loads((COUNTY / "truth.json").read_text("utf-8"))
CASES: Final[dict[str, Any]] = json.loads((SAMPLE / "cases.json").read_text("utf-8"))
REFERENCE: Final = reference.load(COUNTY)
SCANS: Final[list[Scan]] = [json.loads(line) for line in (COUNTY / "canonical.ndjson").read_bytes().splitlines()]
ALWAYS: Final = {"source_kind": "CARRIER", "time_basis": "GIVEN", "raw_code": "x"}
"""What the small cases leave out."""


def expected(parcels: Sequence[Parcel]) -> list[Parcel]:
    """The fields that follow from the scans, by waybills."""
    return sorted(({name: p[name] for name in FIELDS if name in p} for p in parcels), key=lambda p: p["waybills"])


def told(parcels: Sequence[Parcel], like: Sequence[Parcel]) -> list[Parcel]:
    """Of each answer the fields that the expectation at its place speaks of."""
    return [{k: v for k, v in p.items() if k in want} for p, want in zip(parcels, like, strict=True)]


@cache
def county() -> Setting:
    """The county's reference data at the instant of its truth."""
    return Setting(plan(REFERENCE), Names(hash_words(REFERENCE.networks)), TRUTH["as_of"])


@cache
def areas() -> Areas:
    """The reference data of the small cases."""
    targets = [Target(*row) for row in CASES["reference"]["targets"]]
    return Areas(targets, CASES["reference"]["area_class"], REFERENCE.networks)


@cache
def small(now: int) -> Setting:
    """The same at an instant."""
    return Setting(plan(areas()), Names(hash_words(REFERENCE.networks)), now)
