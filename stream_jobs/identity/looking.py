"""The profiles of a batch's waybills made anew, where their scans, statements or namers changed.

Most say nothing (a number named by somebody who may) or state one link; of the latter only whether its scan stands is
asked, of all at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from stream_jobs.identity.knowledge import Knowledge, Stated
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.own import Own, own
from stream_jobs.identity.profile import ALIVE, HOLDS, Entry
from stream_jobs.identity.saying import in_question, is_silent, only_link, refresh, refresh_plain
from stream_jobs.identity.telling import News, also
from stream_jobs.lifecycle.columns import Marks, linked
from stream_jobs.timeline.record import SCAN

FIELDS: Final = ("received", "id", "at", "source", "", "link")
"""What the fields of a link are in the scan that stated it; the last is its mark (flags, of a link of others)."""
_Seen = tuple[bytes, News, Knowledge]


def look(
    timelines: Mapping[bytes, bytes], known: Mapping[bytes, Knowledge], news: Mapping[bytes, News], limits: Limits
) -> None:
    """Take what the timelines have become into the knowledge, and whose profile says something else into the news."""
    some = [
        (waybill, one_news, one)
        for waybill, one_news in news.items()
        if ((one := known[waybill]).mark is None or one_news.grown or one_news.stated or one_news.named)
        and not (waybill not in timelines and _unscanned(one, limits))
    ]
    if not some:
        return
    looked = own([timelines.get(waybill, b"") for waybill, _, _ in some], limits)
    links: dict[int, Stated | Entry] = {}
    rest: list[int] = []
    made: set[bytes] = set()
    for number in _changed(some, looked):
        one = some[number][2]
        if is_silent(one, limits):
            continue
        if (link := only_link(one)) is not None:
            links[number] = link
        else:
            rest.append(number)
    for number, (flags, times) in zip(links, _about(looked, list(links), list(links.values())), strict=True):
        waybill, one_news, one = some[number]
        if refresh_plain(one, flags, times):
            one_news.profiles = also(one_news.profiles, waybill)
            made.add(waybill)
    _refresh(some, looked, rest, limits)
    for waybill, one_news, one in some:
        if waybill in one.profiles:
            if waybill not in made:
                one.restate()
            one_news.restated = True


def _unscanned(one: Knowledge, limits: Limits) -> bool:
    """Whether a number that was never scanned has nothing to say either: nearly all those handed over to just now.

    If so it counts as looked at. Else its mark stays: after a restart what it has to say is made anew.
    """
    silent = is_silent(one, limits)
    if silent:
        one.mark = 0  # as of any timeline without scans
    return silent


def look_at_versions(timelines: Mapping[bytes, bytes], known: Sequence[Knowledge], limits: Limits) -> None:
    """Let those whose own timelines were not looked at since a restart know how much these tell; nothing else."""
    some = [one for one in known if one.mark is None]
    if some:
        looked = own([timelines.get(one.me, b"") for one in some], limits)
        for one, major, minor in zip(some, looked.major.tolist(), looked.minor.tolist(), strict=True):
            one.major, one.minor = major, minor


def _changed(some: Sequence[_Seen], looked: Own) -> list[int]:
    """Those whose profile may say something else; what is known of their timelines is put down of all."""
    anew: list[int] = []
    columns = (looked.mark, looked.major, looked.minor, looked.lives)
    every = zip(some, *(column.tolist() for column in columns), strict=True)
    for number, ((_, news, known), mark, major, minor, lives) in enumerate(every):
        known.major, known.minor = major, minor
        known.lives = max(known.lives, lives)
        if known.mark != mark or news.stated or news.named:
            known.mark = mark
            anew.append(number)
    return anew


def _about(looked: Own, numbers: Sequence[int], links: Sequence[Stated | Entry]) -> Iterable[tuple[int, int]]:
    """Of these numbers with one link each: its flags there, and how many scans its network has."""
    if not numbers:
        return ()
    place = np.full(len(looked.mark), -1, np.int64)
    place[numbers] = np.arange(len(numbers))
    rows = np.flatnonzero(looked.alive & (place[looked.owner] >= 0))
    scans, place = looked.rows.take(rows), place[looked.owner[rows]]
    asked = zip(FIELDS, zip(*links, strict=True), strict=False)
    same: dict[str, Marks] = {name: scans[name] == np.array(told, SCAN[name])[place] for name, told in asked if name}
    times = np.bincount(place[same["source"]], minlength=len(numbers))
    holds = same["received"] & same["at"] & same["link"] & linked(scans)
    flags = np.zeros(len(numbers), np.int64)
    flags[place[same["id"]]] = (ALIVE + HOLDS * holds)[same["id"]]
    return zip(flags.tolist(), times.tolist(), strict=True)


def _refresh(some: Sequence[_Seen], looked: Own, anew: Sequence[int], limits: Limits) -> None:
    """Whoever has more to say."""
    if not anew:
        return
    known = {number: some[number][2] for number in anew}
    ids = [stated.id for one in known.values() for stated in one.stated]
    asked = [number for number, one in known.items() if in_question(one)]
    for number, said in looked.said(anew, ids, asked, limits).items():
        if refresh(known[number], said, limits):
            waybill, news, _ = some[number]
            news.profiles = also(news.profiles, waybill)
