"""The short way for two numbers joined by one link says what the general way says."""

import random
from collections.abc import Iterator
from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_jobs.identity.groups import Web
from stream_jobs.identity.knowledge import Knowledge
from stream_jobs.identity.laying import Tangled
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.own import own
from stream_jobs.identity.pairs import claim, lay, message, other_of, paired
from stream_jobs.identity.profile import Profile, body
from stream_jobs.identity.saying import in_question, refresh
from stream_jobs.identity.state import Timelines
from stream_jobs.identity.telling import News, messages
from tests.core.small_worlds import SOURCES, Partitions, Scan, packed, world
from tests.core.test_identity import DIGITS, delivered, link, scan, wanted

WORLDS = settings(settings.get_profile("small worlds"), max_examples=300)
NUMBERS = st.lists(DIGITS, min_size=2, max_size=8)
LIMITS = Limits()
SILENT = body(label=False, cuts=(), seen={}, joins_until=None, holds_until=None, entries=())
"""Of a waybill that nobody needs to know more of than that it is one."""
Held = tuple[bytes, Knowledge]


def held(numbers: list[int], seed: int, *, settled: bool) -> Iterator[Held]:
    """Own scans and knowledge of each linked number of a world, when all, or some, has been heard."""
    chance = random.Random(seed)
    scans = world(numbers)
    chance.shuffle(scans)
    run = Partitions(2, chance, restarts=chance.random() < 0.2)
    for at in range(0, len(scans), 3):
        run.take(scans[at : at + 3])
        run.deliver(chance.random())
    if settled:
        run.settle()
    for state in run.states:
        yield from ((state.own.get(waybill, b""), known) for waybill, known in state.known.items())


def news_of(known: Knowledge, chance: random.Random) -> News:
    """Some news that a batch may bring."""
    some = [{w for w in known.profiles if chance.random() < 0.5} for _ in range(2)]
    timelines = {w for w in known.timelines if chance.random() < 0.5}
    said, told = known.profile is not None and chance.random() < 0.5, chance.random() < 0.3
    return News(chance.random() < 0.5, told, chance.random() < 0.3, said, some[0], some[1], timelines)


def said(profile: Profile | None) -> bytes:
    """What others act on; no profile says no more than an empty one."""
    return profile.body if profile else SILENT


@WORLDS
@given(NUMBERS, st.integers(0, 1 << 32))
def test_two_numbers_and_one_link_are_the_same_web(numbers: list[int], seed: int) -> None:
    for _, known in held(numbers, seed, settled=False):
        other, web = other_of(known.me, known.profiles), Web(known.me, known.profiles, LIMITS)
        if other is None:
            continue
        first = min(known.me, other)
        assert (web.members, web.partners, web.whole) == ({known.me, other}, {other} - {known.me}, True)
        assert (web.contents, web.around, web.contained) == (frozenset(), frozenset(), {})
        assert web.roots == {first} - {known.me}
        assert [[life.name for life in group] for group in web.named] == ([sorted(web.members)] * (first == known.me))


@WORLDS
@given(NUMBERS, st.integers(0, 1 << 32))
def test_two_numbers_tell_each_other_the_same(numbers: list[int], seed: int) -> None:
    chance = random.Random(seed)
    for mine, known in held(numbers, seed, settled=False):
        news, short, general = news_of(known, chance), deepcopy(known), deepcopy(known)
        other = paired(short, news)
        if other is None:
            continue
        if other == known.me:
            told = dict(claim(short, news))
        else:
            told = {other: joined} if (joined := message(short, mine, news, other)) else {}
        assert told == messages(general, mine, news, general.web(LIMITS))
        assert (short.channels, short.roots, short.passed) == (general.channels, general.roots, general.passed)
        parcels = Tangled()
        lay(short, mine, other, parcels)
        assert parcels.waybills == ([sorted({short.me, other})] if short.me <= other else [[]])
        assert parcels.versions == [general.version]


@WORLDS
@given(NUMBERS, st.integers(0, 1 << 32))
def test_whichever_way_a_profile_was_made_it_is_what_the_general_way_makes(numbers: list[int], seed: int) -> None:
    for mine, known in held(numbers, seed, settled=True):
        again = deepcopy(known)
        made = again.profiles.pop(again.me, None)
        again.forget_answers()
        ids, asked = [stated.id for stated in again.stated], [0] if in_question(again) else []
        refresh(again, own([mine], LIMITS).said([0], ids, asked, LIMITS)[0], LIMITS)
        assert said(again.profile) == said(made)


End = tuple[int, bool, str, int]
ENDS = st.tuples(st.integers(1, 3), st.booleans(), st.sampled_from(SOURCES), st.integers(0, 3))
"""Of a scan: which parcel's, whether under the post's number, by whom, and, if 0, that it is withdrawn."""
LINKS = st.tuples(st.booleans(), st.sampled_from(SOURCES), st.integers(0, 4))
"""Which of a parcel's two numbers names the other, who says so, and, if 0, that it is withdrawn."""


def number(parcel: int, *, post: bool) -> str:
    """One of a parcel's two numbers."""
    return f"china-post:{parcel}" if post else str(parcel)


def handed_over(scans: list[End], links: list[tuple[bool, str, int]]) -> list[Scan]:
    """Parcels under two numbers each, joined by one link that counts, or is a claim, or is withdrawn."""
    told = []
    for n, (parcel, post, by, keeps) in enumerate(scans):
        told.append(scan(f"s{n}", number(parcel, post=post), n, source=by))
        if not keeps:
            told.append(scan(f"g{n}", number(parcel, post=post), n, source=by, activity="RETRACTED", retracts=f"s{n}"))
    for parcel, (post, by, keeps) in enumerate(links, 1):
        at, named = 50 + parcel, link(number(parcel, post=not post))
        told.append(scan(f"l{parcel}", number(parcel, post=post), at, source=by, link=named))
        if not keeps:
            withdrawn = {"activity": "RETRACTED", "retracts": f"l{parcel}"}
            told.append(scan(f"w{parcel}", number(parcel, post=post), at + 50, source=by, **withdrawn))
    return told


@WORLDS
@given(st.lists(ENDS, min_size=1, max_size=9), st.lists(LINKS, min_size=3, max_size=3), st.integers(0, 1 << 32))
def test_pairs_come_together_whichever_worker_dies(
    scans: list[End], links: list[tuple[bool, str, int]], seed: int
) -> None:
    """Across partitions, whose workers die between outputs and state; random worlds have such pairs seldom."""
    told = handed_over(scans, links)
    assert delivered(list(told), seed, deaths=1.0, least=2) == wanted(told)


def vouching(*events: str) -> list[Scan]:
    """Scans of sf's on the post's number, the second withdrawing the first."""
    withdrawn: Scan = {"activity": "RETRACTED", "retracts": "s1"}
    return [scan(event, "china-post:1", source="sf") | (withdrawn if event == "g1" else {}) for event in events]


def test_a_number_read_again_takes_back_that_it_has_seen_a_network() -> None:
    """What it said before its worker was killed got out; the scan it spoke of comes with its withdrawal now."""
    namer, named, again = Timelines(), Timelines(), Timelines()
    told = namer.step(packed([scan("l", "1", source="sf", link=link("china-post:1"))])).told
    named.step(packed(vouching("s1")))
    namer.step(None, named.step(None, told).told)
    assert namer.known[b"zto:1"].web(LIMITS).members == {b"zto:1", b"china-post:1"}

    again.step(packed(vouching("s1", "g1")))
    namer.step(None, again.step(None, told).told)
    assert namer.known[b"zto:1"].web(LIMITS).members == {b"zto:1"}
