"""Section 6 of the design read a second time, scan by scan: which scans count, groups, lives, containers."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from schemas.vocabulary import ACTIVITIES

Scan = dict[str, Any]
Tie = Callable[[str, str], int]
Rank = Callable[[Scan], int]
Life = tuple[str, int]

DAY: Final = 24 * 3_600_000
REUSE, SILENCE = 180 * DAY, 365 * DAY
LAST: Final = {"DELIVERED", "COLLECTED_BY_RECIPIENT", "RETURNED", "LOST", "CANCELLED"}
FOR_EVER: Final = float("inf")


class Group(NamedTuple):
    """One parcel: its waybills, the scans that count in order, the waybill it is shown by, and its id."""

    waybills: list[str]
    scans: list[Scan]
    shown_by: str
    name: str


class Stay(NamedTuple):
    """Somewhere inside `label` from `since` until `until`, both included."""

    label: str
    since: float
    until: float


class World:
    """All scans of a world, read once: what stands, which links hold, which numbers are labels, how lives are cut."""

    def __init__(self, scans: Sequence[Scan], rank: Rank) -> None:
        told = [_without_idle_link(scan) for scan in scans]
        self.by_number: dict[str, list[Scan]] = defaultdict(list)
        for scan in _standing(_first_copies(told, rank)):
            self.by_number[number(scan)].append(scan)
        self.labels = {_far(s) for s in told if _relation(s) == "IN_CONTAINER" and self.entitled(s)}
        self.rests = {waybill: _rests(some) for waybill, some in self.by_number.items()}

    def entitled(self, scan: Scan) -> bool:
        """Whether its network issued one of the two numbers, or has another standing scan of one."""
        if scan["source"] in {scan["issuer"], scan["link"]["issuer"]}:
            return True
        others = [s for s in self.by_number.get(number(scan), []) if s["event_id"] != scan["event_id"]]
        others += self.by_number.get(_far(scan), [])
        return any(s["source"] == scan["source"] for s in others)

    def link(self, scan: Scan) -> tuple[str | None, str | None]:
        """Relation and far end of a link that counts."""
        return (_relation(scan), _far(scan)) if scan.get("link") and self.entitled(scan) else (None, None)

    def life(self, waybill: str, at: int) -> Life:
        """The life of a number at an instant; within a rest the nearer one."""
        return waybill, sum(at - before > after - at for before, after in self.rests.get(waybill, []))

    def during(self, life: Life) -> tuple[float, float]:
        """When a life begins, and when the next does."""
        starts = [-FOR_EVER, *(after for _, after in self.rests.get(life[0], [])), FOR_EVER]
        return starts[life[1]], starts[life[1] + 1]

    def own(self, life: Life) -> list[Scan]:
        """The scans of a life."""
        since, before = self.during(life)
        return [scan for scan in self.by_number.get(life[0], []) if since <= scan["occurred_at"] < before]


def groups(scans: Sequence[Scan], tie: Tie, rank: Rank = lambda _: 0) -> list[Group]:
    """All parcels that exist. `tie`: the fixed order of (source, event_id); `rank`: of copies received at once."""
    world = World(scans, rank)
    found = (_group(sorted(members), world, tie) for members in _components(world))
    return [group for group in found if group]


def number(scan: Scan) -> str:
    """The waybill or label that was scanned."""
    return f"{scan['issuer']}:{scan['tracking_number']}"


def _relation(scan: Scan) -> str | None:
    return scan["link"]["relation"] if scan.get("link") else None


def _far(scan: Scan) -> str:
    return f"{scan['link']['issuer']}:{scan['link']['tracking_number']}"


def _without_idle_link(scan: Scan) -> Scan:
    """Pieces join nothing; a number linked with itself says nothing."""
    idle = scan.get("link") and (_relation(scan) == "PIECE_OF" or _far(scan) == number(scan))
    return scan | {"link": None} if idle else scan


def _first_copies(scans: Sequence[Scan], rank: Rank) -> list[Scan]:
    """Of scans with the same source and id the first received."""
    first: dict[tuple[str, str], Scan] = {}
    for scan in scans:
        known = first.setdefault((scan["source"], scan["event_id"]), scan)
        if (scan["received_at"], rank(scan)) < (known["received_at"], rank(known)):
            first[scan["source"], scan["event_id"]] = scan
    return list(first.values())


def _standing(scans: Sequence[Scan]) -> list[Scan]:
    """Without retractions and what they withdraw."""
    gone = set()
    for scan in scans:
        if scan["activity"] == "RETRACTED" and scan.get("retracts"):
            for half in ("", ".1", ".2"):
                gone.add((scan["source"], number(scan), scan["retracts"] + half))
    return [
        scan
        for scan in scans
        if scan["activity"] != "RETRACTED" and (scan["source"], number(scan), scan["event_id"]) not in gone
    ]


def _rests(scans: Sequence[Scan]) -> list[tuple[int, int]]:
    """Rests of a number after which it is another parcel's: 180 days once it was closed or given up, else a year."""
    found, closed, last = list[tuple[int, int]](), False, None
    for scan in sorted(scans, key=lambda s: s["occurred_at"]):
        at = scan["occurred_at"]
        if last is not None and (at - last >= SILENCE or (closed and at - last >= REUSE)):
            found.append((last, at))
            closed = False
        given_up = scan.get("link") and scan["activity"] not in {"BAGGED", "UNBAGGED"}
        closed, last = closed or bool(given_up) or scan["activity"] in LAST, at
    return found


def _components(world: World) -> list[set[Life]]:
    """Lives joined by standing links; containers have none and join nothing."""
    parts: dict[Life, set[Life]] = {}
    for waybill, scans in world.by_number.items():
        for scan in scans if waybill not in world.labels else ():
            mine = world.life(waybill, scan["occurred_at"])
            parts.setdefault(mine, {mine})
            relation, far = world.link(scan)
            if far is None or relation == "IN_CONTAINER" or far in world.labels:
                continue
            theirs = world.life(far, scan["occurred_at"])
            joined = parts[mine] | parts.get(theirs, {theirs})
            parts |= dict.fromkeys(joined, joined)
    return [set(part) for part in {frozenset(part) for part in parts.values()}]


def _group(members: list[Life], world: World, tie: Tie) -> Group | None:
    own = [scan for life in members for scan in world.own(life)]
    if not own:
        return None
    around = {
        (scan["source"], scan["event_id"]): scan
        for stay in _all_stays(members, world)
        for scan in world.by_number.get(stay.label, [])
        if stay.since <= scan["occurred_at"] <= stay.until
    }

    def place(scan: Scan) -> tuple[int, int, int]:
        order = ACTIVITIES.index(scan["activity"])
        return scan["occurred_at"], order, tie(scan["source"], scan["event_id"])

    waybill, life = members[0]
    name = waybill if life == 0 else f"{waybill}~{life + 1}"
    waybills = sorted({waybill for waybill, _ in members})
    return Group(waybills, sorted([*own, *around.values()], key=place), number(min(own, key=place)), name)


def _all_stays(members: list[Life], world: World) -> set[Stay]:
    """The parcel's stays, and within each those of the container in another."""
    own = [scan for life in members for scan in world.own(life)]
    found = set[Stay]()
    new = [
        Stay(stay.label, stay.since, min(stay.until, world.during(life)[1] - 1))
        for life in members
        for stay in _stays(world.own(life), own, world, loose=True)
    ]
    while new:
        inner = new.pop()
        if inner in found or inner.since > inner.until:
            continue
        found.add(inner)
        label = world.by_number.get(inner.label, [])
        outer = _stays(label, label, world, loose=False)
        new += [Stay(o.label, max(inner.since, o.since), min(inner.until, o.until)) for o in outer]
    return found


def _stays(bagging: list[Scan], own: list[Scan], world: World, *, loose: bool) -> Iterator[Stay]:
    """From each BAGGED to the first later UNBAGGED. `loose`: one that names nothing takes it out, too."""
    for bagged in bagging:
        relation, label = world.link(bagged)
        if bagged["activity"] == "BAGGED" and relation == "IN_CONTAINER" and label is not None:
            ends = [s for s in own if world.link(s) == (relation, label) or (loose and world.link(s)[0] != relation)]
            ends += [s for s in world.by_number.get(label, []) if world.link(s)[0] != relation]
            later = [s["occurred_at"] for s in ends if s["activity"] == "UNBAGGED"]
            since = bagged["occurred_at"]
            yield Stay(label, since, min((at for at in later if at > since), default=FOR_EVER))
