"""What one waybill knows of others, and whom it tells (design.md section 4).

- A new link fact goes to every neighbour the waybill ever had, so that all members of a parcel come to
  know all its links and compute the same root, the smallest waybill.
- A member that is not the root tells the root its timeline and those of the containers it lay in.
- A container tells all it ever held its timeline, and those of the containers it lay in itself.

All messages are sets of raw facts and raw timelines: told twice, late or in any order, they end the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from stream_jobs.identity.facts import IN_CONTAINER, NONE, WITHDRAWN, Fact, Facts, component, containers
from stream_jobs.timeline.record import read
from stream_jobs.timeline.union import split, union


@dataclass
class Knowledge:
    """Link facts and other waybills' timelines; only grows."""

    facts: set[Fact] = field(default_factory=set)
    timelines: dict[bytes, bytes] = field(default_factory=dict)

    def learn(self, facts: Facts, timelines: Mapping[bytes, bytes]) -> tuple[set[Fact], bool]:
        """Join what is told; gives the facts that are new, and whether a timeline grew."""
        new = set(facts) - self.facts
        self.facts |= new
        grown = [self._grow(waybill, told) for waybill, told in timelines.items()]
        return new, any(grown)

    def _grow(self, waybill: bytes, told: bytes) -> bool:
        known = self.timelines.get(waybill, b"")
        joined = known if told == known else join(known, told)
        self.timelines[waybill] = joined
        return joined != known

    def lies_in(self, waybill: bytes) -> set[bytes]:
        """The containers it was ever in, and those they were in."""
        held = defaultdict(set)
        for fact in self.facts:
            if fact.relation == IN_CONTAINER:
                held[fact.owner].add(fact.target)
        found: set[bytes] = set()
        new = [waybill]
        while new:
            around = held[new.pop()] - found
            found |= around
            new += around
        return found - {waybill}


@dataclass
class Told:
    """One message: facts and timelines for one waybill."""

    facts: set[Fact] = field(default_factory=set)
    timelines: dict[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """What a batch changed of one waybill."""

    facts: frozenset[Fact]
    own: bool
    foreign: bool


def join(mine: bytes, theirs: bytes) -> bytes:
    """Union of two timelines of one waybill."""
    rows = read(mine + theirs)
    return split(*union(rows, np.zeros(len(rows), np.int64)), 1)[0]


def messages(waybill: bytes, own: bytes, known: Knowledge, changed: Changed) -> dict[bytes, Told]:
    """Whom to tell what after a change."""
    told: dict[bytes, Told] = defaultdict(Told)
    if changed.facts:
        _tell_neighbours(waybill, known.facts, told)
    labels = containers(known.facts)
    root = component(waybill, known.facts)[0]
    around = known.lies_in(waybill)
    timelines = {label: known.timelines[label] for label in around if label in known.timelines}
    speakers = around | {waybill}
    load = Told({f for f in known.facts if f.owner in speakers}, timelines | ({waybill: own} if own else {}))
    if root != waybill:
        _add(told[root], load)
    if waybill in labels:
        for held in _to_whom(waybill, known.facts, changed):
            _add(told[held], load)
    told.pop(waybill, None)
    return told


def _tell_neighbours(waybill: bytes, facts: Facts, told: dict[bytes, Told]) -> None:
    joining = {(f.owner, f.id) for f in facts if f.relation != IN_CONTAINER}
    joins = {f for f in facts if (f.owner, f.id) in joining}
    ends = {end for f in joins for end in (f.owner, f.target)}
    witnesses = {f for f in facts if f.relation == IN_CONTAINER and f.target in ends}
    for fact in facts:
        if fact.relation in {NONE, WITHDRAWN}:
            continue
        if fact.relation == IN_CONTAINER:
            if fact.owner == waybill:
                told[fact.target].facts |= _copies(fact, facts)
        elif waybill in {fact.owner, fact.target}:
            other = fact.target if fact.owner == waybill else fact.owner
            told[other].facts |= joins | witnesses


def _copies(fact: Fact, facts: Facts) -> set[Fact]:
    """All that is known of the scan behind a fact."""
    return {f for f in facts if (f.owner, f.id) == (fact.owner, fact.id)}


def _to_whom(label: bytes, facts: Iterable[Fact], changed: Changed) -> set[bytes]:
    """Those a container ever held; only the newly named, if nothing else changed."""
    named = {f.owner for f in facts if f.relation == IN_CONTAINER and f.target == label}
    only_named = not (changed.own or changed.foreign) and all(f.owner != label for f in changed.facts)
    return named & {f.owner for f in changed.facts} if only_named else named


def _add(told: Told, load: Told) -> None:
    told.facts |= load.facts
    told.timelines |= load.timelines
