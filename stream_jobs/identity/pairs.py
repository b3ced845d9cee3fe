"""Two numbers and one link, by far the most frequent web: what follows from it, without the general way's sets.

The link joins them, or counts for nothing so far. All of it is what `Web` and `telling.messages` say of such numbers,
in fewer steps; a test compares the two.
"""

from typing import Final

from stream_jobs.identity.groups import NOTHING, Profiles, counts, let_in
from stream_jobs.identity.knowledge import Knowledge, Told
from stream_jobs.identity.laying import Tangled
from stream_jobs.identity.profile import HOLDS, IN_CONTAINER, Entry
from stream_jobs.identity.telling import News

BOTH: Final = 2
NOTHING_SAID: Final[tuple[bytes, Entry | None]] = b"", None


def other_of(me: bytes, profiles: Profiles) -> bytes | None:
    """The other number, if these profiles say one link: it joins this number with that one, and nothing else is.

    This number itself, if that link counts for nothing: then it is a parcel of its own.
    """
    if not 0 < len(profiles) <= BOTH:
        return None
    owner, entry = NOTHING_SAID
    for number, profile in profiles.items():
        entries = profile.entries
        if entries:
            if entry is not None or len(entries) > 1:
                return None
            owner, entry = number, entries[0]
        if profile.cuts or profile.label:
            return None
    target = entry.target if entry is not None else None
    other = target if owner == me else owner if target == me else None
    if (
        entry is None
        or other is None
        or entry.relation == IN_CONTAINER
        or (len(profiles) == BOTH and not (me in profiles and other in profiles))
    ):
        return None
    if counts(owner, entry, profiles):
        return other if entry.flags & HOLDS and let_in(entry, profiles) else None
    return me


def paired(known: Knowledge, news: News) -> bytes | None:
    """What `other_of` says, if the state of things between the two is as plain as that."""
    if known.lives > 1 or news.refused:
        return None
    if not known.spun:
        known.spun, known.other = True, other_of(known.me, known.profiles)
    other, channels = known.other, known.channels
    if other is None or (channels and (len(channels) > 1 or other not in channels)):
        return None
    return other


def message(known: Knowledge, own: bytes, news: News, other: bytes) -> Told | None:
    """What there is to tell the other; the knowledge's channels and roots become those told."""
    me, told, opened = known.me, None, False
    if news.profiles:
        opened = not known.channels
        if opened:
            known.channels = frozenset((other,))
        if other in known.profiles and other not in known.passed:
            known.passed = known.passed | {other} if known.passed else known.channels
    if (opened or news.restated) and (profile := known.profiles.get(me)) is not None:
        told = Told({me: profile.packed})
    if me < other:
        known.roots = NOTHING
        return told
    fresh = other not in known.roots
    if own and (news.grown or (fresh and (news.profiles or news.timelines))):
        told = told or Told()
        told.timelines[me] = known.own_packed(own)
    if fresh or len(known.roots) > 1:
        known.roots = known.channels or frozenset((other,))  # its channels are none, or the other
    return told


def claim(known: Knowledge, news: News) -> list[tuple[bytes, Told]]:
    """The messages of a number whose only link, stated or naming it, counts for nothing; its roots are none then."""
    known.roots = NOTHING
    if not news.restated or (profile := known.profile) is None:
        return []
    return [(other, Told({known.me: profile.packed})) for other in known.near()]


def lay(known: Knowledge, own: bytes, other: bytes, parcels: Tangled) -> None:
    """Add their parcel, if it is this number's to tell of; else that this one is none. Of one alone: its own."""
    me = known.me
    parcels.names.append(me)
    parcels.versions.append(known.version)
    if other == me:
        parcels.waybills.append([me])
        parcels.parts.append(1)
        parcels.speakers.append(me)
        parcels.rows.append(own)
        parcels.own.append(True)
        return
    if other < me:
        parcels.waybills.append([])
        parcels.parts.append(0)
        return
    timeline = known.timelines.get(other)
    parcels.waybills.append([me, other])
    parcels.parts.append(BOTH)
    parcels.speakers += me, other
    parcels.rows += own, timeline.rows if timeline else b""
    parcels.own += True, True
