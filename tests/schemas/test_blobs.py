"""Byte strings in one buffer behave as the list they stand for."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.blobs import Blobs

LISTS = st.lists(st.none() | st.binary(max_size=50), max_size=30)


@settings(deadline=None)  # the first call compiles
@given(LISTS, st.sampled_from([pa.binary(), pa.large_binary(), None]))
def test_they_are_the_list_they_were_made_of(values: list[bytes | None], kind: pa.DataType | None) -> None:
    blobs = Blobs.of(values if kind is None else pa.array(values, kind))
    assert list(blobs) == blobs.tolist() == values
    assert [blobs[number] for number in range(len(blobs))] == values
    assert blobs.size == sum(len(value or b"") for value in values)
    assert blobs.joined().to_pylist() == values


@settings(deadline=None)  # the first call compiles
@given(LISTS, st.integers(0, 30), st.integers(0, 30))
def test_slices_and_columns_that_are_slices(values: list[bytes | None], start: int, end: int) -> None:
    assert Blobs.of(values)[start:end].tolist() == values[start:end]
    assert Blobs.of(pa.array(values, pa.binary())[start:]).tolist() == values[start:]


def test_spans_may_overlap_and_stand_in_any_order() -> None:
    data = np.frombuffer(b"abcdef", np.uint8)
    blobs = Blobs(data, np.array([3, 0, 1]), np.array([3, 2, -1]))
    assert blobs.tolist() == [b"def", b"ab", None]
    assert blobs.take(np.array([1, 0])).tolist() == [b"ab", b"def"]
    assert b"ab" in blobs
