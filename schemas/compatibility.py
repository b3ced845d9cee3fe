"""Whether schemas understand each other: the FULL_TRANSITIVE rule, with reasons.

Stricter than Avro where the columns are: a logical type may not change. Aliases are not used here and not followed.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from schemas.columns import ITEMS
from schemas.records import Schema

WIDER: Final = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


def faults(schema: str, others: Iterable[str]) -> list[str]:
    """What breaks FULL_TRANSITIVE between a schema and each of others, in both directions; empty: nothing."""
    mine = json.loads(schema)
    found: list[str] = []
    for other in map(json.loads, others):
        found += [f"the new schema cannot read the old: {fault}" for fault in _faults(mine, other, mine["name"])]
        found += [f"the old schema cannot read the new: {fault}" for fault in _faults(other, mine, mine["name"])]
    return list(dict.fromkeys(found))


def _faults(reader: Schema, writer: Schema, path: str) -> Iterator[str]:
    """Why `reader` cannot read what `writer` wrote."""
    if isinstance(writer, list):
        for branch in writer:
            yield from _faults(reader, branch, path)
    elif isinstance(reader, list):
        if all(any(_faults(branch, writer, path)) for branch in reader):
            yield f"{path}: {_kind(writer)} is none of {', '.join(map(_kind, reader))}"
    elif _logical(reader) != _logical(writer):
        yield f"{path}: logical type {_logical(writer)} became {_logical(reader)}"
    elif _kind(reader) == _kind(writer):
        yield from _same_kind(reader, writer, path)
    elif _kind(reader) not in WIDER.get(_kind(writer), ()):
        yield f"{path}: {_kind(writer)} is not {_kind(reader)}"


def _same_kind(reader: Schema, writer: Schema, path: str) -> Iterator[str]:
    if not (isinstance(reader, dict) and isinstance(writer, dict)):
        return
    kind = _kind(reader)
    if kind in {"record", "enum", "fixed"} and reader["name"] != writer["name"]:
        yield f"{path}: {writer['name']} is now {reader['name']}"
    elif kind == "record":
        yield from _fields(reader, writer, path)
    elif kind in ITEMS:
        yield from _faults(reader[ITEMS[kind]], writer[ITEMS[kind]], f"{path}[]")
    elif kind == "enum" and not ("default" in reader or set(writer["symbols"]) <= set(reader["symbols"])):
        yield f"{path}: unknown symbols {sorted(set(writer['symbols']) - set(reader['symbols']))}"
    elif kind == "fixed" and reader["size"] != writer["size"]:
        yield f"{path}: size {writer['size']} is now {reader['size']}"


def _fields(reader: dict[str, Any], writer: dict[str, Any], path: str) -> Iterator[str]:
    written = {field["name"]: field for field in writer["fields"]}
    for field in reader["fields"]:
        name = field["name"]
        if name in written:
            yield from _faults(field["type"], written[name]["type"], f"{path}.{name}")
        elif "default" not in field:
            yield f"{path}.{name}: not written, and without a default"


def _kind(schema: Schema) -> str:
    if isinstance(schema, list):
        return "union"
    if isinstance(schema, str):
        return schema
    return _kind(schema["type"])


def _logical(schema: Schema) -> str | None:
    return schema.get("logicalType") if isinstance(schema, dict) else None
