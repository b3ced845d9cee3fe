"""The records, and the schemas that are refused for what their values could do."""

from typing import Any

import pytest

from schemas.records import DEAD_LETTER, MIB, RECORD_OF, RECORDS, SCAN_EVENT, BadSchema, Schema, check_bounded
from schemas.topics import FIXED


def record(*types: Schema) -> dict[str, Any]:
    """A record with these fields."""
    return {"type": "record", "name": "R", "fields": [{"name": f"f{i}", "type": t} for i, t in enumerate(types)]}


def test_each_file_is_a_record_with_fields() -> None:
    assert set(RECORDS) == {"ScanEvent", "ParcelLifecycle", "ParcelLinks", "ParcelAlert", "TargetEdition", "DeadLetter"}
    assert SCAN_EVENT.fields[:2] == ("event_id", "source")
    assert SCAN_EVENT.fields[-1] == "raw_code"
    assert {r.name: len(r.fields) > 1 for r in RECORDS.values()} == dict.fromkeys(RECORDS, True)
    assert (SCAN_EVENT.limit, DEAD_LETTER.limit) == (MIB, 4 * MIB)


def test_topics_with_a_record_are_in_the_list_of_topics() -> None:
    assert set(RECORD_OF) <= {topic.name for topic in FIXED}
    assert len(RECORD_OF) == 8


NOTHING: list[Schema] = [
    "null",
    {"type": "fixed", "name": "F", "size": 0},
    {"type": "record", "name": "E", "fields": []},
    {"type": "record", "name": "N", "fields": [{"name": "n", "type": "null"}]},
]


@pytest.mark.parametrize("items", NOTHING)
@pytest.mark.parametrize("kind", [("array", "items"), ("map", "values")])
def test_many_of_nothing_is_refused(items: Schema, kind: tuple[str, str]) -> None:
    with pytest.raises(BadSchema, match=r"schema\.f1.*take no bytes"):
        check_bounded(record("string", ["null", {"type": kind[0], kind[1]: items}]))


@pytest.mark.parametrize("item", ["R", "cn.yizhan.R", ["null", "R"], {"type": "array", "items": "R"}])
def test_a_record_within_itself_is_refused(item: Schema) -> None:
    with pytest.raises(BadSchema, match="contains itself"):
        check_bounded(record({"type": "array", "items": item}))


def test_a_name_for_a_type_elsewhere_is_refused() -> None:
    link: Schema = {"type": "record", "name": "Link", "fields": [{"name": "n", "type": "int"}]}
    with pytest.raises(BadSchema, match=r"schema\.f1: Link is no primitive"):
        check_bounded(record(link, "Link"))


def test_what_takes_bytes_may_be_many() -> None:
    enum: Schema = {"type": "enum", "name": "E", "symbols": ["A"]}
    fixed: Schema = {"type": "fixed", "name": "F", "size": 1}
    for items in (["null", "int"], enum, fixed, "string", {"type": "array", "items": "int"}):
        check_bounded(record({"type": "array", "items": items}, {"type": "map", "values": items}))
