"""Bytes that are no record: nothing crashes, nothing is raised, both paths agree on what is bad."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.dead_letter import Reason, Refusal
from schemas.records import PARCEL_LINKS, RECORDS, SCAN_EVENT
from schemas.wire import Codec
from tests.schemas.drawn import CODECS, IDS, NAMES, batch, plain, positions, rows

often = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
HUGE = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
LEAST = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"


def head(name: str) -> bytes:
    """The header of a record's messages."""
    return b"\0" + IDS[name].to_bytes(4, "big")


def agree(coded: Codec, values: list[bytes]) -> tuple[int, int]:
    """The batch as the reference sees it, value by value; how many were good and bad."""
    wanted, bad = [], []
    for at, value in enumerate(values):
        try:
            wanted.append(coded.decode_one(value))
        except Refusal as why:
            bad.append((at, why))
    found = coded.decode(values)
    assert plain(found.rows, coded.record) == wanted
    assert found.refused == bad
    assert found.good.tolist() == [at for at in range(len(values)) if at not in positions(bad)]
    found.rows.validate(full=True)
    return len(wanted), len(bad)


@pytest.mark.parametrize("name", NAMES)
@given(noise=st.lists(st.binary(max_size=60), min_size=1, max_size=5))
@example(noise=[HUGE * 9, LEAST * 9, b"\xff" * 60, b"\0" * 60, b""])
@often
def test_random_bytes_after_a_good_header(name: str, noise: list[bytes]) -> None:
    agree(CODECS[name], [*batch(RECORDS[name], 1), *(head(name) + body for body in noise)])


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@often
def test_flipped_cut_and_lengthened_values_among_good_ones(name: str, data: st.DataObject) -> None:
    values = CODECS[name].encode(data.draw(rows(RECORDS[name], 2)))
    at = data.draw(st.integers(0, len(values[0]) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = values[0][:at] + bytes([values[0][at] ^ 1 << bit]) + values[0][at + 1 :]
    extra = data.draw(st.binary(min_size=1, max_size=3))
    spliced = values[0][:at] + data.draw(st.sampled_from([HUGE, LEAST, extra])) + values[0][at:]
    values[1:1] = [flipped, values[0][:at], values[0] + extra, spliced]
    _, bad = agree(CODECS[name], values)

    assert bad >= 2  # the cut and the lengthened one at least


@given(st.binary(max_size=12))
@often
def test_any_bytes_at_all(value: bytes) -> None:
    assert agree(CODECS["ScanEvent"], [value])[1] == 1


@pytest.mark.parametrize("name", NAMES)
def test_bytes_left_over_are_found_on_both_paths(name: str) -> None:
    values = batch(RECORDS[name], 50)
    values[17] += b"\0"
    found = CODECS[name].decode(values)

    assert positions(found.refused) == [17]
    assert found.refused[0][1].reason is Reason.UNREADABLE
    assert found.rows.num_rows == 49


@pytest.mark.parametrize("bad", [{0}, {999}, {3, 4, 500}, set(range(0, 1000, 7)), set(range(1000))])
def test_bad_values_cost_nobody_else_his_row(bad: set[int]) -> None:
    values = [value[:-3] if at in bad else value for at, value in enumerate(batch(SCAN_EVENT, 1000))]
    found = CODECS["ScanEvent"].decode(values)

    assert set(positions(found.refused)) == bad
    assert found.good.tolist() == [at for at in range(1000) if at not in bad]
    assert found.rows.num_rows == len(found.good)


def test_text_that_is_no_utf8_is_refused() -> None:
    """The bulk reader copies it unchecked; polars and the console would read it as text."""
    values = batch(SCAN_EVENT, 3)
    assert values[1].count("字".encode()) > 3
    values[1] = values[1].replace("字".encode(), b"\xff\xfe\xfd", 1)

    assert positions(CODECS["ScanEvent"].decode(values).refused) == [1]


def test_a_character_cut_between_two_values_is_no_text() -> None:
    """Both halves side by side would be valid; each alone is not."""
    values = batch(SCAN_EVENT, 2)
    front, back = "字".encode()[:1], "字".encode()[1:]
    values = [
        v.replace(b"\x06" + "字".encode(), bytes([2 * len(part)]) + part, 1)
        for v, part in zip(values, (front, back), strict=True)
    ]

    assert positions(CODECS["ScanEvent"].decode(values).refused) == [0, 1]


def test_an_int_above_32_bits_is_refused_not_cut() -> None:
    words = dict.fromkeys(("letter_id", "source", "reason", "field", "detail", "topic", "payload_sha256"), "")
    numbers = {"partition": 1 << 30, "offset": 0, "position": 0, "received_at": 0, "payload_bytes": 0}
    (short,) = CODECS["DeadLetter"].encode([words | numbers | {"payload": b""}])
    assert short.count(b"\x80\x80\x80\x80\x08") == 1
    found = CODECS["DeadLetter"].decode([short.replace(b"\x80\x80\x80\x80\x08", b"\x80\x80\x80\x80\x10"), short])

    assert positions(found.refused) == [0]
    assert "32 bits" in found.refused[0][1].detail


def test_another_form_of_the_same_list_is_read() -> None:
    """Avro lets a list come in blocks with sizes; what we would not write so is still good."""
    (value,) = CODECS["ParcelLinks"].encode([{"profiles": {}, "timelines": {"a": b"1", "b": b"2"}}])
    blocks = head("ParcelLinks") + b"\0" + b"\x01\x08\x02a\x021" + b"\x02\x02b\x022" + b"\0"
    assert value != blocks

    found = CODECS["ParcelLinks"].decode([blocks, value])
    assert plain(found.rows, PARCEL_LINKS) == [CODECS["ParcelLinks"].decode_one(value)] * 2


@pytest.mark.parametrize("number", [b"\xff" * 9 + b"\x7f", b"\xff" * 9 + b"\x03", b"\x80\x00", b"\x80" * 9 + b"\x01"])
def test_a_number_of_excess_length_or_size_is_what_the_reference_says(number: bytes) -> None:
    """Ten bytes hold 70 bits; what is over 64 must not be dropped in silence."""
    (value,) = CODECS["ParcelLinks"].encode([{"profiles": {}, "timelines": {}}])
    agree(CODECS["ParcelLinks"], [value, value[:-2] + number + b"\0", value[:-1] + number])
    (scan,) = batch(SCAN_EVENT, 1)
    for at in range(len(head("ScanEvent")), len(scan)):
        agree(CODECS["ScanEvent"], [scan, scan[:at] + number + scan[at + 1 :]])


def test_a_tombstone_is_refused_not_raised() -> None:
    found = CODECS["ScanEvent"].decode([None, *batch(SCAN_EVENT, 1)])
    assert positions(found.refused) == [0]


def test_the_first_byte_is_zero_or_there_is_no_header() -> None:
    values = [bytes([first]) + batch(SCAN_EVENT, 1)[0][1:] for first in (0, 1, 255)]
    _, bad = agree(CODECS["ScanEvent"], values)

    assert bad == 2


def test_a_message_of_exactly_the_limit_is_good() -> None:
    row = {**CODECS["ScanEvent"].decode_one(batch(SCAN_EVENT, 1)[0]), "raw_code": "x" * (1 << 19)}
    spare = SCAN_EVENT.limit - len(CODECS["ScanEvent"].encode([row])[0])
    values = CODECS["ScanEvent"].encode([{**row, "raw_code": "x" * ((1 << 19) + spare)}])

    assert len(values[0]) == SCAN_EVENT.limit
    assert agree(CODECS["ScanEvent"], values) == (1, 0)


def test_a_refusal_passes_through_a_context() -> None:
    """Contexts made from generators set an exception's traceback, so it may not be frozen."""

    @contextmanager
    def around() -> Iterator[None]:
        yield

    with pytest.raises(Refusal), around():
        CODECS["ScanEvent"].decode_one(b"")
