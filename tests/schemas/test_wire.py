"""The codec: both paths write the same bytes and read the same rows."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.dead_letter import Reason, Refusal
from schemas.records import DEAD_LETTER, PARCEL_LIFECYCLE, PARCEL_LINKS, RECORDS, SCAN_EVENT
from schemas.wire import Codec
from tests.schemas.drawn import CODECS, IDS, NAMES, batch, plain, rows, sample

CANONICAL = Path(__file__).parents[1] / "data" / "county" / "canonical.ndjson"
SCANS = CODECS["ScanEvent"]
often = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@often
def test_both_paths_agree_on_bytes_and_rows(name: str, data: st.DataObject) -> None:
    record, coded = RECORDS[name], CODECS[name]
    wanted = data.draw(rows(record))
    values = coded.encode(wanted)
    found = coded.decode(values)

    assert [coded.decode_one(value) for value in values] == wanted
    assert plain(found.rows, record) == wanted
    assert found.good.tolist() == list(range(len(wanted)))
    assert not found.refused
    assert coded.encode_arrow(found.rows) == values
    assert coded.encode_arrow(found.rows[1:]) == values[1:]


def test_the_sample_county_survives_both_paths() -> None:
    scans = [json.loads(line) for line in CANONICAL.read_text("utf-8").splitlines()]
    values = SCANS.encode(scans)

    assert len(scans) > 3000
    assert plain(SCANS.decode(values).rows, SCAN_EVENT) == scans
    assert SCANS.encode_arrow(SCANS.decode(values).rows) == values


def test_a_message_is_a_zero_byte_the_id_and_the_value() -> None:
    (value,) = Codec(PARCEL_LINKS, 0x01020304).encode([{"profiles": {}, "timelines": {}}])
    assert value == b"\x00\x01\x02\x03\x04" + b"\x00" + b"\x00"


def test_columns_are_as_documented() -> None:
    scan, life = SCANS.columns, CODECS["ParcelLifecycle"].columns
    stage = life.field("stages").type.value_type

    assert scan.field("occurred_at") == pa.field("occurred_at", pa.timestamp("ms"), nullable=False)
    assert scan.field("reason") == pa.field("reason", pa.string())
    assert scan.field("measures").type == pa.map_(pa.string(), pa.field("value", pa.string(), nullable=False))
    assert scan.field("link").nullable
    assert scan.names == list(SCAN_EVENT.fields)
    assert pa.types.is_list(stage.field("overruns").type)
    assert stage.field("overruns").type.value_type.names == ["operator", "seconds"]
    assert CODECS["DeadLetter"].columns.field("payload").type == pa.binary()


def test_stages_with_overruns_come_back_from_columns() -> None:
    life = sample(PARCEL_LIFECYCLE)
    stage = life["stages"][0]
    life["stages"] = [stage, {**stage, "overruns": []}, {**stage, "overruns": stage["overruns"] * 2}]
    values = CODECS["ParcelLifecycle"].encode([life, {**life, "stages": []}, life])
    found = CODECS["ParcelLifecycle"].decode(values)

    assert [[len(s["overruns"]) for s in row["stages"]] for row in found.rows.to_pylist()] == [[1, 0, 2], [], [1, 0, 2]]
    assert CODECS["ParcelLifecycle"].encode_arrow(found.rows) == values


def test_an_empty_batch_has_columns_and_no_rows() -> None:
    found = SCANS.decode([])
    assert (found.rows.num_rows, found.rows.schema, found.good.tolist(), found.refused) == (0, SCANS.columns, [], [])
    assert SCANS.encode_arrow(found.rows) == []


def test_columns_in_any_order_and_of_wider_types_are_written() -> None:
    values = batch(SCAN_EVENT, 3)
    found = SCANS.decode(values).rows
    wider = pa.RecordBatch.from_pydict(
        {
            name: found[name].cast(pa.large_string()) if found[name].type == pa.string() else found[name]
            for name in reversed(found.schema.names)
        },
    )
    assert SCANS.encode_arrow(wider) == values


def test_a_missing_column_is_named() -> None:
    with pytest.raises(KeyError, match="raw_code"):
        SCANS.encode_arrow(SCANS.decode(batch(SCAN_EVENT, 1)).rows.drop_columns(["raw_code"]))


@pytest.mark.parametrize(
    ("name", "change", "path"),
    [
        ("ScanEvent", {"tier": None}, "tier"),
        ("ScanEvent", {"link": {"issuer": None, "tracking_number": "", "relation": "", "evidence": ""}}, "link.issuer"),
        ("ScanEvent", {"measures": [("k", None)]}, r"measures\[\]"),
        ("ParcelLifecycle", {"waybills": [None]}, r"waybills\[\]"),
    ],
)
def test_a_null_where_none_may_be_is_refused_by_its_path(name: str, change: dict[str, Any], path: str) -> None:
    record, coded = RECORDS[name], CODECS[name]
    loose = pa.schema([pa.field(f.name, f.type) for f in coded.columns])
    bad = pa.RecordBatch.from_pylist([sample(record), {**sample(record), **change}], schema=loose)

    with pytest.raises(ValueError, match=path):
        coded.encode_arrow(bad)
    assert len(coded.encode_arrow(bad[:1])) == 1


@pytest.mark.parametrize("change", [{"partition": 1 << 31}, {"payload": "text"}, {"extra": 1}, {"offset": 1 << 63}])
def test_a_row_that_is_not_of_the_record_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a DeadLetter"):
        CODECS["DeadLetter"].encode([{**sample(DEAD_LETTER), **change}])


def test_a_missing_field_is_not_written() -> None:
    row = sample(DEAD_LETTER)
    del row["topic"]
    with pytest.raises(ValueError, match="topic"):
        CODECS["DeadLetter"].encode([row])


@pytest.mark.parametrize("name", NAMES)
def test_size_is_bounded_and_a_dead_letter_may_be_larger(name: str) -> None:
    limit = (4 if name == "DeadLetter" else 1) << 20
    head = b"\0" + IDS[name].to_bytes(4, "big")
    found = CODECS[name].decode([head.ljust(limit, b"\0"), head.ljust(limit + 1, b"\0")])

    assert [why.reason for _, why in found.refused] == [Reason.UNREADABLE, Reason.TOO_LARGE]
    with pytest.raises(Refusal) as raised:
        CODECS[name].decode_one(head.ljust(limit + 1, b"\0"))
    assert raised.value.reason is Reason.TOO_LARGE


def test_what_would_be_refused_for_its_size_is_not_written() -> None:
    row, large = sample(SCAN_EVENT), {**sample(SCAN_EVENT), "raw_code": "x" * (1 << 20)}
    columns = pa.RecordBatch.from_pylist([row, large], schema=SCANS.columns)

    with pytest.raises(Refusal) as one_by_one:
        SCANS.encode([row, large])
    with pytest.raises(Refusal) as in_bulk:
        SCANS.encode_arrow(columns)
    assert one_by_one.value == in_bulk.value
    assert (in_bulk.value.reason, in_bulk.value.position) == (Reason.TOO_LARGE, 1)
