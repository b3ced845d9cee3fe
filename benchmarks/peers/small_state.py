"""Our engine's state for the job that the peers do: joined in columns, kept in a changelog, back from it."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.peers import small_loops as loops
from benchmarks.peers.life import AT as TIME
from benchmarks.peers.life import HEAD, ID_BYTES, MILESTONES, NUMBER
from benchmarks.peers.small_loops import FREE, KEY, KEY_BYTES, KEY_SIZE, POOL, ROWS, WIDTH, Arrays, Scans, Words
from schemas.blobs import Blobs, Longs, Records

FEWEST: Final = 1024
Number = TypeVar("Number", bound=np.generic)


class Names:
    """Words by number, the same for as long as the state lives; number 0 is the empty word."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {b"": 0}
        self._spell()

    def _spell(self) -> None:
        known = list(self._numbers)
        self.blobs = Blobs.of(known)
        self.ranks = np.argsort(np.array(sorted(range(len(known)), key=known.__getitem__)))

    def numbers(self, column: pa.Array) -> Longs:
        """The number of each text of a column; null is the empty word."""
        coded = column.dictionary_encode()
        words = [(word or "").encode() for word in coded.dictionary.to_pylist()]
        before = len(self._numbers)
        found = np.array([self._numbers.setdefault(word, len(self._numbers)) for word in words] + [0], np.int64)
        if len(self._numbers) > before:
            self._spell()
        return found[coded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)]


class SmallState:
    """Lives of the parcels of one partition."""

    def __init__(self) -> None:
        self._index = np.full(2 * FEWEST, FREE, np.int64)
        self._rows = np.empty((FEWEST, WIDTH), np.int64)
        self._keys = np.empty(FEWEST, np.uint8)
        self._pool: Words = np.empty(FEWEST, np.uint64)
        self._used = np.zeros(4, np.int64)
        self._facilities, self._regions = Names(), Names()
        self._stamp = 0

    def __len__(self) -> int:
        return int(self._used[ROWS])

    def join(self, keys: Blobs, rows: pa.RecordBatch) -> Records:
        """Join ScanEvents, each under its key; the lives that changed."""
        facilities, regions = self._facilities.numbers(rows["facility_id"]), self._regions.numbers(rows["region"])
        scans = Scans(_kinds(rows), np.asarray(rows["occurred_at"].cast(pa.int64())), facilities, regions)
        places = self._located(keys)
        ids = hashes(Blobs.of(rows["event_id"]))
        return self.written(self._joined(places, scans, np.where(scans.kind < 0, FREE, places), ids))

    def written(self, some: Longs) -> Records:
        """Keys and values of these rows."""
        sizes = np.empty(len(some), np.int64)
        loops.measure(self._rows, some, self._facilities.blobs.sizes, self._regions.blobs.sizes, sizes)
        starts = np.cumsum(sizes) - sizes
        values = np.empty(int(sizes.sum()), np.uint8)
        loops.write_all(self._arrays, some, self._facilities.blobs.span, self._regions.blobs.span, values, starts)
        keys = Blobs(self._keys, self._rows[some, KEY], self._rows[some, KEY_SIZE])
        return Records(keys, Blobs(values, starts, sizes))

    def apply(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Join lives from the changelog: in any order, repeated, is the same."""
        told = _Told()
        for number, (key, value) in enumerate(pairs):
            told.read(number, key, value or b"")
        places = self._located(Blobs.of(told.keys))
        facilities, regions = (
            names.numbers(pa.array(words, pa.string()))
            for names, words in ((self._facilities, told.facilities), (self._regions, told.regions))
        )
        scans = Scans(np.array(told.kinds, np.int64), np.array(told.at, np.int64), facilities, regions)
        ids = np.frombuffer(b"".join(told.ids), ">u8").astype(np.uint64)
        owners = places[np.repeat(np.arange(len(told.ids)), [len(some) // ID_BYTES for some in told.ids])]
        self._joined(places[told.owners], scans, owners, ids)

    def _located(self, keys: Blobs) -> Longs:
        self._make_room(len(keys), keys.size)
        found = np.empty(len(keys), np.int64)
        loops.locate(self._arrays, keys.span, hashes(keys), found)
        return found

    def _joined(self, places: Longs, scans: Scans, owners: Longs, ids: Words) -> Longs:
        """The rows that changed; ids have rows of their own, their owners."""
        self._stamp += 1
        self._used[loops.CHANGED] = 0
        changed = np.empty(len(places) + len(owners), np.int64)
        ranks = self._facilities.ranks, self._regions.ranks
        loops.join_scans(self._arrays, places, scans, ranks, self._stamp, changed)
        at = 0
        while (at := loops.join_ids(self._arrays, owners, ids, at, self._stamp, changed)) < len(owners):
            self._pool = _grown(self._pool, 2 * len(self._pool), int(self._used[POOL]))
        return changed[: self._used[loops.CHANGED]]

    def _make_room(self, rows: int, key_bytes: int) -> None:
        used, more = self._used, int(self._used[ROWS]) + rows
        self._rows = _grown(self._rows, more, int(used[ROWS]))
        self._keys = _grown(self._keys, int(used[KEY_BYTES]) + key_bytes, int(used[KEY_BYTES]))
        if 2 * more > len(self._index):
            self._index = np.full(1 << (2 * more).bit_length(), FREE, np.int64)
            loops.index_all(self._index, self._rows, int(used[ROWS]))

    @property
    def _arrays(self) -> Arrays:
        return Arrays(self._index, self._rows, self._keys, self._pool, self._used)


def hashes(values: Blobs) -> Words:
    """Of each value."""
    found = np.empty(len(values), np.uint64)
    loops.fnv(values.span, found)
    return found


def _grown(array: npt.NDArray[Number], least: int, used: int) -> npt.NDArray[Number]:
    """The same with room for so many, and for half as many again if it had not."""
    if least <= len(array):
        return array
    more = np.empty((least + least // 2, *array.shape[1:]), array.dtype)
    more[:used] = array[:used]
    return more


def _kinds(rows: pa.RecordBatch) -> Longs:
    """Each scan's milestone, -1 for none."""
    (activity, activities), (tier, tiers) = (_coded(rows[name]) for name in ("activity", "tier"))
    table = np.array([[NUMBER.get((a, t), -1) for t in tiers] for a in activities], np.int64)
    return table.reshape(len(activities), len(tiers))[activity, tier]


def _coded(column: pa.Array) -> tuple[Longs, Sequence[str]]:
    coded = column.dictionary_encode()
    return coded.indices.to_numpy(), coded.dictionary.to_pylist()


class _Told:
    """Lives as what made them: each milestone, and the latest scan, is a scan again."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.owners: list[int] = []
        self.kinds: list[int] = []
        self.at: list[int] = []
        self.facilities: list[str] = []
        self.regions: list[str] = []
        self.ids: list[bytes] = []

    def read(self, number: int, key: bytes, value: bytes) -> None:
        """Take a record apart; ValueError if it is none of ours."""
        if len(value) < HEAD.size:
            raise ValueError(f"a life of {len(value)} bytes")
        many, mask = HEAD.unpack_from(value)
        at = HEAD.size
        for kind in range(len(MILESTONES)):
            if mask >> kind & 1:
                facility, after = _text(value, at + TIME.size)
                self._add(number, kind, TIME.unpack_from(value, at)[0], facility, "")
                at = after
        facility, after = _text(value, at + TIME.size + 1)
        region, end = _text(value, after)
        self._add(number, value[at + TIME.size], TIME.unpack_from(value, at)[0], facility, region)
        if end + ID_BYTES * many != len(value):
            raise ValueError(f"a life of {many} ids in {len(value)} bytes")
        self.keys.append(key)
        self.ids.append(value[end:])

    def _add(self, number: int, kind: int, at: int, facility: str, region: str) -> None:
        self.owners.append(number)
        self.kinds.append(kind)
        self.at.append(at)
        self.facilities.append(facility)
        self.regions.append(region)


def _text(value: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + value[at]
    return value[at + 1 : end].decode(), end
