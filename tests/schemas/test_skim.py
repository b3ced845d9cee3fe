"""Which values the bulk reader takes by itself: those our writer writes. All else it leaves to the reference."""

import json
from typing import Any

import numpy as np
import pytest

from schemas.blobs import Blobs
from schemas.columns import arrow_schema
from schemas.records import BadSchema
from schemas.skim import DEEPEST, Skim
from schemas.varint import BROKEN, read, width, write

SCHEMA: dict[str, Any] = json.loads("""{"type": "record", "name": "R", "fields": [
    {"name": "number", "type": "long"}, {"name": "maybe", "type": ["string", "null"]},
    {"name": "many", "type": {"type": "array", "items": "boolean"}}]}""")
SKIM = Skim(SCHEMA, arrow_schema(SCHEMA), 0)
EDGES = [0, -1, 1, 63, -64, 64, -65, (1 << 31) - 1, -(1 << 31), (1 << 63) - 1, -(1 << 63)]


def taken(*values: bytes) -> list[bool]:
    marks: list[bool] = SKIM.read(Blobs.of(values))[1].tolist()
    return marks


def test_values_in_their_one_form_are_taken_in_order() -> None:
    rows, marks = SKIM.read(Blobs.of([b"\x02\x00\x02x\x00", b"\xff\xff", b"\x04\x02\x04\x01\x00\x00"]))
    assert marks.tolist() == [True, False, True]
    assert rows.to_pylist() == [
        {"number": 1, "maybe": "x", "many": []},
        {"number": 2, "maybe": None, "many": [True, False]},
    ]


@pytest.mark.parametrize(
    "value",
    [
        b"\x82\x00\x02\x00", b"\x02\x02\x80\x00", b"\x02\x82\x00\x00",
        b"\x02\x02\x00\x00", b"\x02\x04\x00", b"\x02\x02\x02\x02\x00", b"\x02\x02\x02\x01\x02\x01\x00",
        b"\x02\x02\x01\x02\x01\x00", b"\x02\x00\x01x\x00", b"\x02\x00\x04x\x00", b"",
    ],
    ids=[
        "number too long", "count too long", "branch too long", "bytes left over", "no such branch", "boolean of 2",
        "two blocks", "block with its size", "negative length", "text beyond the end", "nothing",
    ],
)  # fmt: skip
def test_other_forms_are_left_to_the_reference(value: bytes) -> None:
    assert taken(value, b"\x02\x02\x00") == [False, True]


@pytest.mark.parametrize("number", EDGES)
def test_numbers_come_back_and_take_the_bytes_announced(number: int) -> None:
    data = np.zeros(12, np.uint8)
    end = write(data, 1, number)
    assert end - 1 == width(number)
    assert read(data, 1, end) == (number, end)
    assert read(data, 1, end - 1)[1] == BROKEN


def test_a_number_of_more_than_64_bits_is_none() -> None:
    for last in (2, 0x7F, 0x80):
        data = np.array([0xFF] * 9 + [last, 0], np.uint8)
        assert read(data, 0, len(data))[1] == BROKEN


def test_lists_may_not_be_nested_without_end() -> None:
    kind: Any = "long"
    for _ in range(DEEPEST + 1):
        kind = {"type": "array", "items": kind}
    deep = {"type": "record", "name": "Deep", "fields": [{"name": "lists", "type": kind}]}
    with pytest.raises(BadSchema, match="Deep"):
        Skim(deep, arrow_schema(deep), 0)
