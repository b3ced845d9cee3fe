"""The county of tests/data: every order, duplication and cut of its scans gives its truth."""

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from tests.core.samples import SCANS, TRUTH, county, expected
from tests.core.world import Delivery, Scan, run

WANT = expected(TRUTH["parcels"])
Order = Callable[[Sequence[Scan]], list[Scan]]


def shuffled(scans: Sequence[Scan]) -> list[Scan]:
    return random.Random(3).sample(scans, len(scans))  # any order


def twice(scans: Sequence[Scan]) -> list[Scan]:
    return [copy for scan in scans for copy in (scan, scan)]


def backwards(scans: Sequence[Scan]) -> list[Scan]:
    return list(reversed(scans))


ORDERS: list[Order] = [list, backwards, shuffled, twice]


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.__name__)
def test_the_county_in_large_batches_gives_its_truth(order: Order, partitions: int) -> None:
    """All parcels are equal in every field, whatever order the scans come in."""
    assert run(order(SCANS), county(), Delivery(5000, partitions)) == WANT


@pytest.mark.parametrize("order", ORDERS[1:3], ids=lambda order: order.__name__)
def test_the_county_in_middling_batches_gives_its_truth(order: Order) -> None:
    """Links learnt one after the other end as links learnt at once."""
    assert run(order(SCANS), county(), Delivery(200, 3)) == WANT


@pytest.mark.parametrize("batch", [1, 7])
def test_the_county_in_small_batches_gives_its_truth(batch: int) -> None:
    """All parcels are equal in every field when scans come a few at a time."""
    assert run(shuffled(SCANS), county(), Delivery(batch, 3)) == WANT


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_restart_after_each_batch_changes_nothing(partitions: int) -> None:
    """State rebuilt from changelog records, shuffled and repeated, goes on as if nothing had happened."""
    assert run(shuffled(SCANS), county(), Delivery(400, partitions, restart=True)) == WANT


def test_the_statuses_of_the_county_add_up() -> None:
    """Parcels per status are those of the truth's totals."""
    found = run(SCANS, county())
    assert Counter(p["status"] for p in found) == TRUTH["totals"]["status"]
    assert len(found) == TRUTH["totals"]["parcels"]
