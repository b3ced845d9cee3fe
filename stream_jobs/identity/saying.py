"""What a waybill has to say of itself: its profile made anew of its scans and of who names it."""

from typing import Final

from stream_jobs.identity.groups import by_issuer, counts
from stream_jobs.identity.knowledge import Knowledge, Stated
from stream_jobs.identity.limits import Limits, Rank
from stream_jobs.identity.own import Said
from stream_jobs.identity.profile import (
    ALIVE,
    HOLDS,
    IN_CONTAINER,
    NONE_SEEN,
    Entry,
    Profile,
    body,
    body_of_one,
    issuer,
    seen_of_one,
    whole,
)

NO_CUTS: Final[tuple[tuple[int, int], ...]] = ()


def refresh(one: Knowledge, said: Said, limits: Limits) -> bool:
    """Make the own profile anew; says whether it has changed. Whoever has nothing to say has none."""
    if is_silent(one, limits):
        return False
    naming, known = one.naming, one.profile
    asked = in_question(one)
    seen = {source: min(said.seen[source], 2) for source in asked if source in said.seen}
    entries = tuple([_entry(s, said) for s in sorted(one.stated)][: limits.links_per_waybill])
    heard = [(e.relation == IN_CONTAINER, e.rank) for o, e in naming if counts(o, e, one.profiles, seen)]
    holds, joins = ([rank for held, rank in heard if held is kind] for kind in (True, False))
    last = _last(joins, limits.links_per_waybill), _last(holds, limits.parcels_per_container)
    new = body(bool(holds), said.cuts, seen, *last, entries)
    if known is not None and new == known.body and one.lives == 1:
        return False
    own, ordinal = one.ordinals(naming)
    minor = one.minor
    packed = whole(one.me, ordinal, minor, own, new)
    told = bool(holds), said.cuts, seen, *last, entries
    one.say(Profile(one.me, ordinal, minor, own, *told, packed))
    return True


def is_silent(one: Knowledge, limits: Limits) -> bool:
    """Whether there is nothing to say, and never was."""
    if one.stated or one.lives > 1 or one.me in one.profiles:
        return False
    return _expected(one, limits)


def only_link(one: Knowledge) -> Stated | Entry | None:
    """The one link that this number states, or that names it, if all there is to say is about that."""
    if one.lives > 1:
        return None
    naming = one.naming
    if one.stated:
        return next(iter(one.stated)) if len(one.stated) == 1 and not naming else None
    return naming[0][1] if len(naming) == 1 and naming[0][1].relation != IN_CONTAINER else None


def refresh_plain(one: Knowledge, flags: int, times: int) -> bool:
    """The same as `refresh`, for whoever has an only link.

    `flags`: of the link, if it is stated; `times`: how often its network has scanned the number.
    """
    entries: tuple[Entry, ...] = ()
    naming: list[tuple[bytes, Entry]] = []  # of whoever states its only link
    if one.stated:
        (s,) = one.stated
        source, other = s.source, s.target
        entries = (Entry._make((*s[:5], flags, other)),)
    else:
        ((other, e),) = naming = one.naming
        source = e.source
    known, seen = one.profiles.get(one.me), NONE_SEEN
    if times and source != issuer(other) and source != issuer(one.me):  # the second is seldom needed
        seen = seen_of_one(source, times)
    new = body_of_one(seen, entries)
    if known is not None and new == known.body:
        return False
    own, ordinal = one.ordinals(naming)
    minor = one.minor
    packed = whole(one.me, ordinal, minor, own, new)
    one.say(Profile._make((one.me, ordinal, minor, own, False, NO_CUTS, seen, None, None, entries, packed)))
    return True


def _expected(one: Knowledge, limits: Limits) -> bool:
    """Whether nothing need be said of those who name this number: a few, joining, by who issued it or theirs."""
    naming = one.naming
    if len(naming) > limits.links_per_waybill:
        return False
    return all(e.relation != IN_CONTAINER and by_issuer(owner, e) for owner, e in naming)


def in_question(one: Knowledge) -> set[int]:
    """Networks that speak of this number without having issued either of the two.

    Asked, it answers even that it has seen none: before a worker was killed, the number may have said that it has, of a
    scan that is withdrawn by now.
    """
    mine = issuer(one.me)
    asked = {s.source for s in one.stated if s.source != mine and s.source != issuer(s.target)}
    return asked | {e.source for owner, e in one.naming if not by_issuer(owner, e)}


def _entry(stated: Stated, said: Said) -> Entry:
    holds = (stated.id, stated.mark, stated.received, stated.at) in said.links
    flags = HOLDS * holds + ALIVE * (stated.id in said.alive)
    return Entry(*stated[:5], flags, stated.target)


def _last(ranks: list[Rank], limit: int) -> Rank | None:
    """Rank of the last that is let in, if there are more."""
    return sorted(ranks)[limit - 1] if len(ranks) > limit else None
