"""Which schema ids a codec reads, and what becomes of rows written under an older one."""

import json

import pytest

from schemas.dead_letter import Reason, Refusal
from schemas.records import PARCEL_LIFECYCLE, SCAN_EVENT, Record
from schemas.registry import MockRegistry, NotRegistered, register_all, subject
from schemas.wire import Codec, codec
from tests.schemas.drawn import batch, plain, positions, sample


def test_only_allowed_ids_are_read_and_rows_keep_their_order() -> None:
    older = json.loads(SCAN_EVENT.text)
    older["fields"] = [f for f in older["fields"] if f["name"] != "consent"]
    older["fields"].append({"name": "gone", "type": ["null", "string"], "default": None})
    old_text = json.dumps(older)
    coded = Codec(SCAN_EVENT, 7, {5: old_text})
    row = sample(SCAN_EVENT)
    was = {**{k: v for k, v in row.items() if k != "consent"}, "gone": "x", "event_id": "old"}
    (new,), (old,) = coded.encode([row]), _as(5, old_text).encode([was])
    found = coded.decode([new, old, batch(SCAN_EVENT, 1)[0], old, new, b"\0\0\0"])

    assert found.rows["event_id"].to_pylist() == ["字", "old", "old", "字"]
    assert found.good.tolist() == [0, 1, 3, 4]
    assert [(at, why.reason) for at, why in found.refused] == [(2, Reason.UNKNOWN_SCHEMA), (5, Reason.UNREADABLE)]
    assert coded.decode_one(old) == {**row, "event_id": "old"}
    assert plain(found.rows, SCAN_EVENT)[1] == coded.decode_one(old)
    with pytest.raises(Refusal, match="schema id"):
        coded.decode_one(batch(SCAN_EVENT, 1)[0])


@pytest.mark.parametrize("schema_id", [0, 1, 0x0100A07F, 0x0100A0FF, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_id_is_kept_bit_by_bit(schema_id: int) -> None:
    """In bulk the header passes through a float column: these are, among others, signalling NaNs."""
    coded = Codec(SCAN_EVENT, schema_id)
    values = coded.encode([sample(SCAN_EVENT)] * 2)
    found = coded.decode(values)

    assert values[0][:5] == b"\0" + schema_id.to_bytes(4, "big")
    assert coded.encode_arrow(found.rows) == values
    assert not found.refused


def test_an_older_schema_that_differs_inside_a_field_is_read_too() -> None:
    older = json.loads(PARCEL_LIFECYCLE.text)
    stages = next(f for f in older["fields"] if f["name"] == "stages")
    stages["type"]["items"]["fields"] = [f for f in stages["type"]["items"]["fields"] if f["name"] != "village"]
    coded = Codec(PARCEL_LIFECYCLE, 7, {5: json.dumps(older)})
    row = sample(PARCEL_LIFECYCLE)
    del row["stages"][0]["village"]
    values = _as(5, json.dumps(older)).encode([row] * 20)
    found = coded.decode([*values, values[0] + b"x"])

    assert plain(found.rows, PARCEL_LIFECYCLE) == [sample(PARCEL_LIFECYCLE)] * 20
    assert positions(found.refused) == [20]


def test_a_topics_codec_never_registers_anything() -> None:
    empty = MockRegistry()
    with pytest.raises(NotRegistered, match="yizhan schemas register"):
        codec("scans.post", empty)
    assert empty.versions("scans.post-value") == []


def test_a_topics_codec_writes_under_the_registered_id() -> None:
    full = MockRegistry()
    ids = register_all(full)
    coded = codec("scans.post", full)

    assert coded.schema_id == ids[subject("scans.post")]
    assert set(coded.allowed.values()) >= {SCAN_EVENT.text}


def _as(schema_id: int, text: str) -> Codec:
    schema = json.loads(text)
    return Codec(Record(schema["name"], text), schema_id)
