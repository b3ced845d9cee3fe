"""What one waybill knows of itself and of others; it only grows.

Of each waybill the newest profile and the newest timeline are kept: only their owner makes new ones, each knowing
more than the one before, so whatever is told late, twice or in any order ends the same.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stream_jobs.identity.groups import NOTHING, Said, Web, counts, let_in
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.profile import IN_CONTAINER, Entry, Profile, owner_of, unpacked

TIMELINE: Final = struct.Struct("<HqQ")
GREATEST: Final = (1 << 63) - 1


class Timeline(NamedTuple):
    """A waybill's packed scans; of two the one that knows more (`major`, then `minor`) is the later."""

    major: int
    minor: int
    rows: bytes

    def packed(self, owner: bytes) -> bytes:
        """For messages and the changelog."""
        return TIMELINE.pack(len(owner), self.major, self.minor) + owner + self.rows


NONE_TOLD: Final[dict[bytes, Timeline]] = {}
"""Stays empty: whoever is told one gets a dict of its own."""
FEW: Final = 2
"""Of so many profiles it is found as quickly who names a number as it is remembered."""


class Stated(NamedTuple):
    """A link that a scan of the waybill stated, by a copy that may since have been replaced or withdrawn."""

    received: int
    id: int
    at: int
    source: int
    relation: int
    mark: int
    target: bytes


NOBODY: Final[frozenset[Stated]] = frozenset()
KNOWN, LATER, OTHER, NAMING = range(4)
"""Of a profile that is told: no news; the same with more behind it; something else; and names the hearer, or did."""


@dataclass(slots=True)
class Told:
    """One message: packed profiles and timelines, by whose they are."""

    profiles: dict[bytes, bytes] = field(default_factory=dict)
    timelines: dict[bytes, bytes] = field(default_factory=dict)

    def add(self, other: "Told") -> None:
        """Of the same sender's: the later replaces the earlier."""
        self.profiles |= other.profiles
        self.timelines |= other.timelines


def _none_told() -> dict[bytes, Timeline]:
    return NONE_TOLD


@dataclass(slots=True)
class Knowledge:
    """All that the waybill `me` knows beyond its own scans.

    `channels`: whom it passes on to what it learns; `passed`: whose profiles it has passed on, `restored`: may have,
    before a restart; `roots`: who gets its timeline.
    `lives`: the most its number can have had. `mark`, `major`, `minor`: of the own timeline as last looked at.
    `offset`: what had been known of copies the store does not keep, when the number left the state and came back.
    `tail`: as last packed. `profile`: its own, kept among the others', too.
    `other`: the number it makes a pair with, or itself if its only link is a claim; if it was looked for (`spun`).
    """

    me: bytes
    profiles: dict[bytes, Profile] = field(default_factory=dict)
    timelines: dict[bytes, Timeline] = field(default_factory=_none_told)
    stated: frozenset[Stated] = NOBODY
    channels: frozenset[bytes] = NOTHING
    roots: frozenset[bytes] = NOTHING
    passed: frozenset[bytes] = NOTHING
    restored: frozenset[bytes] = NOTHING
    lives: int = 1
    offset: int = 0
    mark: int | None = None
    major: int = 0
    minor: int = 0
    tail: bytes | None = None
    spun: bool = False
    other: bytes | None = None
    _web: Web | None = None
    _naming: list[Said] | None = None

    @property
    def profile(self) -> Profile | None:
        """The own one, once there is anything to say."""
        return self.profiles.get(self.me)

    @property
    def version(self) -> int:
        """Grows with all that is known."""
        known = self.major + self.offset
        for profile in self.profiles.values():
            known += profile[1]  # its ordinal; by place, as every linked parcel of a batch is asked
        for timeline in self.timelines.values():
            known += timeline[0]
        return min(known, GREATEST)

    def web(self, limits: Limits, *, keep: bool = True) -> Web:
        """What follows from the profiles; made anew each time where it is not kept."""
        web = self._web or Web(self.me, self.profiles, limits)
        if keep:
            self._web = web
        return web

    def forget_answers(self) -> None:
        """Profiles have changed."""
        self._web = self._naming = self.other = None
        self.spun = False

    @property
    def label(self) -> bool:
        """Whether this is a container."""
        profile = self.profile
        return profile is not None and profile.label

    @property
    def naming(self) -> list[Said]:
        """Entries of others that name this waybill."""
        if self._naming is not None:
            return self._naming
        found = [(o, e) for o, p in self.profiles.items() for e in p.entries if e.target == self.me]
        if len(self.profiles) > FEW:
            self._naming = found
        return found

    def near(self) -> set[bytes]:
        """Whoever named this waybill or was named by it, in whatever way."""
        return {stated.target for stated in self.stated} | {owner for owner, _ in self.naming}

    def restore_profile(self, packed: bytes) -> None:
        """Join one back in from the changelog, the own one too."""
        owner = owner_of(packed)
        known = self.profiles.get(owner)
        if (new := unpacked(packed, known)) is not known:
            self.profiles[owner] = new
            self.restored |= {owner} - {self.me}
            self.forget_answers()

    def has_room(self, owner: bytes, packed: bytes, limits: Limits) -> bool:
        """Whether one more number can be kept; those first received are those kept."""
        entries = [e for e in unpacked(packed).entries if e.target == self.me]
        if any(e.relation == IN_CONTAINER for e in entries):
            return all(let_in(e, self.profiles) for e in entries)
        if entries:
            return self._room_to_join(owner, entries, limits)
        return len(self.profiles) < limits.numbers_known or self.label

    def _room_to_join(self, owner: bytes, entries: Iterable[Entry], limits: Limits) -> bool:
        if any(counts(owner, e, self.profiles) for e in entries):
            return all(let_in(e, self.profiles) for e in entries)
        claims = {o for o, e in self.naming if e.relation != IN_CONTAINER and not counts(o, e, self.profiles)}
        return len(claims) < limits.links_per_waybill

    def learn_profile(self, packed: bytes) -> int:
        """What came of a profile: KNOWN, LATER, OTHER or NAMING."""
        owner, me = owner_of(packed), self.me
        known = self.profiles.get(owner)
        new = unpacked(packed, known)
        if owner == me or new is known:
            return KNOWN
        self.profiles[owner] = new
        entries = new.entries
        if known is not None:
            if known.body == new.body:
                return LATER
            entries += known.entries
        self.forget_answers()
        for entry in entries:
            if entry.target == me:
                return NAMING
        return OTHER

    def learn_timeline(self, owner: bytes, packed: bytes) -> bool:
        """Whether this is news."""
        size, major, minor = TIMELINE.unpack_from(packed)
        known = self.timelines.get(owner)
        if owner == self.me or (known and known[:2] >= (major, minor)):
            return False
        if not self.timelines:
            self.timelines = {}  # its own; most numbers never have one
        self.timelines[owner] = Timeline(major, minor, packed[TIMELINE.size + size :])
        return True

    def say(self, profile: Profile) -> None:
        """Take it for the own one."""
        self.profiles[self.me] = profile
        self._web = self.other = None
        self.spun = False

    def own_packed(self, rows: bytes) -> bytes:
        """The own timeline, of these rows, as others are told it."""
        return TIMELINE.pack(len(self.me), self.major, self.minor) + self.me + rows

    def ordinals(self, naming: Sequence[Said]) -> tuple[int, int]:
        """How much the waybill knows by itself; and with what those who name it know by themselves."""
        own = self.major + len(self.stated) + self.offset
        if not naming:
            return own, own
        if len(naming) == 1:
            return own, own + self.profiles[naming[0][0]].own
        return own, own + sum([self.profiles[owner].own for owner in {owner for owner, _ in naming}])

    def restate(self) -> None:
        """Say the same, if anything, with what is known now.

        A worker that was killed may have said something else of the same scans, read in other batches: whatever it
        knew is known again when the last of them is joined, so what is said then is the later.
        """
        known = self.profile
        if known is not None:
            own, ordinal = self.ordinals(self.naming)
            if (ordinal, self.minor) > known.newness:
                self.profiles[self.me] = known.later(ordinal, self.minor, own)

    def claims(self) -> int:
        """How many of the links that the waybill stated count for nothing so far."""
        profile = self.profile
        return sum(not counts(self.me, e, self.profiles) for e in profile.entries) if profile else 0
