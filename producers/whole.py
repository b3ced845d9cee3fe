"""ScanEvents as Avro, a batch of one network's at a time: what is plainly right goes through as columns.

Each column is held against what the field may be. A row with anything else in it (a blank in its number, a link) is
read by `canonical` like a JSON document, to the same scan or the same refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from producers.canonical import CLOSED, MOST_MEASURES, TEXTS, CanonicalReader
from producers.fields import LONGEST, LONGEST_ID, Bounds
from producers.scans import Scan
from schemas.blobs import Blobs, Longs, Span
from schemas.compiled import compiled
from schemas.dead_letter import Refusal
from schemas.reference import Reference
from schemas.wire import Codec

Marks = npt.NDArray[np.bool_]
Refused = list[tuple[int, Refusal]]

PLAIN: Final = bytes({*range(0x20, 0x7F), *range(0x80, 0xFF)} - {0xC2, 0xE2})
"""All of UTF-8 but control characters: in ASCII, and those that begin with C2 (to U+00BF) or E2 (U+2028, U+2029)."""
NUMBERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
REGION_SIZE: Final = 12
SPELLED: Final[dict[str, tuple[bytes, int, int]]] = {
    "tracking_number": (NUMBERS, 4, 40),
    "event_id": (PLAIN, 1, LONGEST_ID),
    "raw_code": (PLAIN, 1, LONGEST),
    "region": (b"0123456789", REGION_SIZE, REGION_SIZE),
    "destination_region": (b"0123456789", REGION_SIZE, REGION_SIZE),
    **dict.fromkeys(TEXTS, (PLAIN, 0, LONGEST)),
}
"""Bytes a text may have, and how many at least and at most: never wider than `canonical` (a test compares)."""
MEASURED: Final = ((PLAIN, 0, LONGEST), (PLAIN, 1, LONGEST))
"""The same of each measure's name and of its text."""
RARE: Final = ("link", "retracts")


@dataclass
class Taken:
    """`rows` that went through as columns; `scans` and `refused` of the others, by position in the input."""

    rows: pa.RecordBatch
    scans: list[Scan] = field(default_factory=list)
    refused: Refused = field(default_factory=list)


class WholeReader:
    """Reads batches of ScanEvents in Avro."""

    def __init__(self, reference: Reference, bounds: Bounds) -> None:
        self._networks = {name: network.kind for name, network in reference.networks.items()}
        self._known, self._bounds = pa.array(self._networks), bounds
        self._closed = {name: pa.array(words) for name, words in CLOSED.items()}
        self._careful = CanonicalReader(reference, bounds)

    def read(self, values: Sequence[bytes | None], received_at: Longs, network: str, codec: Codec) -> Taken:
        """What a network published; `received_at` of each, epoch ms. Nothing is raised, whatever the bytes."""
        decoded = codec.decode(values)
        received = received_at[decoded.good]
        sure = self._sure(decoded.rows, received, network)
        sound = np.flatnonzero(sure)
        rows = decoded.rows if len(sound) == len(sure) else decoded.rows.take(pa.array(sound))
        taken = Taken(self._stamped(rows, received[sound], network), refused=list(decoded.refused))
        doubtful = np.flatnonzero(~sure)
        told = dicts(decoded.rows.take(pa.array(doubtful))) if len(doubtful) else []
        for scan, row in zip(told, doubtful.tolist(), strict=True):
            try:
                taken.scans.append(self._careful.scan(scan, network, int(received[row])))
            except Refusal as why:
                taken.refused.append((int(decoded.good[row]), why))
        return taken

    def _sure(self, rows: pa.RecordBatch, received: Longs, network: str) -> Marks:
        sure = _marks(pc.equal(rows["source"], network)) & _marks(pc.is_in(rows["issuer"], self._known))
        sure &= (network in self._networks) & _marks(
            _none_or(pc.is_in(rows["operator"], self._known), rows["operator"])
        )
        at = np.asarray(rows["occurred_at"].cast(pa.int64()))
        sure &= (at >= self._bounds.earliest) & (at <= received + self._bounds.ahead)
        for name, words in self._closed.items():
            sure &= _marks(_none_or(pc.is_in(rows[name], words), rows[name]))
        for name, spelled in SPELLED.items():
            _mark_spelled(sure, Blobs.of(rows[name]).span, _allowed(spelled[0]), *spelled[1:])
        for name in RARE:
            sure &= _marks(rows[name].is_null())
        sure &= _measured(rows["measures"])
        return sure & _marks(pc.not_equal(rows["activity"], "RETRACTED"))

    def _stamped(self, rows: pa.RecordBatch, received: Longs, network: str) -> pa.RecordBatch:
        """With what is ours to say: when it came, and what kind of network it is."""
        told = {
            "source_kind": pa.repeat(pa.scalar(self._networks.get(network, "")), len(rows)),
            "received_at": pa.array(received).cast(rows.schema.field("received_at").type),
        }
        return pa.RecordBatch.from_arrays(
            [told.get(name, column) for name, column in zip(rows.schema.names, rows.columns, strict=True)],
            schema=rows.schema,
        )


def _marks(found: pa.Array) -> Marks:
    return np.asarray(pc.fill_null(found, pa.scalar(value=False)))


def _none_or(found: pa.Array, column: pa.Array) -> pa.Array:
    """A field that must be there is never null: the decoder has seen to that."""
    return pc.or_(found, column.is_null())


def _measured(measures: pa.MapArray) -> Marks:
    """Rows without measures, or with some, each plainly right and of a name of its own."""
    sure, ends = _marks(measures.is_null()), measures.offsets.to_numpy()
    if ends[0] == ends[-1]:
        return sure
    names, texts = (part[ends[0] : ends[-1]] for part in (measures.keys, measures.items))
    good = np.ones(len(names), np.bool_)
    for column, spelled in zip((names, texts), MEASURED, strict=True):
        _mark_spelled(good, Blobs.of(column).span, _allowed(spelled[0]), *spelled[1:])
    many = np.diff(ends)
    row = np.repeat(np.arange(len(measures)), many)
    _, first = np.unique([row, names.dictionary_encode().indices], axis=1, return_index=True)
    good &= np.isin(np.arange(len(names)), first)
    right = np.bincount(row, good, len(measures))
    return sure | ((many == right) & (many > 0) & (many <= MOST_MEASURES))


def _allowed(letters: bytes) -> Marks:
    table = np.zeros(256, np.bool_)
    table[list(letters)] = True
    return table


@compiled
def _mark_spelled(sure: Marks, texts: Span, allowed: Marks, least: int, most: int) -> None:
    """Take the mark from rows whose text is there and has other bytes, or too few, or too many."""
    data, starts, sizes = texts
    for row in range(len(sure)):
        if sure[row] and sizes[row] >= 0:
            good = least <= sizes[row] <= most
            for at in range(starts[row], starts[row] + sizes[row]):
                good &= allowed[data[at]]
            sure[row] = good


def dicts(rows: pa.RecordBatch) -> list[dict[str, Any]]:
    """As a JSON document has them: times as epoch ms, measures as an object."""
    columns = [c.cast(pa.int64()) if pa.types.is_timestamp(c.type) else c for c in rows.columns]
    told: list[dict[str, Any]] = pa.RecordBatch.from_arrays(columns, names=rows.schema.names).to_pylist()
    for scan in told:
        scan["measures"] = dict(scan["measures"]) if scan["measures"] else None
    return told


def keys(rows: pa.RecordBatch) -> pa.Array:
    """The record's key of each row: issuer:tracking_number."""
    return pc.binary_join_element_wise(rows["issuer"], rows["tracking_number"], ":").cast(pa.binary())


def counts(rows: pa.RecordBatch) -> dict[tuple[str, str], int]:
    """How many rows of each source and activity."""
    found = pa.Table.from_batches([rows]).group_by(["source", "activity"]).aggregate([([], "count_all")])
    return {(row["source"], row["activity"]): row["count_all"] for row in found.to_pylist()}
