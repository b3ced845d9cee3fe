"""One value at a time through fastavro: the reference that the bulk path is tested against."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import fastavro

from schemas.columns import stripped
from schemas.framing import SIZE, header, unreadable
from schemas.records import Schema

INT: Final = range(-(1 << 31), 1 << 31)

Check = Callable[[Any], bool]


class Single:
    """Reads a value written under one schema id as the reader's record; writes one under that id."""

    def __init__(self, schema_id: int, writer: str, reader: str) -> None:
        schema, wanted = json.loads(writer), json.loads(reader)
        self._name = schema["name"]
        self._header = header(schema_id)
        self._full = fastavro.parse_schema(schema)
        self._written = fastavro.parse_schema(_longs(schema))
        self._target = None if writer == reader else fastavro.parse_schema(_longs(wanted))
        self._can_write = _ints_fit(stripped(schema))
        self._can_read = _ints_fit(stripped(wanted))

    def write(self, row: Mapping[str, Any]) -> bytes:
        """The framed value; ValueError for a row with a field missing, unknown or of the wrong type."""
        out = io.BytesIO()
        out.write(self._header)
        try:
            fastavro.schemaless_writer(out, self._full, row, strict_allow_default=True)
        except (TypeError, OverflowError, ValueError) as cause:
            raise ValueError(f"not a {self._name}: {cause}") from cause
        if self._can_write and not self._can_write(row):
            raise ValueError(f"not a {self._name}: an int above 32 bits")
        return out.getvalue()

    def read(self, value: bytes) -> dict[str, Any]:
        """The record of a framed value, timestamps as epoch ms; raises `Refusal` UNREADABLE."""
        source = io.BytesIO(value)
        source.seek(SIZE)
        try:
            row: Any = fastavro.schemaless_reader(source, self._written, self._target)
        except Exception as cause:  # whatever the reader trips over, the bytes are no record
            # Not its text: that names objects by address, and the same bytes must give the same letter.
            raise unreadable(f"{type(cause).__name__} at byte {source.tell()} of {len(value)}") from cause
        if left := len(value) - source.tell():
            raise unreadable(f"{left} bytes left over")
        if self._can_read and not self._can_read(row):
            raise unreadable("an int above 32 bits")
        return dict(row)


def _longs(schema: Schema) -> Any:  # noqa: ANN401  # the JSON it gets, in the same shape
    """Without logical types, so that timestamps are read as longs: datetimes end in the year 9999."""
    if isinstance(schema, list):
        return [_longs(part) for part in schema]
    if isinstance(schema, dict):
        return {key: _longs(part) for key, part in schema.items() if key != "logicalType"}
    return schema


def _ints_fit(schema: Schema) -> Check | None:
    """Whether all ints of a value have 32 bits, which fastavro never asks; None where there are no ints."""
    if isinstance(schema, list):
        (present,) = (_ints_fit(branch) for branch in schema if branch != "null")
        return present and (lambda value: value is None or present(value))
    if isinstance(schema, str):
        return INT.__contains__ if schema == "int" else None
    if schema["type"] == "record":
        return _fields_fit(schema)
    inner = _ints_fit(schema["items" if schema["type"] == "array" else "values"])
    if schema["type"] == "array":
        return inner and (lambda value: all(map(inner, value)))
    return inner and (lambda value: all(map(inner, value.values())))


def _fields_fit(schema: dict[str, Any]) -> Check | None:
    checks = {field["name"]: check for field in schema["fields"] if (check := _ints_fit(field["type"]))}
    if not checks:
        return None
    # A row to be written may leave a field out: its default fits.
    return lambda row: all(check(row[name]) for name, check in checks.items() if name in row)
