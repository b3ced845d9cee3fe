"""From decoded ScanEvents to packed scans: the only place that reads the record's columns on the hot path."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import ACTIVITIES, RELATIONS, SERVICES, TIERS
from stream_jobs.timeline.hashing import STEP, hash_strings, mix, short
from stream_jobs.timeline.record import LINKS, SCAN, STARTS_RETURN, Index, Rows, Words

ACTIVITY: Final = {name: code for code, name in enumerate(ACTIVITIES)}
TIER: Final = {name: code for code, name in enumerate(TIERS)}
SERVICE: Final = {name: code for code, name in enumerate(SERVICES, start=1)}
RELATION: Final = {name: code for code, name in enumerate(RELATIONS)}
PIECE_OF: Final = RELATION["PIECE_OF"]
LINKED: Final = ["issuer", "tracking_number", "link"]
HALVES: Final = (".1", ".2")


class Link(NamedTuple):
    """The far end of one link of a batch: `row` of the packed scans that carries it."""

    row: int
    target: bytes
    relation: int

    @property
    def mark(self) -> int:
        """What the packed scan carries to say which link it states; never 0."""
        return crc32(self.target, self.relation) or 1


@dataclass(frozen=True)
class Packed:
    """A batch: `rows` of SCAN, `waybill` (position in `keys`) of each, links of the few that have one."""

    rows: Rows
    waybill: Index
    keys: list[bytes]
    links: tuple[Link, ...]


def pack(scans: pa.RecordBatch) -> Packed:
    """Pack a batch of ScanEvents (columns of scan_event.avsc, in Arrow)."""
    rows = np.zeros(scans.num_rows, SCAN)
    source = _hashes(scans["source"])
    _identities(rows, scans, source)
    rows["at"] = _milliseconds(scans["occurred_at"])
    rows["received"] = _milliseconds(scans["received_at"])
    rows["region"] = _coded(scans["region"], _number, np.int64)
    rows["dest"] = _coded(scans["destination_region"], _number, np.int64)
    rows["fac"] = _names(scans["facility_id"])
    rows["holder"] = _names(pc.coalesce(scans["operator"], scans["source"]))
    rows["source"] = short(source)
    rows["act"] = _coded(scans["activity"], ACTIVITY.__getitem__, np.uint8)
    rows["tier"] = _coded(scans["tier"], TIER.__getitem__, np.uint8)
    rows["service"] = _coded(scans["service"], lambda s: SERVICE.get(s, 0), np.uint8)
    links = _links(scans)
    rows["flags"] = _flags(scans, rows, links)
    keys, waybill = _waybills(scans)
    return Packed(rows, waybill, keys, links)


def _waybills(scans: pa.RecordBatch) -> tuple[list[bytes], Index]:
    joined = pc.binary_join_element_wise(scans["issuer"], scans["tracking_number"], ":")
    coded = joined.dictionary_encode()
    keys: list[bytes] = coded.dictionary.cast(pa.binary()).to_pylist()
    return keys, coded.indices.to_numpy().astype(np.int64)


def _identities(rows: Rows, scans: pa.RecordBatch, source: Words) -> None:
    ids = scans["event_id"]
    rows["id"] = _within(source, hash_strings(ids))
    rows["ref"] = short(rows["id"])
    halves = np.flatnonzero(pc.or_(*(pc.ends_with(ids, half) for half in HALVES)).to_numpy(zero_copy_only=False))
    whole = pc.utf8_slice_codeunits(ids.take(pa.array(halves)), 0, -2)
    rows["ref"][halves] = short(_within(source[halves], hash_strings(whole)))
    named = np.flatnonzero(scans["retracts"].is_valid().to_numpy(zero_copy_only=False))
    retracts = scans["retracts"].take(pa.array(named))
    rows["ref"][named] = short(_within(source[named], hash_strings(retracts)))


def _within(source: Words, hashes: Words) -> Words:
    return mix(hashes + source * STEP)


def _milliseconds(column: pa.Array) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = column.view(pa.int64()).to_numpy()
    return found


def _coded(column: pa.Array, code: Callable[[str], int], kind: type[np.generic]) -> npt.NDArray[np.generic]:
    """Look each distinct word up once; null gives 0."""
    coded = column.dictionary_encode()
    table = np.array([*(code(word) for word in coded.dictionary.to_pylist()), 0], kind)
    return table[_positions(coded)]


def _positions(coded: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = pc.fill_null(coded.indices, len(coded.dictionary)).to_numpy()
    return found


def _number(region: str) -> int:
    return int(region) if region.isdecimal() else 0


def _hashes(column: pa.Array) -> Words:
    coded = column.dictionary_encode()
    return hash_strings(coded.dictionary)[coded.indices.to_numpy()]


def _names(column: pa.Array) -> npt.NDArray[np.uint32]:
    coded = column.dictionary_encode()
    known = short(hash_strings(coded.dictionary))
    return np.append(known, np.uint32(0))[_positions(coded)]


def _links(scans: pa.RecordBatch) -> tuple[Link, ...]:
    """Links that join or contain. A piece of an order is a parcel like any other: of what matters to views only."""
    held = np.flatnonzero(scans["link"].is_valid().to_numpy(zero_copy_only=False))
    if not len(held):
        return ()
    some = scans.select(LINKED).take(pa.array(held))
    relations = [RELATION[name] for name in some["link"].field("relation").to_pylist()]
    named, mine = (
        _numbers(some["link"].field("issuer"), some["link"].field("tracking_number")),
        _numbers(some["issuer"], some["tracking_number"]),
    )
    return tuple(
        Link(row, target, relation)
        for row, relation, target, own in zip(held.tolist(), relations, named, mine, strict=True)
        if relation != PIECE_OF and target != own
    )


def _numbers(issuer: pa.Array, number: pa.Array) -> list[bytes]:
    found: list[bytes] = pc.binary_join_element_wise(issuer, number, ":").cast(pa.binary()).to_pylist()
    return found


def _flags(scans: pa.RecordBatch, rows: Rows, links: tuple[Link, ...]) -> npt.NDArray[np.uint8]:
    back = pc.fill_null(pc.equal(scans["reason"], "RETURN"), fill_value=False).to_numpy(zero_copy_only=False)
    starts = (rows["act"] == ACTIVITY["RETURN_STARTED"]) | (back & (rows["act"] == ACTIVITY["REFUSED"]))
    flags = starts.astype(np.uint8) * np.uint8(STARTS_RETURN)
    at = [link.row for link in links]
    flags[at] |= np.uint8(LINKS)
    flags[[link.row for link in links if link.relation == RELATION["RETURN"]]] |= np.uint8(STARTS_RETURN)
    rows["link"][at] = [link.mark for link in links]
    return flags
