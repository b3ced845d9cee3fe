"""Editions of targets: a load changes the future, a recompute the past, and both stay on record."""

import random

import pytest

from schemas import editions
from schemas.contracts import contracts
from schemas.reference import Reference, Target
from schemas.registry import register_all, registry
from schemas.targets import EVER, Edition, in_force
from schemas.wire import Codec

DAY = Target("county", "STANDARD", "ANY", "24")
HALF = Target("county", "STANDARD", "ANY", "12", "sf", "2026-03-01")


@pytest.fixture
def codec() -> Codec:
    known = registry("mock://editions")
    register_all(known)
    return contracts(known).targets


def test_the_first_load_holds_for_ever_and_the_next_from_its_moment() -> None:
    """The same files again are nothing to record."""
    first = editions.load((), Reference(targets=(DAY,), holidays=("2026-02-17",)), 1000, "li")
    assert first == Edition(EVER, 1000, "li", "LOAD", (DAY,), ("2026-02-17",))
    assert editions.load((first,), Reference(targets=(DAY,), holidays=("2026-02-17",)), 2000, "wu") is None

    second = editions.load((first,), Reference(targets=(DAY, HALF)), 2000, "wu")
    assert second == Edition(2000, 2000, "wu", "LOAD", (DAY, HALF), ())
    assert in_force((second, first)) == (first, second)


def test_a_recompute_takes_the_past_over_from_its_day_on() -> None:
    """What was in force before that day stays; what was recorded in between does not."""
    first = Edition(EVER, 1000, "li", "LOAD", (DAY,), ())
    second = Edition(5000, 5000, "wu", "LOAD", (HALF,), ())
    anew = editions.recompute((first, second), 3000, 6000, "wu")

    assert anew == Edition(3000, 6000, "wu", "RECOMPUTE", (HALF,), ())
    assert in_force((anew, second, first)) == (first, anew)
    assert in_force((Edition(EVER, 7000, "li", "RECOMPUTE", (DAY,), ()), anew, first))[0].recorded_at == 7000


def test_a_recompute_of_nothing_or_of_the_future_is_refused() -> None:
    """It says what to do instead."""
    with pytest.raises(ValueError, match="load them first"):
        editions.recompute((), 1, 2, "li")
    with pytest.raises(ValueError, match="valid_from"):
        editions.recompute((Edition(EVER, 1, "li", "LOAD", (DAY,), ()),), 3, 2, "li")


def test_what_was_published_is_read_in_any_order(codec: Codec) -> None:
    """Copies are one, keys tell editions apart, and every field comes back."""
    known = (
        Edition(EVER, 1000, "li", "LOAD", (DAY, HALF), ("2026-02-17", "2026-02-18")),
        Edition(500, 1000, "wu", "RECOMPUTE", (), ()),
        Edition(-5, 3000, "wu", "RECOMPUTE", (HALF,), ()),
    )
    sent = [editions.publish(edition, codec) for edition in (*known, *known)]
    random.Random(2).shuffle(sent)

    assert editions.read([value for _, value in sent], codec) == known
    assert len(dict(sent)) == 3
