"""The parcels of a batch laid out as columns for the rules."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from stream_jobs.identity.groups import Life
from stream_jobs.identity.joining import Joined
from stream_jobs.identity.stays import Part
from stream_jobs.lifecycle.columns import Parcels
from stream_jobs.lifecycle.output import Identity
from stream_jobs.timeline.record import Index, side_by_side, stacked
from stream_jobs.timeline.union import distinct, knowledge


class Derived(NamedTuple):
    """One tangled parcel to derive: its id, waybills, version, and the scans that count; none if it is gone."""

    name: bytes
    waybills: list[bytes]
    version: int
    parts: list[Part]

    @classmethod
    def gone(cls, waybill: bytes, number: int, version: int) -> "Derived":
        """A parcel that is none any more."""
        return cls(Life(waybill, number).name, [], version, [])


@dataclass(slots=True)
class Tangled:
    """Tangled parcels to derive, as columns; `parts`: how many each has, of which `speakers`, `rows`, `own` tell."""

    names: list[bytes] = field(default_factory=list)
    waybills: list[list[bytes]] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    speakers: list[bytes] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    own: list[bool] = field(default_factory=list)

    def add(self, parcel: Derived) -> None:
        """One more."""
        self.names.append(parcel.name)
        self.waybills.append(parcel.waybills)
        self.versions.append(parcel.version)
        self.parts.append(len(parcel.parts))
        for part in parcel.parts:
            self.speakers.append(part.speaker)
            self.rows.append(part.rows)
            self.own.append(part.own)


def laid_out(plain: Joined, tangled: Tangled) -> tuple[Parcels, Identity]:
    """Plain parcels first, then the tangled ones, all sorted by parcel and time."""
    count, many = len(plain.keys), len(tangled.names)
    version = _sums(knowledge(plain.rows), plain.parcel, count)
    own = np.ones(len(plain.rows), np.bool_)
    if not many:
        parcels = Parcels(plain.rows, plain.parcel, plain.parcel, own, count)
        return parcels, Identity(plain.keys, version, [[key] for key in plain.keys], plain.keys)
    rows, part, _ = side_by_side(tangled.rows)
    parcel = np.repeat(np.arange(many), np.array(tangled.parts, np.int64))[part]
    order = distinct(rows, parcel)
    part = part[order]
    parcels = Parcels(
        stacked([plain.rows, rows.take(order)]),
        np.concatenate([plain.parcel, parcel[order] + count]),
        np.concatenate([plain.parcel, part + count]),
        np.concatenate([own, np.array(tangled.own, np.bool_)[part]]),
        count + many,
    )
    identity = Identity(
        plain.keys + tangled.names,
        np.concatenate([version, np.array(tangled.versions, np.int64)]),
        [[key] for key in plain.keys] + tangled.waybills,
        plain.keys + tangled.speakers,
    )
    return parcels, identity


def _sums(values: Index, parcel: Index, count: int) -> Index:
    """Exact sums per parcel; rows are sorted by parcel and every parcel has one."""
    ends = np.cumsum(np.bincount(parcel, minlength=count)) if count else np.empty(0, np.int64)
    return np.diff(np.append(0, np.append(0, np.cumsum(values))[ends]))
