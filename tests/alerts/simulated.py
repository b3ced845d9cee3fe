"""A simulated fortnight: parcels on their way to villages, what the networks tell of them and when, what goes wrong.

The way of each parcel is drawn first; what must be alerted follows from it by plain arithmetic, without lifecycles.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from schemas.reference import Facility, Network, Reference, Target

BEGIN: Final = 1_772_380_800_000
"""A Sunday, 16:00 UTC: Monday begins in the county."""
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
DAYS: Final = 14
POLL: Final = 10 * MINUTE
"""Networks tell what happened in rounds."""
TOWNSHIPS: Final = 12
BLOCKED: Final = 7
"""The township whose road is blocked for two days in the second week."""
BLOCKED_FROM, BLOCKED_UNTIL = BEGIN + 8 * DAY, BEGIN + 10 * DAY
TRIPS: Final = "MO,WE,FR@20:00"
TRIP_MOMENTS: Final = tuple(day * DAY + 20 * HOUR for day in (0, 2, 4))
SILENCE: Final = {"county": 24, "township": 36, "village_delivery": 36}
FREE_HOURS: Final = 48

Alarm = tuple[str, str, str, int]
"""Kind, level, parcel and the instant its condition began."""


class Scan(NamedTuple):
    """What happened to a parcel, where, when, and when the backbone hears of it."""

    activity: str
    tier: str
    facility: str
    region: str
    at: int
    heard: int


@dataclass
class Way:
    """A parcel's scans in order."""

    number: int
    township: int
    remote: bool
    scans: list[Scan] = field(default_factory=list)

    @property
    def parcel(self) -> str:
        """Its waybill."""
        return f"zto:{self.number}"

    @property
    def village(self) -> str:
        """Where it goes."""
        return region(self.township, 9 if self.remote else 1)


def region(township: int, village: int = 0) -> str:
    """Division code."""
    return f"520330{100 + township}{200 + village if village else 0:03d}"


def reference() -> Reference:
    """The county: a centre, townships, each with a near and a remote village."""
    places = [_place("C", "COUNTY", "520330000000", "")]
    for township in range(TOWNSHIPS):
        places.append(_place(f"T{township}", "TOWNSHIP", region(township), ""))
        for village, area in ((1, "NEAR"), (9, "REMOTE")):
            places.append(_place(f"V{township}-{village}", "VILLAGE", region(township, village), area))
    targets = (
        Target("county", "STANDARD", "ANY", "24"),
        Target("township", "STANDARD", "NEAR", "12"),
        Target("township", "STANDARD", "REMOTE", TRIPS),
        Target("village_delivery", "STANDARD", "NEAR", "24"),
        Target("village_delivery", "STANDARD", "REMOTE", TRIPS),
    )
    networks = {name: Network(name, "CARRIER", name, "Asia/Shanghai", ()) for name in ("zto", "county-joint")}
    by_id = {place.facility_id: place for place in places}
    return Reference(networks, by_id, targets, silence=SILENCE, free_time={"ANY": FREE_HOURS})


def _place(name: str, tier: str, at: str, area: str) -> Facility:
    return Facility(name, name, tier, at, area, "", (), (), None, None)


def ways(parcels: int, seed: int) -> list[Way]:
    """All parcels of the fortnight."""
    chance = random.Random(seed)  # the same world for the same seed
    return [_way(n, chance) for n in range(parcels)]


def _way(number: int, chance: random.Random) -> Way:
    way = Way(number, chance.randrange(TOWNSHIPS), chance.random() < 0.3)
    here, village = f"T{way.township}", f"V{way.township}-{9 if way.remote else 1}"
    at = BEGIN + chance.randrange(int((DAYS - 1) * DAY))
    stations = [
        ("ARRIVED", "COUNTY", "C", "520330000000", 0),
        ("DEPARTED", "COUNTY", "C", "520330000000", _hours(chance, 2, 9)),
        ("ARRIVED", "TOWNSHIP", here, region(way.township), _hours(chance, 1, 3)),
        ("DEPARTED", "TOWNSHIP", here, region(way.township), _wait(way, chance)),
        ("STORED_AT_POINT", "VILLAGE", village, way.village, _hours(chance, 1, 5)),
        ("COLLECTED_BY_RECIPIENT", "VILLAGE", village, way.village, _hours(chance, 1, 40, slow=0.1)),
    ]
    heard = 0
    for activity, tier, facility, place, hours in stations[: chance.choice([6] * 30 + [1, 2, 3, 4, 5])]:
        at += int(hours * HOUR)
        if (activity, tier) == ("DEPARTED", "COUNTY") and way.township == BLOCKED and BLOCKED_FROM < at < BLOCKED_UNTIL:
            at = BLOCKED_UNTIL + chance.randrange(2 * HOUR)
        heard = max(heard + POLL, _round(at + chance.choice([0, 0, 0, 20 * MINUTE, 6 * HOUR])))
        way.scans.append(Scan(activity, tier, facility, place, at, heard))
    return way


def _hours(chance: random.Random, least: float, most: float, slow: float = 0.03) -> float:
    hours = chance.uniform(least, most)
    return hours * 6 if chance.random() < slow else hours


def _wait(way: Way, chance: random.Random) -> float:
    return _hours(chance, 6, 70) if way.remote else _hours(chance, 1, 8)


def _round(at: int) -> int:
    return -(-at // POLL) * POLL


def event(way: Way, number: int) -> dict[str, Any]:
    """The ScanEvent of a scan."""
    scan = way.scans[number]
    return {
        "event_id": f"{way.number}-{number}",
        "source": "county-joint",
        "source_kind": "CARRIER",
        "issuer": "zto",
        "tracking_number": str(way.number),
        "activity": scan.activity,
        "occurred_at": scan.at,
        "time_basis": "GIVEN",
        "received_at": scan.heard,
        "facility_id": scan.facility,
        "tier": scan.tier,
        "region": scan.region,
        "destination_region": way.village,
        "service": "STANDARD",
        "operator": "county-joint",
        "raw_code": "x",
    }


def alarms(way: Way, end: int) -> Iterator[Alarm]:
    """What must be alerted until the clock stands at `end`: what was so for as long as nothing else was heard."""
    heard = [scan.heard for scan in way.scans[1:]] + [end + 1]
    for scan, until in zip(way.scans, heard, strict=True):
        for kind, level, since in watched(way, scan):
            strict = kind == "MISSED_TRIP" or (kind, level) == ("VILLAGE_LATE", "OVERDUE")
            if since + strict <= min(until, end):  # late is after the deadline
                yield kind, level, way.parcel, since


def watched(way: Way, scan: Scan) -> Iterator[tuple[str, str, int]]:
    """What a parcel of which this was heard last is watched for, and from when it is so."""
    place = scan.activity, scan.tier
    begun, silent = way.scans[0].at, SILENCE["county"]
    if place == ("STORED_AT_POINT", "VILLAGE"):
        yield "WAITING", "OVERDUE", scan.at + FREE_HOURS * HOUR
    elif scan.activity != "COLLECTED_BY_RECIPIENT":
        due = _next_trip(begun) if way.remote else begun + DAY
        yield "VILLAGE_LATE", "AT_RISK", begun + -(-(due - begun) * 3 // 4)
        yield "VILLAGE_LATE", "OVERDUE", due
        if scan.tier == "TOWNSHIP":
            silent = SILENCE["township"]
        if place == ("ARRIVED", "TOWNSHIP") and way.remote:
            yield "MISSED_TRIP", "OVERDUE", _next_trip(scan.at)
        yield "SILENT", "AT_RISK", scan.at + silent * HOUR
        yield "SILENT", "OVERDUE", scan.at + 2 * silent * HOUR


def _next_trip(start: int) -> int:
    week = start - (start - BEGIN) % WEEK
    return next(t for t in (week + w + m for w in (0, WEEK) for m in TRIP_MOMENTS) if t > start)
