"""Messages between waybills as records of parcel_links.avsc, many at a time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from schemas.blobs import Blobs, Longs, Records
from schemas.dead_letter import Refusal
from schemas.wire import Codec
from stream_jobs.identity.knowledge import Told
from stream_jobs.identity.limits import RECORD_BYTES

Some = dict[bytes, bytes]
Letters = list[tuple[bytes, Told]]
"""Messages, each with its receiver."""
FIELDS: Final = ["profiles", "timelines"]


def encoded(told: Iterable[tuple[bytes, Told]], codec: Codec) -> Records:
    """Records with their keys; what would be too large for one is cut into several, which say the same."""
    letters = list(told)
    if not letters:
        return Records.of([])
    rows = _rows(letters)
    if rows.nbytes > RECORD_BYTES and np.add(*map(_sizes, rows.columns)).max() > RECORD_BYTES:
        letters = [(waybill, part) for waybill, message in letters for part in _parts(message)]
        rows = _rows(letters)
    return Records(Blobs.of([waybill for waybill, _ in letters]), codec.encode_blobs(rows))


def decoded(records: Records, codec: Codec) -> tuple[Letters, list[int], list[tuple[int, Refusal]]]:
    """Messages with their receivers; the position of each; and what was no such record, by position."""
    if not len(records):
        return [], [], []
    found = codec.decode(records.values)
    profiles, timelines = (_dicts(found.rows.column(name)) for name in FIELDS)
    keys, good = records.keys.tolist(), found.good.tolist()
    parts = zip(good, profiles, timelines, strict=True)
    return [(keys[at] or b"", Told(mine, theirs)) for at, mine, theirs in parts], good, found.refused


def _parts(message: Told) -> Iterator[Told]:
    size, part = 0, Told()
    for whole, name in ((message.profiles, "profiles"), (message.timelines, "timelines")):
        for waybill, packed in whole.items():
            if size and size + len(packed) > RECORD_BYTES:
                yield part
                size, part = 0, Told()
            getattr(part, name)[waybill] = packed
            size += len(packed) + len(waybill)
    yield part


def _rows(letters: Letters) -> pa.RecordBatch:
    columns = [_maps([told.profiles for _, told in letters]), _maps([told.timelines for _, told in letters])]
    return pa.RecordBatch.from_arrays(columns, names=FIELDS)


def _maps(some: Sequence[Some]) -> pa.MapArray:
    offsets = pa.array([0, *accumulate(map(len, some))], pa.int32())
    keys = pa.array([key for held in some for key in held], pa.binary()).cast(pa.string())
    items = pa.array([value for held in some for value in held.values()], pa.binary())
    return pa.MapArray.from_arrays(offsets, keys, items)


def _sizes(column: pa.MapArray) -> Longs:
    """Bytes of each map's keys and values."""
    ends = [np.append(0, np.cumsum(Blobs.of(part).sizes)) for part in (column.keys, column.items)]
    return np.diff((ends[0] + ends[1])[column.offsets.to_numpy()])


def _dicts(column: pa.MapArray) -> list[Some]:
    keys, items = column.keys.cast(pa.binary()).to_pylist(), column.items.to_pylist()
    ends = column.offsets.to_pylist()
    whole = len(keys) == (ends[-1] if ends else 0)
    base = 0 if whole else ends[0]
    return [_dict(keys, items, a - base, b - base) for a, b in pairwise(ends)]


def _dict(keys: list[bytes], items: list[bytes], begin: int, end: int) -> Some:
    """Most have one entry, or none."""
    if end - begin > 1:
        return dict(zip(keys[begin:end], items[begin:end], strict=True))
    return {keys[begin]: items[begin]} if end > begin else {}
