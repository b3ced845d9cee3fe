"""Our engine's state for the peers' job, against plain Python."""

import random
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.peers.small_state import SmallState
from benchmarks.peers.states import Lives, of_compiled, oracle
from benchmarks.stream import stream
from producers.whole import keys
from schemas.blobs import Blobs, Records
from tests.benchmarks.small import Scan, columns, scan, scans

MANY_IDS: Final = 70


def lives(state: SmallState) -> Lives:
    """All of a state that scans made, in the canonical form."""
    return canonical(state.written(np.arange(len(state))))


def canonical(records: Records) -> Lives:
    return {key: life for key, life in of_compiled({k: v or b"" for k, v in records}).items() if life[:2] != b"\0\0"}


def joined(state: SmallState, some: list[Scan], at_once: int) -> list[tuple[bytes, bytes | None]]:
    """Join scans, so many a batch; all records of the changelog."""
    written: list[tuple[bytes, bytes | None]] = []
    for at in range(0, len(some), at_once):
        batch = columns(some[at : at + at_once])
        written += state.join(Blobs.of(keys(batch)), batch)
    return written


@settings(deadline=None)  # the first example may compile the loops
@given(scans, st.integers(1, 50))
def test_batches_of_any_size_end_where_plain_python_does(some: list[Scan], at_once: int) -> None:
    """The changelog's newest records say the same as the state itself."""
    state = SmallState()
    written = joined(state, some, at_once)

    assert lives(state) == oracle(columns(some))
    assert of_compiled({key: value or b"" for key, value in written}) == oracle(columns(some))


@settings(deadline=None)  # the first example may compile the loops
@given(scans, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(some: list[Scan], chance: random.Random) -> None:
    """Neither for the oracle nor for the compiled loops."""
    again = [*some, *chance.sample(some, len(some) // 2)]
    chance.shuffle(again)
    state = SmallState()
    joined(state, again, 7)

    assert oracle(columns(again)) == oracle(columns(some)) == lives(state)


@settings(deadline=None)  # the first example may compile the loops
@given(scans, st.randoms(use_true_random=False))
def test_a_state_comes_back_from_its_changelog_in_any_order(some: list[Scan], chance: random.Random) -> None:
    """Also joined a second time; what had come before is written no more."""
    state, back = SmallState(), SmallState()
    written = joined(state, some, 5)
    chance.shuffle(written)
    back.apply(written)
    back.apply(written[: len(written) // 2])

    assert lives(back) == oracle(columns(some))
    assert joined(back, some, 11) == []


def test_more_ids_than_fit_in_a_row_are_kept_once_each() -> None:
    """A parcel scanned again and again outgrows its row, then its place in the pool, more than once."""
    some = [scan(parcel, ("ARRIVED", "HUB"), n, "A", None, n) for n in range(MANY_IDS) for parcel in range(40)] * 2
    state = SmallState()
    joined(state, some, 333)

    assert lives(state) == oracle(columns(some))


def test_a_record_that_is_no_life_is_refused() -> None:
    """So the store stops the worker instead of losing it."""
    (record,) = joined(SmallState(), [scan(1, ("ARRIVED", "HUB"), 1, "A", None, 1)], 1)
    for broken in (b"", (record[1] or b"")[:-1]):
        with pytest.raises(ValueError, match="a life of"):
            SmallState().apply([(record[0], broken)])


def test_the_stream_has_eight_scans_a_parcel_and_some_twice() -> None:
    """Out of order, mixed, the same scans whatever the seed."""
    some, other = stream(8_000, "eights"), stream(8_000, "eights", seed=2)
    assert some.num_rows == 8_160
    assert len(set(some["event_id"].to_pylist())) == 8_000
    assert some["event_id"].to_pylist() != other["event_id"].to_pylist()
    assert oracle(some) == oracle(other)
    assert len(oracle(some)) == 1_000
    ways: dict[str, list[int]] = {}
    for event in some["event_id"].to_pylist():
        parcel, _, number = event.partition("-")
        ways.setdefault(parcel, []).append(int(number))
    assert sum(way != sorted(way) for way in ways.values()) > 100
