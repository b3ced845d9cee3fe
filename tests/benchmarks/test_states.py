"""The comparison of final states sees every kind of difference and says where it is."""

import pytest

from benchmarks.peers.states import OtherState, compare, oracle
from benchmarks.stream import stream

LIVES = oracle(stream(160, "eights"))


def test_the_same_states_are_counted() -> None:
    assert compare("flink", dict(reversed(LIVES.items())), LIVES) == 20


def test_a_state_that_differs_is_named_with_its_peer_and_key() -> None:
    key = b"sf:SF000000000007"
    with pytest.raises(OtherState, match="flink: 1 keys end in another state, the first is sf:SF000000000007"):
        compare("flink", LIVES | {key: LIVES[key][:-1] + b"?"}, LIVES)


def test_a_missing_key_and_one_too_many_differ() -> None:
    less = {key: life for key, life in LIVES.items() if key != b"sf:SF000000000003"}
    with pytest.raises(OtherState, match="SF000000000003: found none"):
        compare("quix", less, LIVES)
    with pytest.raises(OtherState, match="expected none"):
        compare("quix", LIVES, less)


def test_nothing_is_no_sameness() -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        compare("quix", {}, {})
