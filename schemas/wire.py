"""The wire codec: Confluent framing, Avro, one codec per record.

A message is a zero byte, a schema id in 4 bytes (big-endian) and one Avro value, and nothing after it.
Ids are an allow-list: today's schema and those of earlier releases, each with the schema it stands for.
fastavro is the reference, one value at a time; batches go through `bulk` and what it doubts through the reference.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.blobs import Blobs
from schemas.bulk import Bulk
from schemas.dead_letter import Refusal
from schemas.framing import heads, refusal, too_large
from schemas.records import RECORD_OF, Record, check_bounded, releases
from schemas.registry import NotRegistered, Registry, subject
from schemas.single import Single

FEW: Final = 16
"""Below so many values a batch in doubt is read one by one: a call of the bulk reader costs as much."""

Index = npt.NDArray[np.intp]
Refused = list[tuple[int, Refusal]]


@dataclass(frozen=True)
class Decoded:
    """What became of a batch of values: `rows` of the good ones, `good` and `refused` by position in the input."""

    rows: pa.RecordBatch
    good: Index
    refused: Refused


@dataclass
class _Parts:
    """Rows read so far, in pieces, each with the positions of its values."""

    columns: pa.Schema
    rows: list[pa.RecordBatch] = field(default_factory=list)
    at: list[Index] = field(default_factory=list)
    refused: Refused = field(default_factory=list)

    def add(self, at: Index, rows: pa.RecordBatch) -> None:
        if len(at):
            self.at.append(at)
            self.rows.append(rows)

    def joined(self) -> Decoded:
        refused = sorted(self.refused, key=lambda pair: pair[0])
        if not self.rows:
            return Decoded(pa.RecordBatch.from_pylist([], schema=self.columns), np.empty(0, np.intp), refused)
        if len(self.rows) == 1:
            return Decoded(self.rows[0], self.at[0], refused)
        at, rows = np.concatenate(self.at), pa.concat_batches(self.rows)
        order = np.argsort(at)
        if (order[1:] < order[:-1]).any():
            rows = rows.take(pa.array(order))
        return Decoded(rows, at[order], refused)


class Codec:
    """Writes one record under `schema_id`; reads it under that id and those of `older`, id to schema text."""

    def __init__(self, record: Record, schema_id: int, older: Mapping[int, str] | None = None) -> None:
        self.record = record
        self.schema_id = schema_id
        self.allowed: Mapping[int, str] = {**(older or {}), schema_id: record.text}
        for text in self.allowed.values():
            check_bounded(json.loads(text))
        self._single = {known: Single(known, text, record.text) for known, text in self.allowed.items()}
        self._bulk = {known: Bulk(known, text, record.text) for known, text in self.allowed.items()}

    @property
    def columns(self) -> pa.Schema:
        """The Arrow schema of decoded rows: the record's fields, types as in `schemas.columns`."""
        return self._bulk[self.schema_id].columns

    def encode(self, rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
        """Messages of rows (timestamps: epoch ms or aware datetimes), by the reference.

        ValueError for a row that is none of this record; `Refusal` TOO_LARGE, with the row's position.
        """
        return self._bounded([self._single[self.schema_id].write(row) for row in rows])

    def encode_arrow(self, rows: pa.RecordBatch) -> list[bytes]:
        """Messages of rows in bulk, as `encode_blobs` gives them, each an object."""
        found: list[bytes] = self.encode_blobs(rows).tolist()  # type: ignore[assignment]  # none is None
        return found

    def encode_blobs(self, rows: pa.RecordBatch) -> Blobs:
        """Messages of rows in bulk; columns by name, in any order, of types that cast to `columns` without loss.

        KeyError for a missing column; ValueError for a null where none may be or a value that does not fit;
        `Refusal` TOO_LARGE, with the row's position.
        """
        values = self._bulk[self.schema_id].write(rows)
        if (largest := values.sizes.max(initial=0)) > self.record.limit:
            raise too_large(int(largest), self.record, int(values.sizes.argmax()))
        return values

    def _bounded(self, values: list[bytes]) -> list[bytes]:
        if (largest := max(map(len, values), default=0)) > self.record.limit:
            raise too_large(largest, self.record, [len(value) for value in values].index(largest))
        return values

    def decode_one(self, value: bytes) -> dict[str, Any]:
        """One message as a dict (timestamps: epoch ms), by the reference; raises `Refusal`."""
        (size,), (schema_id,) = (column.tolist() for column in heads(Blobs.of([value])))
        if why := refusal(size, schema_id, self.record, self.allowed):
            raise why
        return self._single[schema_id].read(value)

    def decode(self, messages: Sequence[bytes | None]) -> Decoded:
        """Messages as rows, and those refused; raises nothing, whatever the bytes. `Blobs` are read as they lie."""
        values = Blobs.of(messages)
        sizes, ids = heads(values)
        good = (sizes <= self.record.limit) & np.isin(ids, list(self.allowed))
        parts = _Parts(self.columns)
        for bad in np.flatnonzero(~good).tolist():
            if why := refusal(int(sizes[bad]), int(ids[bad]), self.record, self.allowed):
                parts.refused.append((bad, why))
        for schema_id in np.unique(ids[good]).tolist():
            at = np.flatnonzero(good & (ids == schema_id))
            some = values if len(at) == len(values) else values.take(at)
            self._settle(schema_id, some, at, parts)
        return parts.joined()

    def _settle(self, schema_id: int, values: Blobs, at: Index, parts: _Parts) -> None:
        """Read values of one schema; halve what is in doubt, so that a bad value costs few calls, not the batch."""
        bulk = self._bulk[schema_id]
        read = bulk.read(values)
        if read is not None:
            rows, sure = read
            parts.add(at[sure], rows)
            doubtful = np.flatnonzero(~sure)
            self._one_by_one(schema_id, values.take(doubtful), at[doubtful], parts)
        elif len(values) <= FEW or not bulk.resolves:
            self._one_by_one(schema_id, values, at, parts)
        else:
            half = len(values) // 2
            self._settle(schema_id, values[:half], at[:half], parts)
            self._settle(schema_id, values[half:], at[half:], parts)

    def _one_by_one(self, schema_id: int, values: Blobs, at: Index, parts: _Parts) -> None:
        rows, good = [], []
        for value, position in zip(values, at.tolist(), strict=True):
            try:
                rows.append(self._single[schema_id].read(value or b""))
                good.append(position)
            except Refusal as why:
                parts.refused.append((position, why))
        if rows:
            parts.add(np.array(good, np.intp), pa.RecordBatch.from_pylist(rows, schema=self.columns))


def codec(topic: str, registry: Registry) -> Codec:
    """The codec of a topic (`schemas.records.RECORD_OF`): today's schema, and earlier releases' if registered.

    `NotRegistered` if today's is not in the registry: nothing is ever registered by using it.
    """
    record = RECORD_OF[topic]
    older = {}
    for release in releases().values():
        try:
            older[registry.schema_id(subject(topic), release[record.name].text)] = release[record.name].text
        except (KeyError, NotRegistered):
            continue  # that release had no such record, or this network began after it
    return Codec(record, registry.schema_id(subject(topic), record.text), older)
