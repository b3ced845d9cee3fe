"""What a waybill says of itself to those it is linked with: everything they need to agree on parcels.

A profile is a pure function of the waybill's own scans and of who names it. Its `ordinal` grows with what the
waybill knows, so of two profiles the one with the higher ordinal replaces the other, in whatever order they come.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import pyarrow as pa

from stream_jobs.identity.limits import Rank
from stream_jobs.timeline.hashing import hash_strings, short
from stream_jobs.timeline.pack import RELATION

IN_CONTAINER: Final = RELATION["IN_CONTAINER"]
HOLDS, ALIVE = 1, 2
"""Flags of an entry: this copy of the scan holds; some copy of it does."""

HEAD: Final = struct.Struct("<HQQQQ")
"""Size of the owner's name, the ordinal's lower and upper half, `minor`, `own`."""
OWNER: Final = struct.Struct("<H")
HALF: Final = 64
LOWER: Final = (1 << HALF) - 1
BODY: Final = struct.Struct("<BBBHH")
ENTRY: Final = struct.Struct("<QqqIBBH")
PAIR: Final = struct.Struct("<qQ")
SEEN: Final = struct.Struct("<IB")


NONE_SEEN: Final[Mapping[int, int]] = {}
ONE_LINK: Final = BODY.pack(0, 0, 0, 0, 1)
"""How a body begins that says one link and nothing else."""
ONE_TARGET: Final = BODY.size + ENTRY.size


class Entry(NamedTuple):
    """One copy of a link scan: who said it (`source`, a hash), when, of which number (`target`), whether it holds."""

    received: int
    id: int
    at: int
    source: int
    relation: int
    flags: int
    target: bytes

    @property
    def rank(self) -> Rank:
        """The earlier received comes first."""
        return self.received, self.id


class Profile(NamedTuple):
    """`cuts`: (last instant before, first instant after) of each rest after which the number is another parcel's.

    `own`: how much the waybill knows by itself. `seen`: how many standing scans (2: or more) of those networks
    whose links are in question. `joins_until`, `holds_until`: rank of the last link, of the last parcel let in.
    """

    owner: bytes
    ordinal: int
    minor: int
    own: int
    label: bool
    cuts: tuple[tuple[int, int], ...]
    seen: Mapping[int, int]
    joins_until: Rank | None
    holds_until: Rank | None
    entries: tuple[Entry, ...]
    packed: bytes
    """All of it, for messages and the changelog."""

    @property
    def body(self) -> bytes:
        """The fields that others act on, packed."""
        return self.packed[HEAD.size + len(self.owner) :]

    @property
    def newness(self) -> tuple[int, int]:
        """Of two profiles of one waybill the greater is the later."""
        return self.ordinal, self.minor

    def later(self, ordinal: int, minor: int, own: int) -> "Profile":
        """The same, with more behind it."""
        packed = whole(self.owner, ordinal, minor, own, self.body)
        return Profile._make((self.owner, ordinal, minor, own, *self[4:10], packed))  # those between are the body's

    def generation(self, at: int) -> int:
        """Which of the number's lives this instant belongs to, counted from 0; within a rest to the nearer."""
        return sum(at - before > after - at for before, after in self.cuts)


def whole(owner: bytes, ordinal: int, minor: int, own: int, told: bytes) -> bytes:
    """A packed profile of its head's fields and its body."""
    return HEAD.pack(len(owner), ordinal & LOWER, ordinal >> HALF, minor, own) + owner + told


def body(
    label: bool,  # noqa: FBT001  # a field like the others
    cuts: tuple[tuple[int, int], ...],
    seen: Mapping[int, int],
    joins_until: Rank | None,
    holds_until: Rank | None,
    entries: Iterable[Entry],
) -> bytes:
    """The fields that others act on, packed: equal knowledge is equal bytes."""
    told = tuple(entries)
    bounds = [bound for bound in (joins_until, holds_until) if bound is not None]
    which = (joins_until is not None) + 2 * (holds_until is not None)
    parts = [BODY.pack(label, which, len(cuts), len(seen), len(told))]
    parts += [PAIR.pack(*pair) for pair in (*bounds, *cuts)]
    parts += [SEEN.pack(source, seen[source]) for source in sorted(seen)]
    parts += [ENTRY.pack(e.id, e.received, e.at, e.source, e.relation, e.flags, len(e.target)) + e.target for e in told]
    return b"".join(parts)


def body_of_one(seen: Mapping[int, int], entries: Sequence[Entry]) -> bytes:
    """The same of at most one network seen, and at most one entry, and nothing else."""
    told = ONE_LINK if entries and not seen else BODY.pack(0, 0, 0, len(seen), len(entries))
    for source, times in seen.items():
        told += SEEN.pack(source, times)
    for received, scan, at, source, relation, flags, target in entries:
        told += ENTRY.pack(scan, received, at, source, relation, flags, len(target)) + target
    return told


def owner_of(packed: bytes) -> bytes:
    """Whose packed profile it is."""
    (size,) = OWNER.unpack_from(packed)
    return packed[HEAD.size : HEAD.size + size]


def unpacked(packed: bytes, known: Profile | None = None) -> Profile:
    """A profile from its bytes. `known`: one of the same owner; if that knows no less, it is what is given."""
    size, lower, upper, minor, own = HEAD.unpack_from(packed)
    ordinal, head = lower + (upper << HALF), HEAD.size + size
    told = packed[head:]
    if known is None:
        return Profile._make((packed[HEAD.size : head], ordinal, minor, own, *_said(told), packed))
    if known.newness >= (ordinal, minor):
        return known
    said = known[4:10] if told == known.body else _said(told)
    return Profile._make((known.owner, ordinal, minor, own, *said, packed))


Said = tuple[bool, tuple[tuple[int, int], ...], Mapping[int, int], Rank | None, Rank | None, tuple[Entry, ...]]


def _said(told: bytes) -> Said:
    """The fields of a body."""
    if told.startswith(ONE_LINK):
        scan, received, moment, source, relation, flags, length = ENTRY.unpack_from(told, BODY.size)
        target = told[ONE_TARGET : ONE_TARGET + length]
        entry = Entry._make((received, scan, moment, source, relation, flags, target))
        return False, (), NONE_SEEN, None, None, (entry,)
    label, which, many_cuts, many_seen, many = BODY.unpack_from(told)
    many_pairs = which.bit_count() + many_cuts
    seen_at = BODY.size + many_pairs * PAIR.size
    pairs = list(PAIR.iter_unpack(told[BODY.size : seen_at]))
    at = seen_at + many_seen * SEEN.size
    seen = _SEEN[SEEN.unpack_from(told, seen_at)] if many_seen == 1 else dict(SEEN.iter_unpack(told[seen_at:at]))
    entries = []
    for _ in range(many):
        number, received, moment, source, relation, flags, length = ENTRY.unpack_from(told, at)
        at += ENTRY.size + length
        entries.append(Entry(received, number, moment, source, relation, flags, told[at - length : at]))
    joins = pairs.pop(0) if which & 1 else None
    holds = pairs.pop(0) if which & 2 else None
    return bool(label), tuple(pairs), seen, joins, holds, tuple(entries)


class _Seen(dict[tuple[int, int], Mapping[int, int]]):
    """Of one network, how often: few differ, so that profiles share them."""

    def __missing__(self, key: tuple[int, int]) -> Mapping[int, int]:
        if len(self) >= NETWORKS:
            self.clear()
        self[key] = found = {key[0]: key[1]}
        return found


class _Hashes(dict[bytes, int]):
    """Of networks' names, as many as are kept."""

    def __missing__(self, network: bytes) -> int:
        if len(self) >= NETWORKS:
            self.clear()
        self[network] = found = int(short(hash_strings(pa.array([network])))[0])
        return found


NETWORKS: Final = 1 << 16
_HASHES: Final = _Hashes()
_SEEN: Final = _Seen()


def seen_of_one(source: int, times: int) -> Mapping[int, int]:
    """That this network has scanned so often: 2 is twice or more."""
    return _SEEN[source, min(times, 2)]


def issuer(waybill: bytes) -> int:
    """Hash of the network whose number it is."""
    return _HASHES[waybill[: waybill.index(b":")]]
