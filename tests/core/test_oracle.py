"""The oracle itself is held against the truth of the sample before anything is held against it."""

from typing import Any

import pytest

from tests.core.oracle import parcels
from tests.core.oracle_stages import Standard
from tests.core.plain_hash import identity
from tests.core.samples import CASES, REFERENCE, SCANS, TRUTH, expected, told


def test_the_oracle_gives_the_truth_of_the_county() -> None:
    """All parcels, all fields."""
    targets = {(t.stage, t.service, t.area_class): t.target for t in REFERENCE.targets}
    standard = Standard(targets, REFERENCE.area_class_of(), TRUTH["as_of"], TRUTH["risk_share"])
    assert parcels([dict(scan) for scan in SCANS], standard, identity) == expected(TRUTH["parcels"])


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_the_oracle_gives_the_answer_of_each_case(case: dict[str, Any]) -> None:
    """All that a case speaks of."""
    rows = CASES["reference"]["targets"]
    targets = {(stage, service, area): target for stage, service, area, target in rows}
    want = expected(case["parcels"])
    found = parcels(case["scans"], Standard(targets, CASES["reference"]["area_class"], case["as_of"]), identity)
    assert [p["waybills"] for p in found] == [p["waybills"] for p in want]
    assert told(found, want) == want
