"""The records that travel between parts, read from their .avsc files: the only declaration of their fields.

A schema that could blow up a reader is refused when it is loaded: one that contains itself, and one with an
array or map whose items take no bytes (a message of a few bytes could then announce 2^60 of them).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

from schemas import topics

Schema = dict[str, Any] | list[Any] | str
"""An Avro schema as JSON has it."""

MIB: Final = 1 << 20
PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


class BadSchema(ValueError):
    """A schema that is not taken: says where in it and why."""


@dataclass(frozen=True)
class Record:
    """One record: its name, its schema as one line of JSON, the bytes a message of it may have."""

    name: str
    text: str
    limit: int = MIB

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The schema as JSON, checked by `check_bounded`."""
        schema: dict[str, Any] = json.loads(self.text)
        check_bounded(schema)
        return schema

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Field names, in the order of the schema."""
        return tuple(field["name"] for field in self.schema["fields"])


def check_bounded(schema: Schema) -> None:
    """Raise `BadSchema` if values of a few bytes could make a reader loop, recurse or allocate without bound."""
    _width(schema, "schema", ())


def _width(schema: Schema, path: str, inside: tuple[str, ...]) -> int:
    """Fewest bytes a value takes; 0 matters, more is just "at least one"."""
    if isinstance(schema, list):
        return min(1, *(1 + _width(branch, path, inside) for branch in schema))
    if isinstance(schema, str):
        return _named_width(schema, path, inside)
    kind = schema["type"]
    if kind == "record":
        return _record_width(schema, path, inside)
    if kind in {"array", "map"}:
        return _items_width(schema, path, inside)
    if kind == "fixed":
        return int(schema["size"])
    return 1 if kind == "enum" else _width(kind, path, inside)


def _named_width(name: str, path: str, inside: tuple[str, ...]) -> int:
    if name in PRIMITIVES:
        return int(name != "null")
    if name.rsplit(".", 1)[-1] in inside:
        raise BadSchema(f"{path}: {name} contains itself; recursive records are not taken")
    raise BadSchema(f"{path}: {name} is no primitive; write a named type out where it is used")


def _record_width(schema: dict[str, Any], path: str, inside: tuple[str, ...]) -> int:
    within = (*inside, schema["name"].rsplit(".", 1)[-1])
    return sum(_width(field["type"], f"{path}.{field['name']}", within) for field in schema["fields"])


def _items_width(schema: dict[str, Any], path: str, inside: tuple[str, ...]) -> int:
    key = "items" if schema["type"] == "array" else "values"
    # A map's keys take bytes, but a map of nothing says nothing a list of its keys would not.
    if _width(schema[key], f"{path}[]", inside) == 0:
        raise BadSchema(f"{path}: {key} take no bytes, so a tiny message could announce endless ones")
    return 1


def _load(folder: Traversable) -> dict[str, Record]:
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".avsc")), key=lambda f: f.name)
    found = [json.loads(f.read_text("utf-8")) for f in files]
    return {schema["name"]: _record(schema) for schema in found}


def _record(schema: dict[str, Any]) -> Record:
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    # A dead letter carries up to 2 MiB of a document that was refused, perhaps for its size.
    return Record(schema["name"], text, 4 * MIB if schema["name"] == "DeadLetter" else MIB)


def releases() -> dict[str, dict[str, Record]]:
    """Schemas of each release, oldest first: by version, then by record name."""
    folders = [f for f in resources.files("schemas").joinpath("releases").iterdir() if f.is_dir()]
    by_age = sorted(folders, key=lambda f: tuple(int(part) for part in f.name.split(".")))
    return {folder.name: _load(folder) for folder in by_age}


RECORDS: Final[Mapping[str, Record]] = _load(resources.files("schemas").joinpath("avro"))
SCAN_EVENT: Final = RECORDS["ScanEvent"]
PARCEL_LIFECYCLE: Final = RECORDS["ParcelLifecycle"]
PARCEL_LINKS: Final = RECORDS["ParcelLinks"]
PARCEL_ALERT: Final = RECORDS["ParcelAlert"]
TARGET_EDITION: Final = RECORDS["TargetEdition"]
DEAD_LETTER: Final = RECORDS["DeadLetter"]

RECORD_OF: Final[Mapping[str, Record]] = {
    **{topic.name: SCAN_EVENT for topic in topics.SCANS.values()},
    topics.LINKS.name: PARCEL_LINKS,
    topics.LIFECYCLE.name: PARCEL_LIFECYCLE,
    topics.ALERTS.name: PARCEL_ALERT,
    topics.TARGETS.name: TARGET_EDITION,
    topics.DEAD_LETTER.name: DEAD_LETTER,
}
"""Which record a topic carries. Ingress topics carry the networks' own documents, the changelog packed bytes."""
