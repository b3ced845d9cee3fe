"""Whatever the bytes: nothing is raised, nothing vanishes, and what comes out can be written to a topic."""

import json
import time
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from producers.admission import Admitted, Document
from schemas.dead_letter import Reason
from schemas.records import DEAD_LETTER, SCAN_EVENT
from schemas.wire import Codec
from tests.producers import hostile
from tests.producers.county import RECEIVED_AT, admission

SCANS: Final = Codec(SCAN_EVENT, 1)
LETTERS: Final = Codec(DEAD_LETTER, 2)
REASONS: Final = {reason.value for reason in Reason}
LONGEST: Final = 300
"""Characters of any text in a scan or of a letter's detail: bounds of the fields, with something for `.2` of an id."""
CONTROL: Final = frozenset(map(chr, [*range(32), *range(0x7F, 0xA0)]))
often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
each_format = pytest.mark.parametrize("form", hostile.FORMATS)


def texts(value: object) -> list[str]:
    """All texts within a value, names of fields included."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    return [value] if isinstance(value, str) else []


def is_sound(document: Document) -> Admitted:
    """Admit a document and hold what comes of it against everything that must be true of it."""
    admitted = admission().admit([document])
    assert admitted.counts == [(len(admitted.scans), len(admitted.letters))]
    assert len(admitted.scans) + len(admitted.letters) >= 1
    for scan in admitted.scans:
        assert set(scan) == set(SCAN_EVENT.fields)
        assert all(len(text) <= LONGEST and not CONTROL & set(text) for text in texts(scan))
    for letter in admitted.letters:
        assert set(letter) == set(DEAD_LETTER.fields)
        assert letter["reason"] in REASONS
        assert max(len(letter["detail"]), len(letter["field"])) <= LONGEST
    written = SCANS.encode(admitted.scans)
    assert [SCANS.decode_one(value) for value in written] == admitted.scans
    assert len(LETTERS.encode(admitted.letters)) == len(admitted.letters)
    return admitted


@each_format
@given(payload=st.binary(max_size=200))
@example(payload=b"")
@example(payload=b"\xff\xfe{\0}\0")
@example(payload=b"[" * 100_000)
@example(payload=b'{"a":' * 100_000)
@example(payload=b"9" * 4400)
@example(payload=b"NaN")
@often
def test_arbitrary_bytes_are_refused(form: str, payload: bytes) -> None:
    """Noise is never a scan, and always a letter."""
    assert is_sound(Document("zto", form, payload, RECEIVED_AT)).letters != []


@each_format
@given(data=st.data())
@often
def test_changed_bytes_give_scans_or_letters(form: str, data: st.DataObject) -> None:
    """Real documents with a byte flipped, cut or doubled."""
    good = data.draw(st.sampled_from(hostile.plain(form)))
    is_sound(Document(good.network, form, data.draw(hostile.bytes_changed(good.payload)), RECEIVED_AT))


@each_format
@given(data=st.data())
@often
def test_changed_values_give_scans_or_letters(form: str, data: st.DataObject) -> None:
    """Real documents with values removed, retyped, wrapped, or of a kind that breaks readers."""
    is_sound(hostile.document_changed(form, data))


@each_format
def test_every_place_takes_every_odd_value(form: str) -> None:
    """One good document, each of its places with each value that has broken readers before."""
    good = hostile.plain(form)[0]
    whole = json.loads(good.payload)
    outcomes = {
        bool(is_sound(Document(good.network, form, hostile.written(changed, plain_text=False), RECEIVED_AT)).scans)
        for at in hostile.places(whole)
        for odd in hostile.ODD
        for changed in [hostile.changed(whole, at, odd, remove=False)]
    }
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    ("form", "field"), [("kuaidi100", "context"), ("sf", "remark"), ("sf", "mailno"), ("zto", "billCode")]
)
@pytest.mark.parametrize("filler", ["【", "新单号:", "新单号: ", " ", "\u3000"])
def test_a_long_text_costs_no_more_than_its_length(form: str, field: str, filler: str) -> None:
    """A pattern searched in a text of a megabyte must not take time by the square of it."""
    good = next(d for d in hostile.plain(form) if field.encode() in d.payload)
    whole = json.loads(good.payload)
    [at, *_] = [path for path in hostile.places(whole) if path and path[-1] == field]
    long = hostile.changed(whole, at, "转邮政" + filler * (900_000 // len(filler.encode())), remove=False)
    began = time.perf_counter()
    is_sound(Document(good.network, form, hostile.written(long, plain_text=True), RECEIVED_AT))
    assert time.perf_counter() - began < 2
