"""Which numbers are one parcel: a pure function of the profiles one knows (section 6, Groups).

A link counts from a network that issued one of the two numbers or has scanned one by another scan; else it is
a claim. It joins two lives of numbers (a number has a life for each parcel it was used for) if it holds, counts,
is let in by the bounds, and neither end is a container.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from stream_jobs.identity.limits import Limits
from stream_jobs.identity.profile import ALIVE, HOLDS, IN_CONTAINER, Entry, Profile, issuer

Profiles = Mapping[bytes, Profile]
Said = tuple[bytes, Entry]
"""An entry, and whose it is."""
NOTHING: Final[frozenset[bytes]] = frozenset()


class Life(NamedTuple):
    """One use of a number: 0 the first, 1 the next after a long rest."""

    waybill: bytes
    number: int

    @property
    def name(self) -> bytes:
        """The parcel's id, if it is named by this life: the number, from the second use on with ~2, ~3, ..."""
        return self.waybill if self.number == 0 else b"%s~%d" % (self.waybill, self.number + 1)


def counts(owner: bytes, entry: Entry, profiles: Profiles, seen: Mapping[int, int] | None = None) -> bool:
    """Whether the network that says so has to do with one of the two numbers.

    `seen`: of the number it names, where its profile in `profiles` is not up to date.
    """
    source = entry.source
    if by_issuer(owner, entry):
        return True
    mine, theirs = profiles.get(owner), profiles.get(entry.target)
    if mine and mine.seen.get(source, 0) > bool(entry.flags & ALIVE):
        return True
    return bool(seen.get(source) if seen is not None else theirs and theirs.seen.get(source))


def by_issuer(owner: bytes, entry: Entry) -> bool:
    """Whether the network that says so issued one of the two numbers."""
    return entry.source == issuer(owner) or entry.source == issuer(entry.target)  # the second is seldom needed


def let_in(entry: Entry, profiles: Profiles) -> bool:
    """Whether the number it names has room for it."""
    named = profiles.get(entry.target)
    bound = named and (named.holds_until if entry.relation == IN_CONTAINER else named.joins_until)
    return not bound or entry.rank <= bound


class Web:
    """What follows from the profiles that one waybill knows; made anew when one of them says something else.

    `members`: numbers connected with it by links that count, holding or not. `partners`: those next to it.
    `contents`: whom it held, if it is a container. `around`: the containers it ever lay in,
    and those they lay in. `contained`: of each standing scan that names a container, which. `lives`: the parcels,
    sorted, by each of their lives; `named`: those that this number's lives give their name to. `roots`: the numbers
    that its other lives' parcels are named by.
    """

    __slots__ = ("around", "contained", "contents", "lives", "members", "named", "partners", "roots", "whole")

    def __init__(self, me: bytes, profiles: Profiles, limits: Limits) -> None:
        self.contents = self.around = NOTHING
        self.contained: dict[tuple[bytes, int], bytes] = {}
        joins: list[Said] = []
        boxes: list[Said] = []
        for owner, profile in profiles.items():
            for entry in profile.entries:
                if counts(owner, entry, profiles):
                    (boxes if entry.relation == IN_CONTAINER else joins).append((owner, entry))
        self.partners = {
            o if e.target == me else e.target for o, e in joins if me in (o, e.target) and let_in(e, profiles)
        }
        self.members = _connected(me, joins)
        if boxes:
            self.contents = frozenset([owner for owner, entry in boxes if entry.target == me])
            self.around = _around(me, profiles)
            self.contained = {(o, e.id): e.target for o, e in boxes if e.flags & HOLDS and let_in(e, profiles)}
        self.lives: dict[Life, list[Life]] = _parcels(self.members, joins, profiles, limits)
        mine = [(life, group) for life, group in self.lives.items() if life.waybill == me]
        self.named = [group for life, group in mine if group[0] == life]
        self.roots = frozenset({group[0].waybill for _, group in mine} - {me})
        self.whole = not self.contained and not any(profiles[w].cuts for w in self.members if w in profiles)
        """Whether all scans of all members count for their parcel, and no others."""


def _connected(waybill: bytes, joins: Iterable[Said]) -> set[bytes]:
    near: dict[bytes, set[bytes]] = {}
    for owner, entry in joins:
        near.setdefault(owner, set()).add(entry.target)
        near.setdefault(entry.target, set()).add(owner)
    found, new = {waybill}, [waybill]
    while new:
        further = near.get(new.pop(), NOTHING) - found
        found |= further
        new += further
    return found


def _around(waybill: bytes, profiles: Profiles) -> frozenset[bytes]:
    found, new = {waybill}, [waybill]
    while new:
        profile = profiles.get(new.pop())
        further = {e.target for e in profile.entries if e.relation == IN_CONTAINER} - found if profile else NOTHING
        found |= further
        new += further
    return frozenset(found - {waybill})


def _parcels(
    members: Iterable[bytes], joins: Iterable[Said], profiles: Profiles, limits: Limits
) -> dict[Life, list[Life]]:
    """The lives that are one parcel, by each of them; a container has none."""
    found = {life: [life] for waybill in members for life in _lives(waybill, profiles)}
    for (*_, one), other in sorted(_joined(joins, profiles)):
        mine, theirs = found.get(one), found.get(other)
        if mine is None or theirs is None or mine is theirs:
            continue
        if len({life.waybill for life in (*mine, *theirs)}) <= limits.waybills_per_parcel:
            joined = sorted(mine + theirs)
            found.update(dict.fromkeys(joined, joined))
    return found


def _lives(waybill: bytes, profiles: Profiles) -> Iterator[Life]:
    profile = profiles.get(waybill)
    if profile is None:
        yield Life(waybill, 0)
    elif not profile.label:
        yield from (Life(waybill, number) for number in range(1 + len(profile.cuts)))


def _joined(joins: Iterable[Said], profiles: Profiles) -> Iterator[tuple[tuple[int, int, Life], Life]]:
    """Links that stand, first received first."""
    for owner, entry in joins:
        if entry.flags & HOLDS and let_in(entry, profiles):
            named = profiles.get(entry.target)
            one = Life(owner, profiles[owner].generation(entry.at))
            yield (entry.received, entry.id, one), Life(entry.target, named.generation(entry.at) if named else 0)
