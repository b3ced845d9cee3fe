"""Whom a waybill tells what after a change (design.md section 4).

- Its own profile goes to all it named or was named by.
- Profiles of its parcel's other numbers go on to the neighbours by links that count: all come to know all.
- Its timeline, and those of the containers it lay in, go to the waybill its parcel is named by.
- A container tells all it ever held its timeline, and those of the containers it lay in itself.

What a receiver has been told is not told again: a batch's messages are acknowledged before its state is kept, so
whatever a state says was told was told.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from stream_jobs.identity.groups import NOTHING, Web
from stream_jobs.identity.knowledge import Knowledge, Told

Numbers: TypeAlias = set[bytes] | frozenset[bytes]
"""NOTHING, or a set of its own."""


@dataclass(slots=True)
class News:
    """What a batch brought one waybill: whose profiles say something else, whose timelines grew, who is refused.

    `named`: whether one of those profiles names or named it. `restated`: whether its own profile is told again.
    `newer`: whose profiles say the same, knowing more.
    """

    grown: bool = False
    stated: bool = False
    named: bool = False
    restated: bool = False
    profiles: Numbers = NOTHING
    newer: Numbers = NOTHING
    timelines: Numbers = NOTHING
    refused: Numbers = NOTHING

    def __bool__(self) -> bool:
        return bool(self.grown or self.stated or self.profiles or self.timelines)


def also(numbers: Numbers, one: bytes) -> set[bytes]:
    """These and one more; most stay NOTHING, or become one, so that no set is made before it is needed."""
    if isinstance(numbers, set):
        numbers.add(one)
        return numbers
    return {one}


def messages(known: Knowledge, own: bytes, news: News, web: Web) -> dict[bytes, Told]:
    """All messages, by receiver; the knowledge's channels and roots become those told."""
    told: dict[bytes, Told] = defaultdict(Told)
    if news.restated or news.refused:
        _tell_own(known, news.refused | (known.near() if news.restated else NOTHING), told)
    if news.profiles:
        _tell_profiles(known, news, web, told)
    if (web.roots or web.contents) and (news.grown or news.profiles or news.timelines):
        _tell_timelines(known, own, news, web, told)
    known.roots = web.roots
    told.pop(known.me, None)
    return told


def _tell_profiles(known: Knowledge, news: News, web: Web, told: dict[bytes, Told]) -> None:
    opened = web.partners - known.channels
    others = (web.members & known.profiles.keys()) - {known.me}
    # A claim that has become a link brings in numbers whose profiles are no news; a number that drops out because
    # its link is a claim again must be heard of once more.
    before = (known.passed | known.restored) & known.profiles.keys()
    fresh = (others - known.passed) | (before & news.profiles)
    known.passed |= others
    for neighbours, some in ((known.channels, fresh), (opened, others | before)):
        for neighbour in neighbours:
            if news_to := some - {neighbour}:
                told[neighbour].profiles |= {w: known.profiles[w].packed for w in news_to}
    if opened:
        _tell_own(known, opened, told)
        known.channels |= opened


def _tell_own(known: Knowledge, whom: Iterable[bytes], told: dict[bytes, Told]) -> None:
    if (profile := known.profile) is None:
        return
    packed = profile.packed
    for waybill in whom:
        told[waybill].profiles[known.me] = packed


def _tell_timelines(known: Knowledge, own: bytes, news: News, web: Web, told: dict[bytes, Told]) -> None:
    contents = web.contents if known.label else NOTHING
    whole = bool(web.around) and (known.me in news.profiles or bool(news.profiles & web.around))
    fresh = (web.roots - known.roots) | (contents & news.profiles)
    if known.label and known.me in news.profiles:
        fresh |= contents
    full = _load(known, own, web) if whole or fresh else Told()
    part = full if whole else _news(known, own, news, web)
    for receiver in web.roots | contents:
        load = full if receiver in fresh else part
        if load.profiles or load.timelines:
            told[receiver].add(load)


def _load(known: Knowledge, own: bytes, web: Web) -> Told:
    """The own timeline, and all of the containers around."""
    loads = {w: known.timelines[w].packed(w) for w in web.around if w in known.timelines}
    if own:
        loads[known.me] = known.own_packed(own)
    profiles = {w: known.profiles[w].packed for w in web.around if w in known.profiles}
    if known.label and known.profile:
        profiles[known.me] = known.profile.packed
    return Told(profiles, loads)


def _news(known: Knowledge, own: bytes, news: News, web: Web) -> Told:
    """Of these timelines the ones that grew."""
    loads = {w: known.timelines[w].packed(w) for w in web.around & news.timelines}
    if news.grown and own:
        loads[known.me] = known.own_packed(own)
    return Told({}, loads)
