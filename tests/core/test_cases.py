"""The small cases of tests/data/cases.json, one rule each."""

from typing import Any

import pytest

from tests.core.samples import ALWAYS, CASES, expected, small, told
from tests.core.world import Delivery, run


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_a_case_gives_its_answer(case: dict[str, Any], batch: int) -> None:
    """However its scans are cut into batches, a case has the parcels written beside it."""
    want = expected(case["parcels"])
    found = run([ALWAYS | scan for scan in case["scans"]], small(case["as_of"]), Delivery(batch, 2, seed=1))
    assert [p["waybills"] for p in found] == [p["waybills"] for p in want]
    assert told(found, want) == want


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_a_case_read_backwards_gives_its_answer(case: dict[str, Any]) -> None:
    """The order of arrival changes nothing, nor does a restart after every scan."""
    want = expected(case["parcels"])
    scans = [ALWAYS | scan for scan in reversed(case["scans"])]
    found = run(scans, small(case["as_of"]), Delivery(1, 3, seed=2, restart=True))
    assert told(found, want) == want
