"""Hashes that state is made of: stable for ever, the same for any cut of a column."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_jobs.timeline import hashing
from stream_jobs.timeline.hashing import hash_strings, hash_words, short
from tests.core.plain_hash import hashed

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text("ab云", min_size=60, max_size=200)
KNOWN = {
    "": 0x7FC3156171908FDD,
    "sf": 0xDF30693D5CC954C7,
    "china-post": 0x5EBA117187F07940,
    "云岭县寄递物流中心": 0x90FB536FE2D6C944,
    "x" * 100: 0x48D492B11558D576,
}


@pytest.mark.parametrize(("text", "known"), KNOWN.items())
def test_a_hash_is_the_same_in_every_version(text: str, known: int) -> None:
    """State written years ago still meets the scans of today."""
    assert hash_strings(pa.array([text])).tolist() == [known]


@given(st.lists(TEXTS, max_size=20), st.integers(0, 5), st.integers(0, 20), st.booleans())
def test_a_column_hashes_like_its_strings(texts: list[str], start: int, size: int, wide: bool) -> None:  # noqa: FBT001
    """Any slice of a column, of either width, gives what its strings give one by one."""
    column = pa.array(texts, pa.large_string() if wide else pa.string()).slice(min(start, len(texts)), size)
    assert hash_strings(column).tolist() == [hashed(text) for text in column.to_pylist()]


@given(st.lists(st.binary(max_size=90), max_size=10))
def test_bytes_hash_like_text(values: list[bytes]) -> None:
    """Keys are bytes."""
    assert hash_strings(pa.array(values, pa.binary())).tolist() == [hashed(value) for value in values]


def test_a_short_hash_is_never_none() -> None:
    """Zero means that there is no name; no name has it."""
    assert short(np.array([0, 1 << 32, 7], np.uint64)).tolist() == [1, 1, 7]


def test_words_come_back_from_their_hashes() -> None:
    """Each word once, however often it is named."""
    assert sorted(hash_words(["sf", "zto", "sf"]).values()) == ["sf", "zto"]


def test_two_words_of_one_hash_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that cannot be told from another must be changed before it is in any state."""
    few = itertools.repeat(np.uint64(7))
    monkeypatch.setattr(hashing, "hash_strings", lambda column: np.array([next(few) for _ in column], np.uint64))
    with pytest.raises(ValueError, match="rename"):
        hash_words(["sf", "zto"])
