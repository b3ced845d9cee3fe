"""Section 6 of the design read a second time, scan by scan: which scans count, groups, containers."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from schemas.vocabulary import ACTIVITIES

Scan = dict[str, Any]
Tie = Callable[[str, str], int]


class Group(NamedTuple):
    """One parcel: its waybills, the scans that count in order, and the waybill it is shown by."""

    waybills: list[str]
    scans: list[Scan]
    shown_by: str


class Stay(NamedTuple):
    """Somewhere inside `label` from `since` until `until`, both included."""

    label: str
    since: float
    until: float


def groups(scans: Sequence[Scan], tie: Tie) -> list[Group]:
    """All parcels that exist. `tie`: the fixed order of (source, event_id)."""
    labels = {_far(scan) for scan in scans if _relation(scan) == "IN_CONTAINER"}
    by_number: dict[str, list[Scan]] = defaultdict(list)
    for scan in _standing(_first_copies(scans)):
        by_number[number(scan)].append(scan)
    found = (_group(members, by_number, tie) for members in _components(by_number, labels))
    return [group for group in found if group]


def number(scan: Scan) -> str:
    """The waybill or label that was scanned."""
    return f"{scan['issuer']}:{scan['tracking_number']}"


def _relation(scan: Scan) -> str | None:
    return scan["link"]["relation"] if scan.get("link") else None


def _far(scan: Scan) -> str:
    return f"{scan['link']['issuer']}:{scan['link']['tracking_number']}"


def _first_copies(scans: Sequence[Scan]) -> list[Scan]:
    """Of scans with the same source and id the first received."""
    first: dict[tuple[str, str], Scan] = {}
    for scan in scans:
        key = scan["source"], scan["event_id"]
        if key not in first or scan["received_at"] < first[key]["received_at"]:
            first[key] = scan
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


def _components(by_number: dict[str, list[Scan]], labels: set[str]) -> list[list[str]]:
    """Numbers joined by standing links; containers are none and join nothing."""
    parts: dict[str, set[str]] = {waybill: {waybill} for waybill in by_number if waybill not in labels}
    for scan in (scan for scans in by_number.values() for scan in scans):
        if _relation(scan) in {None, "IN_CONTAINER"} or {number(scan), _far(scan)} & labels:
            continue
        joined = parts[number(scan)] | parts.get(_far(scan), {_far(scan)})
        for waybill in joined:
            parts[waybill] = joined
    return [list(part) for part in {tuple(sorted(part)) for part in parts.values()}]


def _group(members: list[str], by_number: dict[str, list[Scan]], tie: Tie) -> Group | None:
    own = [scan for waybill in members for scan in by_number.get(waybill, [])]
    if not own:
        return None
    around = {
        (scan["source"], scan["event_id"]): scan
        for stay in _all_stays(members, by_number)
        for scan in by_number.get(stay.label, [])
        if stay.since <= scan["occurred_at"] <= stay.until
    }

    def place(scan: Scan) -> tuple[int, int, int]:
        order = ACTIVITIES.index(scan["activity"])
        return scan["occurred_at"], order, tie(scan["source"], scan["event_id"])

    return Group(members, sorted([*own, *around.values()], key=place), number(min(own, key=place)))


def _all_stays(members: list[str], by_number: dict[str, list[Scan]]) -> set[Stay]:
    """The parcel's stays, and within each those of the container in another."""
    own = [scan for waybill in members for scan in by_number.get(waybill, [])]
    found, new = set[Stay](), list(_stays(own, by_number, loose=True))
    while new:
        inner = new.pop()
        if inner in found:
            continue
        found.add(inner)
        for outer in _stays(by_number.get(inner.label, []), by_number, loose=False):
            since, until = max(inner.since, outer.since), min(inner.until, outer.until)
            new += [Stay(outer.label, since, until)] if since <= until else []
    return found


def _stays(own: list[Scan], by_number: dict[str, list[Scan]], *, loose: bool) -> Iterator[Stay]:
    """From each BAGGED to the first later UNBAGGED. `loose`: one that names nothing takes it out, too."""
    for bagged in own:
        if bagged["activity"] == "BAGGED" and _relation(bagged) == "IN_CONTAINER":
            label = _far(bagged)
            ends = [
                s for s in own if (_relation(s) == "IN_CONTAINER" and _far(s) == label) or (loose and not s.get("link"))
            ]
            ends += [s for s in by_number.get(label, []) if not s.get("link")]
            later = [s["occurred_at"] for s in ends if s["activity"] == "UNBAGGED"]
            since = bagged["occurred_at"]
            yield Stay(label, since, min((at for at in later if at > since), default=float("inf")))
