"""Values of one writer schema, many at a time: Avro to Arrow by `skim`, and back through pyruhvro.

What pyruhvro 0.4 does not do, and who does it here: it panics on bytes (`columns.framed`); it writes nulls of
fields that must be there (`columns.refuse_nulls`). Its reader is not used: it stops at the first value it cannot
read, ignores what is left of a value, cuts ints to 32 bits, takes varints of excess length and wants a list.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyruhvro

from schemas.blobs import Blobs
from schemas.columns import HEADER, arrow_schema, framed, one_line, refuse_nulls, shown_as, stripped
from schemas.framing import SIZE
from schemas.skim import Skim

CHUNK: Final = 1 << 30
"""Bytes handled at once; Arrow's strings end at 2 GiB."""

Sure = npt.NDArray[np.bool_]
Column = Callable[[pa.RecordBatch], pa.Array]


class Bulk:
    """Reads values written under one schema id into the reader's columns; writes values under that id."""

    def __init__(self, schema_id: int, writer: str, reader: str) -> None:
        schema = json.loads(writer)
        self._wire_text = one_line(framed(schema))
        self._wire = arrow_schema(json.loads(self._wire_text))
        self._written = arrow_schema(schema)
        self._skim = Skim(schema, self._written, SIZE)
        self._declared = arrow_schema(schema, "declared")
        self._anything = arrow_schema(schema, "anywhere")
        self._id = np.frombuffer(schema_id.to_bytes(4, "big"), np.float32)
        self.columns = arrow_schema(json.loads(reader))
        self._resolved = _resolution(schema, json.loads(reader))

    @property
    def resolves(self) -> bool:
        """Whether rows of the writer's schema become the reader's column by column."""
        return self._resolved is not None

    def read(self, values: Blobs) -> tuple[pa.RecordBatch, Sure] | None:
        """Rows of framed values, headers already checked, and which values they are; None if that is unknown.

        A value is only sure if `write` would write the same.
        """
        if self._resolved is None or values.size > CHUNK:
            return None
        try:
            rows, sure = self._skim.read(values)
        except pa.ArrowInvalid:
            return None
        return self._resolve(rows), sure

    def _serialized(self, wire: pa.RecordBatch) -> pa.Array:
        return pyruhvro.serialize_record_batch(wire, self._wire_text, 1)[0]

    def _resolve(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        if not self._resolved:
            return rows
        return pa.RecordBatch.from_arrays([column(rows) for column in self._resolved], schema=self.columns)

    def write(self, rows: pa.RecordBatch) -> Blobs:
        """Framed values of rows; columns are found by name and cast if they can be without loss.

        KeyError for a missing column, ArrowInvalid or ValueError for one that cannot be written.
        """
        if rows.nbytes > CHUNK and rows.num_rows > 1:
            half = rows.num_rows // 2
            return Blobs.of([*self.write(rows[:half]), *self.write(rows[half:])])
        if not rows.schema.equals(self._written):
            rows = self._cast(rows.select(self._written.names))
        for column, field in zip(rows.columns, self._declared, strict=True):
            refuse_nulls(column, field, field.name)
        return Blobs.of(self._serialized(self._with_header(rows)))

    def _cast(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        pairs = zip(rows.columns, self._anything.types, strict=True)
        return pa.RecordBatch.from_arrays([_cast(column, kind) for column, kind in pairs], schema=self._anything)

    def _with_header(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        magic = pa.array(np.zeros(rows.num_rows, np.bool_))
        ident = pa.array(np.repeat(self._id, rows.num_rows))
        names = [*self._wire.names[: len(HEADER)], *rows.schema.names]
        return shown_as(pa.RecordBatch.from_arrays([magic, ident, *rows.columns], names=names), self._wire)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """The column as this type; most are already, and a cast that changes nothing costs a call all the same."""
    if column.type.equals(kind):
        return column
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(column.type) and column.type.unit == kind.unit:
        return column.view(kind)  # the same instants, in another zone
    return column.cast(kind)


def _resolution(writer: dict[str, Any], reader: dict[str, Any]) -> list[Column] | None:
    """How each reader's column comes from the writer's rows; empty: as they are; None: not column by column."""
    if stripped(writer) == stripped(reader):
        return []
    written = {field["name"]: stripped(field["type"]) for field in writer["fields"]}
    columns = [_column(field, written) for field in reader["fields"]]
    return [c for c in columns if c] if all(columns) else None


def _column(field: Mapping[str, Any], written: Mapping[str, Any]) -> Column | None:
    name = field["name"]
    if name in written:
        return (lambda rows: rows.column(name)) if written[name] == stripped(field["type"]) else None
    default = field.get("default")
    kind = arrow_schema({"fields": [field]}).field(0).type
    if default is not None and not isinstance(default, str | int | float):
        return None
    # Avro writes a default of bytes as text, one character a byte.
    value = default.encode("latin-1") if pa.types.is_binary(kind) and isinstance(default, str) else default
    return lambda rows: pa.repeat(pa.scalar(value, kind), rows.num_rows)
