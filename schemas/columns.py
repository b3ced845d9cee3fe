"""Avro schemas as Arrow columns, and Arrow rows shown under another schema of the same layout.

| Avro | Arrow |
|---|---|
| string, bytes, boolean, int, long, float, double | string, binary, bool, int32, int64, float, double |
| timestamp-millis | timestamp[ms] without zone: epoch milliseconds, UTC |
| ["null", T] or [T, "null"] | T, nullable; everything else is "not null" |
| record | struct; fields of an optional one are nullable |
| array | list<item> |
| map | map<string, value>; in Python a list of (key, value) pairs |
"""

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

import pyarrow as pa

from schemas.records import BadSchema, Schema

PLAIN: Final = {
    "string": pa.string(),
    "bytes": pa.binary(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
}

Nulls = Literal["shown", "declared", "anywhere"]
"""What may be null: what is optional and, for Arrow, all in an optional struct; what is optional; everything."""

ITEMS: Final = {"array": "items", "map": "values"}
"""Where a schema has the type of what it holds many of."""

HEADER: Final = ({"name": "_magic", "type": "boolean"}, {"name": "_id", "type": "float"})
"""The 5 bytes before each value, as Avro sees them: a boolean is one byte, a float four, kept bit by bit.

Declared as fields they are read and written with the rest, and no value is ever sliced in Python.
"""


def arrow_schema(schema: dict[str, Any], nulls: Nulls = "shown") -> pa.Schema:
    """The columns of a record, by the table above; `BadSchema` for what it does not list."""
    return pa.schema([_field(field["name"], field["type"], nulls) for field in schema["fields"]])


def _field(name: str, schema: Schema, nulls: Nulls, *, below: bool = False) -> pa.Field:
    """`below`: an optional struct holds it, whose nulls Arrow repeats in its fields."""
    optional = isinstance(schema, list)
    nullable = optional or nulls == "anywhere" or (nulls == "shown" and below)
    if not isinstance(schema, list):
        return pa.field(name, _type(name, schema, nulls, below=nullable), nullable=nullable)
    present = [branch for branch in schema if branch != "null"]
    if len(schema) != 2 or len(present) != 1:  # noqa: PLR2004  # null and one other
        raise BadSchema(f"{name}: of unions only optional types have a column, not {schema}")
    return pa.field(name, _type(name, present[0], nulls, below=True), nullable=True)


def _type(name: str, schema: Schema, nulls: Nulls, *, below: bool) -> pa.DataType:
    if isinstance(schema, str) and schema in PLAIN:
        return PLAIN[schema]
    if not isinstance(schema, dict):
        raise BadSchema(f"{name}: {schema} has no column type")
    kind, logical = schema["type"], schema.get("logicalType")
    if (kind, logical) == ("long", "timestamp-millis"):
        return pa.timestamp("ms")
    if logical is not None:
        raise BadSchema(f"{name}: logical type {logical} has no column type")
    if kind == "record":
        return pa.struct([_field(f["name"], f["type"], nulls, below=below) for f in schema["fields"]])
    if kind == "array":
        return pa.list_(_field("item", schema["items"], nulls))
    if kind == "map":
        return pa.map_(pa.string(), _field("value", schema["values"], nulls))
    return _type(name, kind, nulls, below=below)


def framed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as the bulk reader gets it: bare types, the header as fields, bytes as strings.

    pyruhvro 0.4 panics on bytes. A string has the same form on the wire and is copied unchecked;
    `shown_as` turns the column back. Nothing may use such a column as text in between.
    """
    bare = _text_for_bytes(stripped(schema))
    return {**bare, "fields": [*HEADER, *bare["fields"]]}


def _text_for_bytes(bare: Any) -> Any:  # noqa: ANN401  # JSON of a stripped schema, in the same shape
    if isinstance(bare, list):
        return [_text_for_bytes(part) for part in bare]
    if isinstance(bare, dict):
        return {key: part if key == "name" else _text_for_bytes(part) for key, part in bare.items()}
    return "string" if bare == "bytes" else bare


def stripped(schema: Schema) -> Schema:
    """The bare types: no docs, no defaults, no logical types; timestamps are longs."""
    if isinstance(schema, list):
        return [stripped(branch) for branch in schema]
    if isinstance(schema, str):
        return schema
    if schema["type"] == "record":
        fields = [{"name": f["name"], "type": stripped(f["type"])} for f in schema["fields"]]
        return {"type": "record", "name": schema["name"], "fields": fields}
    kind: str = schema["type"]
    if kind in ITEMS:
        return {"type": kind, ITEMS[kind]: stripped(schema[ITEMS[kind]])}
    return kind


@dataclass(frozen=True)
class _Shown:
    """Rows whose buffers are read under another schema, through Arrow's C interface."""

    rows: pa.RecordBatch
    schema: pa.Schema

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self.schema.__arrow_c_schema__(), self.rows.__arrow_c_array__(requested_schema)[1]


def shown_as(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same buffers under another schema: nothing is copied and nothing checked, the layouts must be equal."""
    return pa.record_batch(_Shown(rows, schema))


def refuse_nulls(column: pa.Array, field: pa.Field, path: str) -> None:
    """Raise ValueError where a field that must be there is null: the bulk writer would write what lies beneath."""
    if column.null_count and not field.nullable:
        raise ValueError(f"{path} has {column.null_count} nulls, but it is not optional")
    kind = field.type
    if pa.types.is_struct(kind):
        stands = column.filter(column.is_valid()) if column.null_count else column
        for i, child in enumerate(kind):
            refuse_nulls(stands.field(i), child, f"{path}.{child.name}")
    elif pa.types.is_list(kind):
        refuse_nulls(column.flatten(), kind.value_field, f"{path}[]")
    elif pa.types.is_map(kind) and len(column):
        start, end = column.offsets[0].as_py(), column.offsets[-1].as_py()
        refuse_nulls(column.items.slice(start, end - start), kind.item_field, f"{path}[]")


def one_line(schema: Schema) -> str:
    """The schema as text."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
