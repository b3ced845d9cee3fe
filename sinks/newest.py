"""Of several records of a parcel in one batch, the one that will be seen: the others are never decoded.

A record of `parcels.lifecycle` begins with parcel_id, version and judged_at. The highest version wins, of equal ones
the later judged, of equal ones the last: so do merges of `stored_parcels`, and a higher version holds all of a lower.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.blobs import Blobs, Longs, Span
from schemas.columns import stripped
from schemas.compiled import compiled
from schemas.framing import SIZE, heads
from schemas.records import Schema
from schemas.varint import BROKEN, read

HEAD: Final = {"parcel_id": "string", "version": "long", "judged_at": "long"}
"""The fields a record must begin with, in order, to be told apart unread."""
UNREAD: Final = -1
"""The size of a parcel_id whose record has no head that can be read."""

Index = npt.NDArray[np.intp]


def begin_so(schemas: Mapping[int, Schema]) -> Longs:
    """Ids of the schemas that begin with HEAD."""
    heads_of = {known: list(_fields(schema).items())[: len(HEAD)] for known, schema in schemas.items()}
    return np.array([known for known, head in heads_of.items() if head == list(HEAD.items())], np.int64)


def _fields(schema: Schema) -> dict[str, Schema]:
    return {field["name"]: field["type"] for field in stripped(schema)["fields"]}  # type: ignore[call-overload,index]  # a record's


def newest(values: Blobs, known: Longs) -> Index:
    """Positions, in order, of the records to decode: the newest of each parcel, and all whose head can't be read.

    `known`: the schema ids to look at. Of what is left out nothing but its head was read: it may be no whole record.
    """
    columns = np.zeros((4, len(values)), np.int64)
    _read_heads(values.span, *columns)
    _, ids = heads(values)
    starts, sizes, versions, judged = columns
    unread = (sizes == UNREAD) | ~np.isin(ids, known)
    at = np.flatnonzero(~unread)
    parcels = Blobs(values.data, starts[at], sizes[at]).joined().dictionary_encode().indices.to_numpy()
    order = np.lexsort((judged[at], versions[at], parcels))  # stable: of equals the last stays last
    last = np.append(parcels[order][1:] != parcels[order][:-1], np.ones(min(len(order), 1), np.bool_))
    return np.sort(np.concatenate([np.flatnonzero(unread), at[order[last]]]))


@compiled
def _read_heads(values: Span, id_starts: Longs, id_sizes: Longs, versions: Longs, judged: Longs) -> None:
    data, starts, sizes = values
    for row in range(len(starts)):
        end = starts[row] + sizes[row]
        size, at = read(data, starts[row] + SIZE, end)
        id_starts[row], id_sizes[row] = at, UNREAD
        if at != BROKEN and 0 <= size <= end - at:
            versions[row], at = read(data, at + size, end)
            judged[row], at = read(data, at, end) if at != BROKEN else (0, BROKEN)
            if at != BROKEN:
                id_sizes[row] = size
