"""Link facts: what scans say of two numbers, kept as sets that only grow (design.md section 4).

A fact stands if, of the copies of its scan, the first received says so, and no retraction names it.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from stream_jobs.timeline.pack import ACTIVITY, Link
from stream_jobs.timeline.record import LINKS, Rows, read

NONE: Final = "NONE"
WITHDRAWN: Final = "WITHDRAWN"
IN_CONTAINER: Final = "IN_CONTAINER"
LOW: Final = 0xFFFFFFFF


class Fact(NamedTuple):
    """One copy of a link scan as `owner` knows it; relation NONE: this copy has no link; WITHDRAWN: retracted."""

    owner: bytes
    id: int
    ref: int
    received: int
    relation: str
    target: bytes
    evidence: str


Facts = frozenset[Fact] | set[Fact]


def fact_of(owner: bytes, rows: Rows, link: Link) -> Fact:
    """The fact that a scan of a batch states."""
    row = rows[link.row]
    return Fact(owner, int(row["id"]), int(row["ref"]), int(row["received"]), link.relation, link.target, link.evidence)


def settled(owner: bytes, own: bytes, facts: Iterable[Fact]) -> set[Fact]:
    """What the owner's timeline says of its own facts: withdrawn, or overtaken by an earlier copy."""
    mine = [fact for fact in facts if fact.owner == owner and fact.relation not in {NONE, WITHDRAWN}]
    rows = read(own)
    if not (mine and len(rows)):
        return set()
    named = set(rows["ref"][rows["act"] == ACTIVITY["RETRACTED"]].tolist())
    kept = {int(row["id"]): row for row in rows[np.isin(rows["id"], np.array([f.id for f in mine], np.uint64))]}
    gone = {_bare(f, 0, WITHDRAWN) for f in mine if named & {f.ref, f.id & LOW}}
    kept_bare = [f for f in mine if f.id in kept and not kept[f.id]["flags"] & LINKS]
    return gone | {_bare(f, int(kept[f.id]["received"]), NONE) for f in kept_bare}


def _bare(fact: Fact, received: int, relation: str) -> Fact:
    return fact._replace(received=received, relation=relation, target=b"", evidence="")


def standing(facts: Iterable[Fact]) -> list[Fact]:
    """The facts that hold."""
    copies: dict[tuple[bytes, int], list[Fact]] = defaultdict(list)
    for fact in facts:
        copies[fact.owner, fact.id].append(fact)
    held = []
    for rivals in copies.values():
        if all(fact.relation != WITHDRAWN for fact in rivals):
            first = min(rivals, key=lambda f: (f.received, f.relation != NONE, f))
            held += [first] if first.relation != NONE else []
    return held


def containers(facts: Iterable[Fact]) -> set[bytes]:
    """Labels of bags, cages and trips: whatever an IN_CONTAINER link ever named, withdrawn or not."""
    return {fact.target for fact in facts if fact.relation == IN_CONTAINER}


def component(waybill: bytes, facts: Facts) -> list[bytes]:
    """The waybills that are one parcel with this one, sorted; a container is alone."""
    labels = containers(facts)
    ends: dict[bytes, set[bytes]] = defaultdict(set)
    for fact in standing(facts):
        if fact.relation != IN_CONTAINER and not {fact.owner, fact.target} & labels:
            ends[fact.owner].add(fact.target)
            ends[fact.target].add(fact.owner)
    found, new = {waybill}, [waybill]
    while new:
        near = ends[new.pop()] - found
        found |= near
        new += near
    return sorted(found)
