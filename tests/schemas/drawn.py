"""Rows of a record, drawn from its schema, and decoded rows as the dicts the reference gives."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from schemas.columns import arrow_schema, shown_as
from schemas.records import RECORDS, Record, Schema
from schemas.wire import Codec

INT, LONG = 1 << 31, 1 << 63
IDS = {name: 100 + i for i, name in enumerate(sorted(RECORDS))}
CODECS = {name: Codec(record, IDS[name]) for name, record in RECORDS.items()}
NAMES = sorted(RECORDS)

PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-INT, INT - 1),
    "long": st.integers(-LONG, LONG - 1),
    "bytes": st.binary(max_size=80),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=70) | st.just("云岭县寄递物流中心"),
}


def value(schema: Schema) -> st.SearchStrategy[Any]:
    """Any value of a schema."""
    if isinstance(schema, list):
        return st.one_of(*map(value, schema))
    if isinstance(schema, str):
        return PLAIN[schema]
    if schema["type"] == "record":
        return st.fixed_dictionaries({field["name"]: value(field["type"]) for field in schema["fields"]})
    if schema["type"] == "array":
        return st.lists(value(schema["items"]), max_size=3)
    if schema["type"] == "map":
        return st.dictionaries(PLAIN["string"], value(schema["values"]), max_size=3)
    return value(schema["type"])


def rows(record: Record, most: int = 3) -> st.SearchStrategy[list[dict[str, Any]]]:
    """A batch of a record's rows, not empty."""
    return st.lists(value(record.schema), min_size=1, max_size=most)


def plain(batch: pa.RecordBatch, record: Record) -> list[dict[str, Any]]:
    """Rows as `decode_one` gives them: timestamps as epoch ms, maps as dicts."""
    longs = json.loads(record.text.replace('"logicalType":"timestamp-millis"', '"doc":""'))
    found: list[dict[str, Any]] = shown_as(batch, arrow_schema(longs)).to_pylist(maps_as_pydicts="lossy")
    return found


def sample(record: Record) -> dict[str, Any]:
    """The plainest row: zero, empty or null in every field, one stage with one overrun and one fact."""
    zero: dict[str, Any] = {"string": "字", "bytes": b"\xff\x00", "int": 7, "long": 8, "boolean": True}

    def of(schema: Schema) -> Any:  # noqa: ANN401  # a value of any schema
        if isinstance(schema, list):
            return None
        if isinstance(schema, str):
            return zero[schema]
        if schema["type"] == "record":
            return {field["name"]: of(field["type"]) for field in schema["fields"]}
        if schema["type"] == "array":
            return [of(schema["items"])]
        return {"k": of(schema["values"])} if schema["type"] == "map" else of(schema["type"])

    found: dict[str, Any] = of(record.schema)
    return found


def batch(record: Record, count: int) -> list[bytes]:
    """Messages of `count` plain rows."""
    return CODECS[record.name].encode([sample(record)] * count)


def positions(refused: Sequence[tuple[int, object]]) -> list[int]:
    """Where in the input the refused values stood."""
    return [at for at, _ in refused]
