"""Reference data of a county, read from CSV files: networks, facilities, and what is promised.

Shapes: `networks.csv`, `facilities.csv`, `targets.csv` as in tests/data/county/README.md, the rest in
docs/promises.md.
A line that cannot be taken raises `BadReference` with file, line number and cause.
"""

import csv
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.targets import ANY, Edition, Target, day, hours, one_of, target
from schemas.vocabulary import AREA_CLASSES, SOURCE_KINDS, STAGES, TIERS

__all__ = ["BadReference", "Edition", "Facility", "Network", "Reference", "Target", "load"]

Row = TypeVar("Row")

FILES: Final = ("networks.csv", "facilities.csv", "targets.csv", "holidays.csv", "silence.csv", "free_time.csv")
REGION: Final = re.compile(r"^\d{12}$")


class BadReference(ValueError):
    """A reference file that cannot be used: says which file, which line and why."""


@dataclass(frozen=True)
class Network:
    """A publisher or issuer. `codes`: how other networks name it."""

    network: str
    kind: str
    display_name: str
    time_zone: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Facility:
    """A place where parcels are scanned. `area_class` is empty for all but villages and lockers."""

    facility_id: str
    name: str
    tier: str
    region: str
    area_class: str
    host_kind: str
    functions: tuple[str, ...]
    operators: tuple[str, ...]
    lat: float | None
    lon: float | None


@dataclass(frozen=True)
class Reference:
    """All reference data, looked up by id, by name and by the code other networks use.

    `holidays`: days without trips. `silence`: hours without a scan before an alert, by stage. `free_time`: hours
    a parcel may wait at a point, by operator or ANY. `editions`: the history of targets; without any, `targets`
    and `holidays` hold for all time.
    """

    networks: Mapping[str, Network] = field(default_factory=dict)
    facilities: Mapping[str, Facility] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    holidays: tuple[str, ...] = ()
    silence: Mapping[str, int] = field(default_factory=dict)
    free_time: Mapping[str, int] = field(default_factory=dict)
    editions: tuple[Edition, ...] = ()

    def network_by_code(self) -> dict[str, str]:
        """Other networks' codes, and the networks' own names, to network."""
        own = {name: name for name in self.networks}
        return own | {code: n.network for n in self.networks.values() for code in n.codes}

    def facility_by_name(self) -> dict[str, Facility]:
        """Facilities by their unique display name."""
        return {f.name: f for f in self.facilities.values()}

    def area_class_of(self) -> dict[str, str]:
        """Area class of each village, by 12-digit region."""
        return {f.region: f.area_class for f in self.facilities.values() if f.tier == "VILLAGE"}


def load(folder: Path) -> Reference:
    """Read the reference files of a folder; a file that is missing leaves its part empty."""
    networks = {n.network: n for n in _read(folder / "networks.csv", _network)}
    facilities = {f.facility_id: f for f in _read(folder / "facilities.csv", _facility)}
    operator = _known(networks)
    return Reference(
        networks,
        facilities,
        tuple(_read(folder / "targets.csv", _once(_same_promise, lambda row: _by(operator, target(row))))),
        tuple(sorted(_read(folder / "holidays.csv", _once(str, lambda row: day("date", row["date"]))))),
        dict(_read(folder / "silence.csv", _once(_first, _silence))),
        dict(_read(folder / "free_time.csv", _once(_first, lambda row: (operator(row), hours(row["hours"]))))),
    )


def _known(networks: Mapping[str, Network]) -> Callable[[dict[str, str]], str]:
    """Reads a row's operator; without networks any name will do."""
    names = (ANY, *networks)
    return lambda row: one_of("operator", row["operator"], names) if networks else row["operator"]


def _by(operator: Callable[[dict[str, str]], str], found: Target) -> Target:
    if found.operator == ANY:
        raise ValueError("operator 'ANY' is written as an empty cell in targets.csv")
    if found.operator:
        operator({"operator": found.operator})
    return found


def _same_promise(found: Target) -> Hashable:
    return found.stage, found.service, found.area_class, found.operator, found.valid_from


def _first(found: tuple[str, int]) -> str:
    return found[0]


def _silence(row: dict[str, str]) -> tuple[str, int]:
    return one_of("stage", row["stage"], tuple(s.name for s in STAGES)), hours(row["hours"])


def _once(key: Callable[[Row], Hashable], take: Callable[[dict[str, str]], Row]) -> Callable[[dict[str, str]], Row]:
    """Refuse a row that says again what an earlier one said: nobody could tell which holds."""
    seen: set[Hashable] = set()

    def taken(row: dict[str, str]) -> Row:
        found = take(row)
        if key(found) in seen:
            raise ValueError("says again what an earlier line says")
        seen.add(key(found))
        return found

    return taken


def _read(path: Path, take: Callable[[dict[str, str]], Row]) -> Iterator[Row]:
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            try:
                yield take(_whole(row))
            except (KeyError, TypeError, ValueError) as cause:
                raise BadReference(f"{path.name}, line {number}: {_say(cause)}") from cause


def _whole(row: dict[str, str]) -> dict[str, str]:
    # The csv module fills a short line with None, and keeps what is too much under None.
    if None in row or None in row.values():
        raise ValueError("has more or fewer cells than the first line")
    return row


def _say(cause: Exception) -> str:
    return f"column {cause} is missing" if isinstance(cause, KeyError) else str(cause)


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(";")))


def _network(row: dict[str, str]) -> Network:
    zone = row["time_zone"]
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as cause:
        raise ValueError(f"time_zone {zone!r} is not known") from cause
    kind = one_of("kind", row["kind"], SOURCE_KINDS)
    return Network(row["network"], kind, row["display_name"], zone, _words(row["codes"]))


def _facility(row: dict[str, str]) -> Facility:
    if not REGION.match(row["region"]):
        raise ValueError(f"region {row['region']!r} has not 12 digits")
    lat, lon = (float(row[c]) if row[c] else None for c in ("lat", "lon"))
    return Facility(
        row["facility_id"],
        row["name"],
        one_of("tier", row["tier"], TIERS),
        row["region"],
        one_of("area_class", row["area_class"], ("", *AREA_CLASSES)),
        row["host_kind"],
        _words(row["functions"]),
        _words(row["operators"]),
        lat,
        lon,
    )
