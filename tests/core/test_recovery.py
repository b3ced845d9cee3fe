"""A changelog is joined in batches; how it was cut, and in which order it came, changes nothing."""

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.recovery import measure
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.state import Timelines
from tests.core.small_worlds import world
from tests.core.test_identity import DIGITS
from tests.core.test_leaving import EAGER, Leaving

SEVERAL = settings(settings.get_profile("worlds"), max_examples=300)
TIGHT = replace(EAGER, scans_per_waybill=3)


def _joined(batches: list[list[tuple[bytes, bytes | None]]], limits: Limits) -> tuple[object, ...]:
    """All that a state has, once these record batches are in it."""
    state = Timelines(limits)
    for batch in batches:
        state.apply(batch)
    known = {w: (k.profiles, k.timelines, k.stated, k.channels, k.lives, k.offset) for w, k in state.known.items()}
    return state.own, state.turns, state.left, known


@SEVERAL
@given(st.lists(DIGITS, min_size=1, max_size=14), st.sampled_from([EAGER, TIGHT]), st.integers(0, 1 << 32))
def test_a_changelog_joined_at_once_gives_the_state_of_one_joined_record_by_record(
    numbers: list[int], limits: Limits, seed: int
) -> None:
    """Repeated numbers, linked ones, those that left and came back, full ones: in any order, some twice."""
    chance = random.Random(seed)
    run = Leaving(1, chance, limits=limits, restarts=False)
    for scan in world(numbers):
        run.take([scan])
        run.deliver(chance.random())
    written = list(run.logs[0])
    records = chance.sample(written, len(written)) + chance.choices(written, k=3)
    assert _joined([records], limits) == _joined([[record] for record in records], limits)


def test_all_that_was_written_gives_the_state_that_wrote_it() -> None:
    """Numbers that nobody links, eight records each: what the benchmark measures is right."""
    found = measure(300)
    assert (found["compacted"]["records"], found["all"]["records"]) == (300, 2_400)
