"""The simulated fortnight laid on a grid, for a clock that is turned from instant to instant, and its account.

Everything happens in the last minute before an instant of the grid, networks tell at instants: so a clock that
stands at each instant until all is done has nothing due more than a minute before. What must be told at which
instant follows by plain arithmetic from the ways of the parcels (`simulated`), without lifecycles.
"""

import csv
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.alerts import simulated
from tests.alerts.simulated import BEGIN, DAY, HOUR, MINUTE, Alarm, Scan, Way

GRID: Final = 30 * MINUTE
RISKY: Final = 4 * GRID
"""Three quarters of the way to a trip lie on the grid if the way begins on this one."""
BRISK: Final = 0.75
"""Share of parcels that are twice as fast as others: most of a county's are in time."""
STRICT: Final = frozenset({("VILLAGE_LATE", "OVERDUE"), ("MISSED_TRIP", "OVERDUE")})
RAISED, RESOLVED = "RAISED", "RESOLVED"
Place = tuple[str, str, str]
"""Kind, level, and where: the township of late deliveries, else where the parcel was last seen."""
Group = tuple[Place, int]
"""An incident: its place, and how many parcels it holds."""


class Notice(NamedTuple):
    """What a receiver must be told, the instant it must be, and since when it could have been known."""

    alarm: Alarm
    state: str
    at: int
    since: int
    place: Place


def ways(parcels: int, seed: int) -> list[Way]:
    """All parcels of the fortnight."""
    chance = random.Random(seed)  # the same world for the same seed
    return [_laid(way, chance) for way in simulated.ways(parcels, seed)]


def _laid(way: Way, chance: random.Random) -> Way:
    begin, pace = way.scans[0].at, 0.5 if chance.random() < BRISK else 1.0
    found = Way(way.number, way.township, way.remote)
    heard = 0
    for number, scan in enumerate(way.scans):
        grid = RISKY if way.remote and number == 0 else GRID
        at = begin + int((scan.at - begin) * pace)
        at = at - (at - BEGIN) % grid - chance.randrange(MINUTE)
        heard = max(heard + GRID, instant(at + scan.heard - scan.at))
        found.scans.append(scan._replace(at=at, heard=heard))
    return found


def instant(at: int) -> int:
    """The first instant of the grid that is not before; a millisecond behind the grid, when what is due on it is late.

    Late is after the deadline, not at it.
    """
    return BEGIN + -(-(at - 1 - BEGIN) // GRID) * GRID + 1


def notices(way: Way, end: int) -> Iterator[Notice]:
    """All that must be told of a parcel until the clock stands at `end`."""
    told: dict[Alarm, Place] = {}
    heard = [scan.heard for scan in way.scans[1:]] + [end + 1]
    for scan, until in zip(way.scans, heard, strict=True):
        if scan.heard > end:
            return
        watched = {(kind, level, way.parcel, since) for kind, level, since in simulated.watched(way, scan)}
        for alarm in told.keys() - watched:
            yield Notice(alarm, RESOLVED, scan.heard, scan.heard, told.pop(alarm))
        for alarm in sorted(watched - told.keys()):
            due = alarm[3] + (alarm[:2] in STRICT)
            if due <= min(until, end):
                told[alarm] = _place(alarm, way, scan)
                yield Notice(alarm, RAISED, max(instant(due), scan.heard), max(alarm[3], scan.heard), told[alarm])


def _place(alarm: Alarm, way: Way, scan: Scan) -> Place:
    kind, level, _, _ = alarm
    return kind, level, simulated.region(way.township) if kind == "VILLAGE_LATE" else scan.facility


def groups(standing: Iterable[tuple[Alarm, Place]]) -> Counter[Group]:
    """Incidents of alerts that stand open: one place and one day; who is overdue is at risk no more."""
    found = list(standing)
    graver = {(kind, parcel) for (kind, level, parcel, _), _ in found if level == "OVERDUE"}
    together: Counter[tuple[Place, int]] = Counter()
    for (kind, level, parcel, since), place in found:
        if level == "OVERDUE" or (kind, parcel) not in graver:
            together[place, (since + 8 * HOUR) // DAY] += 1
    return Counter((place, many) for (place, _), many in together.items())


def write_reference(folder: Path) -> Path:
    """The county of the simulation as the files that roles read."""
    county = simulated.reference()
    folder.mkdir(parents=True)
    networks = [(n.network, n.kind, n.display_name, n.time_zone, "") for n in county.networks.values()]
    places = [(p.facility_id, p.name, p.tier, p.region, p.area_class) for p in county.facilities.values()]
    targets = [(t.stage, t.service, t.area_class, t.target) for t in county.targets]
    _write(folder / "networks.csv", ("network", "kind", "display_name", "time_zone", "codes"), networks)
    empty = ("host_kind", "functions", "operators", "lat", "lon")
    heads = ("facility_id", "name", "tier", "region", "area_class", *empty)
    _write(folder / "facilities.csv", heads, [(*place, *("" for _ in empty)) for place in places])
    _write(folder / "targets.csv", ("stage", "service", "area_class", "target"), targets)
    _write(folder / "silence.csv", ("stage", "hours"), county.silence.items())
    _write(folder / "free_time.csv", ("operator", "hours"), county.free_time.items())
    return folder


def _write(file: Path, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([heads, *rows])
