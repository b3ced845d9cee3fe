"""Values of one writer schema, many at a time: Avro to Arrow and back through pyruhvro.

What pyruhvro 0.4 does not do, and who does it here: it stops at the first value it cannot read (the caller
halves the batch); it ignores what is left of a value, cuts ints to 32 bits and takes varints of excess length
(`read` writes the rows again and compares bytes); it copies strings unchecked (Arrow's full validation);
it panics on bytes (`columns.framed`); it writes nulls of fields that must be there (`columns.refuse_nulls`).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro

from schemas.columns import HEADER, arrow_schema, framed, one_line, refuse_nulls, shown_as, stripped

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
        self._declared = arrow_schema(schema, "declared")
        self._anything = arrow_schema(schema, "anywhere")
        self._id = np.frombuffer(schema_id.to_bytes(4, "big"), np.float32)
        self.columns = arrow_schema(json.loads(reader))
        self._resolved = _resolution(schema, json.loads(reader))

    @property
    def resolves(self) -> bool:
        """Whether rows of the writer's schema become the reader's column by column."""
        return self._resolved is not None

    def read(self, values: list[bytes], *, strict: bool) -> tuple[pa.RecordBatch, Sure] | None:
        """Rows of framed values, headers already checked, and which values they are; None if that is unknown.

        `strict`: a value is only sure if `write` would write the same, so none has bytes left over.
        """
        if self._resolved is None or sum(map(len, values)) > CHUNK:
            return None
        try:
            wire = pyruhvro.deserialize_array(values, self._wire_text)
            sure = self._sure(wire, values) if strict else np.ones(len(values), np.bool_)
            rows = shown_as(wire.select(range(len(HEADER), wire.num_columns)), self._written)
            rows = rows if sure.all() else rows.filter(pa.array(sure))
            rows.validate(full=True)
        except ValueError:  # pyruhvro's own, and ArrowInvalid
            return None
        return self._resolve(rows), sure

    def _sure(self, wire: pa.RecordBatch, values: list[bytes]) -> Sure:
        # A row has one shortest form, which is what is written: equal bytes mean that all bytes were read.
        again, given = self._serialized(wire), pa.array(values, pa.binary())
        if again.equals(given):
            return np.ones(len(values), np.bool_)
        same: Sure = pc.equal(again, given).to_numpy(zero_copy_only=False)
        return same

    def _serialized(self, wire: pa.RecordBatch) -> pa.Array:
        return pyruhvro.serialize_record_batch(wire, self._wire_text, 1)[0]

    def _resolve(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        if not self._resolved:
            return rows
        return pa.RecordBatch.from_arrays([column(rows) for column in self._resolved], schema=self.columns)

    def write(self, rows: pa.RecordBatch) -> list[bytes]:
        """Framed values of rows; columns are found by name and cast if they can be without loss.

        KeyError for a missing column, ArrowInvalid or ValueError for one that cannot be written.
        """
        if rows.nbytes > CHUNK and rows.num_rows > 1:
            half = rows.num_rows // 2
            return self.write(rows[:half]) + self.write(rows[half:])
        if not rows.schema.equals(self._written):
            rows = rows.select(self._written.names).cast(self._anything)
        for column, field in zip(rows.columns, self._declared, strict=True):
            refuse_nulls(column, field, field.name)
        values: list[bytes] = self._serialized(self._with_header(rows)).to_pylist()
        return values

    def _with_header(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        magic = pa.array(np.zeros(rows.num_rows, np.bool_))
        ident = pa.array(np.repeat(self._id, rows.num_rows))
        names = [*self._wire.names[: len(HEADER)], *rows.schema.names]
        return shown_as(pa.RecordBatch.from_arrays([magic, ident, *rows.columns], names=names), self._wire)


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
