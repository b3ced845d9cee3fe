"""The state of one partition: every waybill's timeline, and what the linked ones know of each other.

`step` joins a batch and says what follows: which values changed (the changelog), whom to tell what
(`parcels.links`), which parcels to derive anew, and what was refused. It writes nothing and asks no clock.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.dead_letter import Reason, Refusal
from stream_jobs.identity import keeping
from stream_jobs.identity.groups import NOTHING, Life, Web
from stream_jobs.identity.joining import Joined, as_they_are, joined
from stream_jobs.identity.knowledge import LATER, NAMING, Knowledge, Stated, Told
from stream_jobs.identity.laying import Derived, Tangled, laid_out
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.looking import look, look_at_versions
from stream_jobs.identity.pairs import claim, lay, message, paired
from stream_jobs.identity.restoring import Restoring
from stream_jobs.identity.stays import Part, parts, views
from stream_jobs.identity.telling import News, also, messages
from stream_jobs.lifecycle.columns import Parcels
from stream_jobs.lifecycle.output import Identity
from stream_jobs.timeline.pack import Packed

if TYPE_CHECKING:
    from stream_jobs.identity.farewell import Farewell

NO_LIMITS: Final = Limits()
NO_NEWS: Final = News()
Changes = dict[bytes, bytes | None]


@dataclass(frozen=True)
class Step:
    """What a batch changed: changelog records by key, messages, parcels to derive and whose they are.

    `refused`: positions of scans or messages beyond a limit. `claims`: links stated that count for nothing so far.
    """

    changed: Changes
    told: list[tuple[bytes, Told]]
    parcels: Parcels
    identity: Identity
    refused: list[tuple[int, Refusal]]
    claims: int


class _Asked(NamedTuple):
    """A parcel to derive, and what the waybill that it is named by knows of it."""

    known: Knowledge
    group: list[Life]
    web: Web


@dataclass
class _Work:
    """A batch under way."""

    news: dict[bytes, News] = field(default_factory=dict)
    told: list[tuple[bytes, Told]] = field(default_factory=list)
    asked: list[_Asked] = field(default_factory=list)
    parcels: Tangled = field(default_factory=Tangled)
    refused: list[tuple[int, Refusal]] = field(default_factory=list)
    claims: int = 0

    def of(self, waybill: bytes) -> News:
        found = self.news.get(waybill)
        if found is None:
            found = self.news[waybill] = News()
        return found


class Timelines:
    """All waybills of one partition.

    `left`: farewells of numbers that are not kept here now; `turns`: how often those that ever left have; `returned`:
    those brought back since the last step. `reviewed`: editions of targets by which all of them have been judged.
    """

    def __init__(self, limits: Limits = NO_LIMITS) -> None:
        self.own: dict[bytes, bytes] = {}
        self.known: dict[bytes, Knowledge] = {}
        self.left: dict[bytes, Farewell] = {}
        self.turns: dict[bytes, int] = {}
        self.limits = limits
        self.returned: list[bytes] = []
        self.reviewed: set[bytes] = set()

    def apply(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Join changelog records: any order, repeated, is the same."""
        Restoring(self).join(pairs)

    def tangled(self, waybill: bytes) -> Knowledge:
        """What the waybill knows, from now on more than its own scans."""
        known = self.known.get(waybill)
        if known is None:
            known = self.known[waybill] = Knowledge(waybill)
        return known

    def step(self, packed: Packed | None, told: Sequence[tuple[bytes, Told]] = ()) -> Step:
        """Join a batch of scans and of messages."""
        work = _Work()
        stated = _stated(packed)
        for waybill in {*stated, *(waybill for waybill, _ in told)}:
            self.tangled(waybill)
        for waybill in self.returned:
            self._come_back(waybill, work)
        scans = joined(packed, self.own, self.known, self.limits)
        self._take(scans, work)
        for waybill, some in stated.items():
            self._state(waybill, some, work)
        for position, (waybill, some_told) in enumerate(told):
            try:
                self._hear(waybill, some_told, position, work)
            except (struct.error, IndexError, ValueError) as fault:
                work.refused.append((position, Refusal(Reason.BAD_SHAPE, "", f"no profile or timeline: {fault}")))
        look(self.own, self.known, work.news, self.limits)
        for waybill in sorted(work.news):
            self._settle(waybill, work.news[waybill], work)
        self._derived(work)
        parcels, identity = laid_out(scans, work.parcels)
        return Step(self._values(scans.grown, work), work.told, parcels, identity, work.refused, work.claims)

    def again(self, waybills: Iterable[bytes]) -> Step:
        """The parcels named by these waybills as they are; nothing changes, and nobody is told anything."""
        some, work = list(waybills), _Work()
        known = [one for waybill in some if (one := self.known.get(waybill)) is not None]
        look_at_versions(self.own, known, self.limits)
        for one in known:
            other = paired(one, NO_NEWS)
            if other is None:
                web = one.web(self.limits, keep=False)
                work.asked += [_Asked(one, group, web) for group in web.named]
            elif one.me <= other:
                lay(one, self.own.get(one.me, b""), other, work.parcels)
        self._derived(work)
        plain = as_they_are([w for w in some if w in self.own and w not in self.known], self.own)
        return Step({}, [], *laid_out(plain, work.parcels), [], 0)

    def _take(self, scans: Joined, work: _Work) -> None:
        """Scans of the batch into the state."""
        work.refused += [(row, Refusal(Reason.LIMIT, "", "the number has too many scans")) for row in scans.dropped]
        for waybill, lives in scans.rested.items():
            known = self.tangled(waybill)
            if known.lives < lives:  # news even if the timeline is as before: the number speaks for itself from now on
                known.lives, known.mark = lives, None
                work.of(waybill).grown = True
        self.own.update(scans.grown)
        for waybill in scans.tangled:
            work.of(waybill).grown = True

    def _come_back(self, waybill: bytes, work: _Work) -> None:
        """All is news: the store may hold what this batch is about to bring, and nobody may have been told of it."""
        known, news = self.tangled(waybill), work.of(waybill)
        known.roots, known.passed, known.mark = NOTHING, NOTHING, None
        news.grown = news.named = True
        news.profiles, news.timelines = set(known.profiles), set(known.timelines)

    def _state(self, waybill: bytes, some: set[tuple[Stated, int]], work: _Work) -> None:
        """Links that scans of the batch stated."""
        known = self.known[waybill]
        for stated, row in sorted(some):
            if stated in known.stated:
                continue
            known.stated |= {stated}
            work.of(waybill).stated = True
            if len(known.stated) <= self.limits.links_per_waybill:
                continue
            kept = set(sorted(known.stated)[: 2 * self.limits.links_per_waybill])
            if stated not in kept or sorted(kept).index(stated) >= self.limits.links_per_waybill:
                work.refused.append((row, Refusal(Reason.LIMIT, "link", "the number states too many links")))
            known.stated &= kept
            known.tail = None

    def _hear(self, waybill: bytes, message: Told, position: int, work: _Work) -> None:
        known, most = self.known[waybill], self.limits.links_per_waybill
        for owner, packed in message.profiles.items():
            full = len(known.profiles) >= most and owner not in known.profiles
            if full and not known.has_room(owner, packed, self.limits):
                news = work.of(waybill)
                news.refused = also(news.refused, owner)
                work.refused.append((position, Refusal(Reason.LIMIT, "link", "the number has too many links")))
            elif heard := known.learn_profile(packed):
                news = work.of(waybill)
                if heard == LATER:
                    news.newer = also(news.newer, owner)
                else:
                    news.profiles = also(news.profiles, owner)
                    news.named |= heard == NAMING
        for owner, packed in message.timelines.items():
            if known.learn_timeline(owner, packed):
                news = work.of(waybill)
                news.timelines = also(news.timelines, owner)

    def _settle(self, waybill: bytes, news: News, work: _Work) -> None:
        """Tell others, and derive the parcels that are named by this waybill, or were."""
        known, own = self.known[waybill], self.own.get(waybill, b"")
        other = paired(known, news)
        if other is None:
            self._settle_web(known, own, news, work)
            return
        if other == waybill:
            work.told += claim(known, news)
            work.claims += known.claims() if news.stated else 0
        elif (told := message(known, own, news, other)) is not None:
            work.told.append((other, told))
        if news.grown or news.profiles or news.timelines or news.stated:
            lay(known, own, other, work.parcels)

    def _settle_web(self, known: Knowledge, own: bytes, news: News, work: _Work) -> None:
        """The same, of numbers with more than one link between them."""
        web = known.web(self.limits)
        work.told += messages(known, own, news, web).items()
        if not news:
            return
        if news.stated:
            work.claims += known.claims()
        work.asked += [_Asked(known, group, web) for group in web.named]
        if len(web.named) < known.lives:
            # of whatever is no parcel: a killed worker may have told of it as one, and nobody knows that now
            gone = set(range(known.lives)) - {group[0].number for group in web.named}
            for number in gone:
                work.parcels.add(Derived.gone(known.me, number, known.version))

    def _derived(self, work: _Work) -> None:
        """The scans that count for each parcel."""
        tangled = [one for one in work.asked if not one.web.whole]
        some = {self._rows(o.known, w) for o in tangled for w in (*o.web.members, *o.web.contained.values())}
        seen = views(list(some)) if some else {}
        for known, group, web in work.asked:
            if web.whole:
                kept = [Part(life.waybill, self._rows(known, life.waybill), own=True) for life in group]
            else:
                mine = {w: seen[self._rows(known, w)] for w in (*web.members, *web.contained.values())}
                kept = parts(group, mine.__getitem__, known.profiles, web.contained)
            waybills = sorted({life.waybill for life in group})
            work.parcels.add(Derived(group[0].name, waybills, known.version, kept))

    def _rows(self, known: Knowledge, waybill: bytes) -> bytes:
        if waybill == known.me:
            return self.own.get(waybill, b"")
        told = known.timelines.get(waybill)
        return told.rows if told else b""

    def _values(self, grown: Mapping[bytes, bytes], work: _Work) -> Changes:
        """Changelog records of all that changed."""
        known_by, turns = self.known, self.turns
        changed: Changes = {
            w: keeping.HEAD.pack(len(own), turns.get(w, 0)) + own for w, own in grown.items() if w not in known_by
        }
        for waybill, news in work.news.items():
            known, turn = known_by[waybill], turns.get(waybill, 0)
            if news:
                changed[waybill] = keeping.core(self.own.get(waybill, b""), known, turn)
            before, profiles = keeping.TURN.pack(turn) if turn else keeping.FIRST_TURN, known.profiles
            for owner in news.profiles | news.newer if news.newer else news.profiles:
                changed[waybill + keeping.PROFILE + owner] = before + profiles[owner].packed
            if news.restated and waybill not in news.profiles:
                changed[waybill + keeping.PROFILE + waybill] = before + profiles[waybill].packed
            for owner in news.timelines:
                changed[waybill + keeping.TIMELINE + owner] = before + known.timelines[owner].packed(owner)
        self.returned.clear()
        return changed


def _stated(packed: Packed | None) -> dict[bytes, set[tuple[Stated, int]]]:
    """The links that the scans of a batch state, by waybill, each with its row."""
    found: dict[bytes, set[tuple[Stated, int]]] = {}
    if packed is None or not packed.links:
        return found
    rows = packed.rows.take([link.row for link in packed.links])
    columns = (rows[name].tolist() for name in ("received", "id", "at", "source"))
    for link, received, scan, at, source in zip(packed.links, *columns, strict=True):
        stated = Stated(received, scan, at, source, link.relation, link.mark, link.target)
        found.setdefault(packed.keys[int(packed.waybill[link.row])], set()).add((stated, link.row))
    return found
