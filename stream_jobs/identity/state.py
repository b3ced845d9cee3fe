"""The state of one partition: every waybill's timeline, and what the linked ones know of each other.

`step` joins a batch and says what follows: which values changed (the changelog), whom to tell what
(`parcels.links`), and which parcels to derive anew. It writes nothing and asks no clock.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from stream_jobs.identity.facts import Fact, component, containers, fact_of, settled
from stream_jobs.identity.knowledge import Changed, Knowledge, Told, join, messages
from stream_jobs.identity.stays import Gathered, gather
from stream_jobs.lifecycle.columns import Parcels
from stream_jobs.lifecycle.output import Identity
from stream_jobs.timeline.pack import Packed
from stream_jobs.timeline.record import Index, Rows, empty, read
from stream_jobs.timeline.union import Marks, distinct, knowledge, split, union

COUNT = struct.Struct("<I")
"""Head of a changelog value: bytes of the waybill's own timeline; what it knows of others follows."""


class Tail(Protocol):
    """Bytes of what a waybill knows of others: a record of parcel_links.avsc."""

    def encode(self, facts: Iterable[Fact], timelines: Mapping[bytes, bytes]) -> bytes: ...  # noqa: D102
    def decode(self, value: bytes) -> Told: ...  # noqa: D102


@dataclass(frozen=True)
class Step:
    """What a batch changed: state values by waybill, messages, parcels to derive and whose they are."""

    changed: dict[bytes, bytes]
    told: list[tuple[bytes, Told]]
    parcels: Parcels
    identity: Identity


@dataclass(frozen=True)
class _Plain:
    """The changed waybills that know of no other: parcels of their own."""

    rows: Rows
    parcel: Index
    keys: list[bytes]


class Timelines:
    """All waybills of one partition."""

    def __init__(self, tail: Tail) -> None:
        self.own: dict[bytes, bytes] = {}
        self.known: dict[bytes, Knowledge] = {}
        self._tail = tail

    def apply(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Join changelog records: any order, repeated, is the same."""
        for waybill, value in pairs:
            if value is None:
                continue
            (size,) = COUNT.unpack_from(value)
            own, tail = value[COUNT.size : COUNT.size + size], value[COUNT.size + size :]
            self.own[waybill] = join(self.own[waybill], own) if self.own.get(waybill) else own
            if tail:
                told = self._tail.decode(tail)
                self.known.setdefault(waybill, Knowledge()).learn(told.facts, told.timelines)

    def step(self, packed: Packed | None, told: Sequence[tuple[bytes, Told]] = ()) -> Step:
        """Join a batch of scans and of messages."""
        heard = _by_waybill(told)
        stated = _stated(packed)
        before = {w: self._is_parcel(w) for w in {*heard, *stated}}
        grown, plain = self._join(packed, {*heard, *stated})
        tangled = [w for w in {*heard, *stated, *grown} if w in self.known or w in heard or w in stated]
        out: list[tuple[bytes, Told]] = []
        touched = [w for w in sorted(tangled) if self._learn(w, heard, stated.get(w, set()), w in grown, out)]
        parcels = [w for w in touched if self._is_parcel(w) or before.get(w, True)]
        derived, identity = _lay_out(plain, [self._gathered(w) for w in parcels])
        return Step(self._values({*grown, *touched}), out, derived, identity)

    def _is_parcel(self, waybill: bytes) -> bool:
        known = self.known.get(waybill)
        if known is None:
            return waybill in self.own
        return component(waybill, known.facts)[0] == waybill and waybill not in containers(known.facts)

    def _join(self, packed: Packed | None, linked: set[bytes]) -> tuple[set[bytes], _Plain]:
        """Union of the batch with the timelines it touches; those of unlinked waybills come back as rows."""
        if packed is None or not packed.keys:
            return set(), _Plain(empty(), np.empty(0, np.int64), [])
        keys = packed.keys
        olds = [self.own.get(key, b"") for key in keys]
        known = read(b"".join(olds))
        sizes = np.fromiter(map(len, olds), np.int64, len(olds)) // known.itemsize
        owner = np.concatenate([np.repeat(np.arange(len(keys)), sizes), packed.waybill])
        rows, owner = union(np.concatenate([known, packed.rows]), owner)
        news = split(rows, owner, len(keys))
        grown = {key: new for key, old, new in zip(keys, olds, news, strict=True) if new != old}
        self.own.update(grown)
        alone = [key in grown and key not in self.known and key not in linked for key in keys]
        return set(grown), _plain(rows, owner, keys, np.array(alone))

    def _learn(  # one waybill's part of the batch
        self,
        waybill: bytes,
        heard: Mapping[bytes, Told],
        stated: set[Fact],
        grown: bool,  # noqa: FBT001
        out: list[tuple[bytes, Told]],
    ) -> bool:
        """Take in what the waybill's own scans and others say; tell others; says whether anything changed."""
        known = self.known.setdefault(waybill, Knowledge())
        told = heard.get(waybill, Told())
        own = self.own.get(waybill, b"")
        foreign = {w: t for w, t in told.timelines.items() if w != waybill}
        new, more = known.learn(told.facts | stated, foreign)
        new |= known.learn(settled(waybill, own, known.facts), {})[0]
        changed = Changed(frozenset(new), grown, more)
        if not (new or grown or more):
            return False
        out.extend(messages(waybill, own, known, changed).items())
        return True

    def _gathered(self, waybill: bytes) -> tuple[bytes, list[bytes], int, Gathered]:
        """A tangled waybill's parcel: none of its scans if it is no parcel's root (any more)."""
        known = self.known[waybill]
        timelines = known.timelines | {waybill: self.own.get(waybill, b"")}
        version = len(known.facts) + sum(int(knowledge(read(t)).sum()) for t in timelines.values())
        if not self._is_parcel(waybill):
            return waybill, [], version, gather([], {}, ())
        members = component(waybill, known.facts)
        return waybill, members, version, gather(members, timelines, known.facts)

    def _values(self, waybills: Iterable[bytes]) -> dict[bytes, bytes]:
        return {waybill: self._value(waybill) for waybill in waybills}

    def _value(self, waybill: bytes) -> bytes:
        own, known = self.own.get(waybill, b""), self.known.get(waybill)
        tail = self._tail.encode(known.facts, known.timelines) if known else b""
        return COUNT.pack(len(own)) + own + tail


def _by_waybill(told: Sequence[tuple[bytes, Told]]) -> dict[bytes, Told]:
    """The messages of a batch, joined by receiver."""
    joined: dict[bytes, Knowledge] = {}
    for waybill, message in told:
        joined.setdefault(waybill, Knowledge()).learn(message.facts, message.timelines)
    return {waybill: Told(known.facts, known.timelines) for waybill, known in joined.items()}


def _stated(packed: Packed | None) -> dict[bytes, set[Fact]]:
    """The link facts that the scans of a batch state, by waybill."""
    found: dict[bytes, set[Fact]] = {}
    if packed is None:
        return found
    for link in packed.links:
        owner = packed.keys[int(packed.waybill[link.row])]
        found.setdefault(owner, set()).add(fact_of(owner, packed.rows, link))
    return found


def _plain(rows: Rows, owner: Index, keys: list[bytes], alone: Marks) -> _Plain:
    keep = np.flatnonzero(alone[owner])
    number = np.cumsum(alone) - 1
    return _Plain(rows.take(keep), number[owner[keep]], [k for k, a in zip(keys, alone, strict=True) if a])


def _lay_out(plain: _Plain, tangled: Sequence[tuple[bytes, list[bytes], int, Gathered]]) -> tuple[Parcels, Identity]:
    """Plain parcels first, then the tangled ones, all sorted by parcel and time."""
    count = len(plain.keys)
    found = [parts for *_, parts in tangled]
    speakers = np.cumsum([count, *(len(parts.speakers) for parts in found)])
    rows = np.concatenate([empty(), *(parts.rows for parts in found)])
    parcel = np.repeat(np.arange(len(found)), [len(parts.rows) for parts in found])
    member = np.concatenate([np.empty(0, np.int64), *(p.member + s for p, s in zip(found, speakers, strict=False))])
    own = np.concatenate([np.empty(0, np.bool_), *(parts.own for parts in found)])
    order = distinct(rows, parcel)
    version = _sums(knowledge(plain.rows), plain.parcel, count)
    parcels = Parcels(
        np.concatenate([plain.rows, rows.take(order)]),
        np.concatenate([plain.parcel, parcel[order] + count]),
        np.concatenate([plain.parcel, member[order]]),
        np.concatenate([np.ones(len(plain.rows), np.bool_), own[order]]),
        count + len(found),
    )
    ids = [*plain.keys, *(waybill for waybill, *_ in tangled)]
    waybills = [*([key] for key in plain.keys), *(members for _, members, _, _ in tangled)]
    members = [*plain.keys, *(w for parts in found for w in parts.speakers)]
    versions = np.concatenate([version, np.array([v for _, _, v, _ in tangled], np.int64)])
    return parcels, Identity(ids, versions, waybills, members)


def _sums(values: Index, parcel: Index, count: int) -> Index:
    """Exact sums per parcel; rows are sorted by parcel and every parcel has one."""
    ends = np.cumsum(np.bincount(parcel, minlength=count)) if count else np.empty(0, np.int64)
    return np.diff(np.append(0, np.append(0, np.cumsum(values))[ends]))
