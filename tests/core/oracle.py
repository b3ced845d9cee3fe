"""Section 6 of the design read a second time, in plain Python: what the columns must agree with.

Only the words (activities, groups, milestones' and stages' names) are shared with the code under test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.vocabulary import GROUP_OF
from tests.core.oracle_groups import Group, Scan, Tie, groups
from tests.core.oracle_stages import Standard, judged, lengths

BELOW: Final = {"ORIGIN_WAREHOUSE", "TOWNSHIP", "VILLAGE", "LOCKER", "DOOR"}
SILENT: Final = {"REMINDED", "DWELL_EXPIRED"}
HANDED: Final = {"DELIVERED", "COLLECTED_BY_RECIPIENT"}


@dataclass
class Way:
    """A parcel's scans, cut up by the rules of Forward and Sides; scans are named by their place in `all`."""

    all: list[Scan]
    forward: list[int] = field(default_factory=list)
    up: list[int] = field(default_factory=list)
    down: list[int] = field(default_factory=list)
    returning: bool = False
    direction: str = "UNKNOWN"

    def last_known(self, name: str) -> Any:  # noqa: ANN401  # of any field
        """The last value of a field known among forward scans."""
        known = [self.all[n][name] for n in self.forward if self.all[n].get(name)]
        return known[-1] if known else None


def parcels(scans: Sequence[Scan], standard: Standard, tie: Tie) -> list[dict[str, Any]]:
    """All parcels of these scans in the shape of truth.json, by waybills."""
    return [_parcel(group, standard) for group in sorted(groups(scans, tie))]


def _parcel(group: Group, standard: Standard) -> dict[str, Any]:
    way = _way(group.scans)
    rows, inferred = _milestones(way)
    times = {name: group.scans[row]["occurred_at"] for name, row in rows.items()}
    destination = way.last_known("destination_region") or _reached(way)
    service = way.last_known("service") or "STANDARD"
    held = _custody(group.scans)
    taken = group.scans[rows["collected"]] if "collected" in rows else {}
    over = way.returning or any(s["activity"] in {"RETURNED", "LOST", "CANCELLED"} for s in group.scans)
    spans = lengths(times, over=over, taken_at=taken.get("tier"))
    regions = {name: taken.get("region") if name == "first_mile" else destination for name in spans}
    stages = {name: judged(name, span, (service, regions[name]), held, standard) for name, span in spans.items()}
    return {
        "waybills": group.waybills,
        "shown_by": group.shown_by,
        "direction": way.direction,
        "service": service,
        "status": _status(way, times),
        "collected_inferred": inferred,
        "milestones": times,
        "stages": stages,
        "late": sorted(name for name, stage in stages.items() if stage.get("verdict") in {"MISSED", "OVERDUE"}),
        "destination_region": destination,
        "destination_village": destination if destination in standard.areas else None,
        "custodians": [holder for _, holder in held if holder],
        "scans": len(group.scans),
    }


def _starts_return(scan: Scan) -> bool:
    refused = scan["activity"] == "REFUSED" and scan.get("reason") == "RETURN"
    linked = bool(scan.get("link")) and scan["link"]["relation"] == "RETURN"
    return scan["activity"] == "RETURN_STARTED" or refused or linked


def _way(scans: list[Scan]) -> Way:
    cut = next((n for n, scan in enumerate(scans) if _starts_return(scan)), None)
    way = Way(scans, list(range(len(scans)))[:cut], returning=cut is not None)
    part = [n for n in way.forward if GROUP_OF[scans[n]["activity"]] not in {"order", "other"}]
    pivot = [n for n in part if scans[n]["tier"] == "HUB"]
    county = [n for n in part if scans[n]["tier"] == "COUNTY"]
    if pivot or county:
        span = pivot or county
        way.up = [n for n in part if n < span[0]]
        way.down = [n for n in part if n > span[-1]]
    elif any(scans[n]["activity"] in {"COLLECTED", "ACCEPTED"} and scans[n]["tier"] in BELOW for n in part):
        way.up = part
    else:
        way.down = part
    if county and not pivot:
        _county_pivot(way, part, county)
    elif any(scans[n]["tier"] in BELOW | {"COUNTY"} for n in way.up):
        way.direction = "UP"
    elif any(scans[n]["tier"] != "UNKNOWN" for n in part):
        way.direction = "DOWN"
    return way


def _county_pivot(way: Way, part: list[int], county: list[int]) -> None:
    """The county's own scans join the sides they serve."""
    below = [n for n in part if way.all[n]["tier"] in BELOW]
    rises = any(n < county[0] for n in below)
    pivot, home = way.all[county[0]].get("region") or "", way.last_known("destination_region") or ""
    at_home = bool(pivot and home) and pivot[:6] == home[:6]
    falls = not rises or any(n > county[-1] for n in below) or at_home
    way.up = sorted({*way.up, *county}) if rises else way.up
    way.down = sorted({*way.down, *county}) if falls else way.down
    way.direction = "LOCAL" if rises and falls else "UP" if rises else "DOWN"


def _reached(way: Way) -> str | None:
    villages = [n for n in way.down if way.all[n]["tier"] in {"VILLAGE", "LOCKER"}]
    return way.all[villages[-1]].get("region") if villages else None


def _milestones(way: Way) -> tuple[dict[str, int], bool]:
    """Place of the scan that is each milestone, and whether `collected` was inferred."""
    scans, every = way.all, list(range(len(way.all)))

    def of(among: list[int], activities: str, tiers: str = "") -> list[int]:
        fits = [n for n in among if scans[n]["activity"] in activities.split()]
        return [n for n in fits if not tiers or scans[n]["tier"] in tiers.split()]

    origin = of(way.forward, "DEPARTED", "HUB")[:1]
    hubs = of([n for n in way.forward if origin and n > origin[0]], "ARRIVED", "HUB")
    elsewhere = [n for n in hubs if scans[n].get("facility_id") != scans[origin[0]].get("facility_id")]
    collected = of(way.forward, "COLLECTED")
    found = {
        "created": of(way.forward, "LABEL_CREATED")[:1],
        "collected": (collected or of(way.forward, "ACCEPTED WAREHOUSED ARRIVED DEPARTED"))[:1],
        "village_out": of(way.up, "DEPARTED", "VILLAGE")[:1],
        "township_up_out": of(way.up, "DEPARTED", "TOWNSHIP")[:1],
        "county_up_in": of(way.up, "ARRIVED", "COUNTY ORIGIN_WAREHOUSE")[:1],
        "county_up_out": of(way.up, "DEPARTED", "COUNTY ORIGIN_WAREHOUSE")[-1:],
        "origin_out": origin,
        "dest_in": elsewhere[-1:],
        "county_in": of(way.down, "ARRIVED", "COUNTY")[:1],
        "county_out": of(way.down, "DEPARTED", "COUNTY")[-1:],
        "township_in": of(way.down, "ARRIVED", "TOWNSHIP")[:1],
        "township_out": of(way.down, "DEPARTED", "TOWNSHIP")[-1:],
        "village_in": of(way.down, "ARRIVED STORED_AT_POINT", "VILLAGE LOCKER")[:1],
        "out_for_delivery": of(way.forward, "OUT_FOR_DELIVERY")[:1],
        "at_point": of(way.forward, "STORED_AT_POINT")[:1],
        "handed": of(way.forward, "DELIVERED COLLECTED_BY_RECIPIENT")[:1],
        "returned": of(every, "RETURNED")[:1],
    }
    standing = {name: rows[0] for name, rows in found.items() if rows}
    return standing, "collected" in standing and not collected


def _tells(scan: Scan) -> bool:
    return GROUP_OF[scan["activity"]] not in {"order", "other"} and scan["activity"] not in SILENT


def _custody(scans: list[Scan]) -> list[tuple[int, str | None]]:
    """Since when who had it; None: nobody. HANDED_OVER is like any scan: whoever scans has it."""
    held: list[tuple[int, str | None]] = []
    for scan in filter(_tells, scans):
        holder = None if scan["activity"] in HANDED else scan.get("operator") or scan["source"]
        if not held or held[-1][1] != holder:
            held.append((scan["occurred_at"], holder))
    return held


def _status(way: Way, times: Mapping[str, int]) -> str:
    seen = {scan["activity"] for scan in way.all}
    latest = ([scan["activity"] for scan in way.all if _tells(scan)] or [""])[-1]
    moving = {a for a in seen if GROUP_OF[a] in {"sorting", "transport", "distribution"}} - {"ACCEPTED"}
    rules = {
        "RETURNED": "returned" in times,
        "RETURNING": way.returning,
        "DELIVERED": "handed" in times,
        "LOST": "LOST" in seen,
        "DAMAGED": "DAMAGED" in seen,
        "AT_POINT": latest == "STORED_AT_POINT",
        "OUT_FOR_DELIVERY": latest == "OUT_FOR_DELIVERY",
        "EXCEPTION": latest in {"ATTEMPT_FAILED", "HELD", "CUSTOMS_HELD", "REFUSED"},
        "IN_TRANSIT": bool(moving),
        "COLLECTED": "collected" in times,
        "CREATED": "created" in times,
    }
    return next((status for status, holds in rules.items() if holds), "UNKNOWN")
