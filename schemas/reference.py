"""Reference data of a county: networks, facilities and targets, read from CSV files.

Shapes: `networks.csv`, `facilities.csv`, `targets.csv` as in tests/data/county/README.md.
A line that cannot be taken raises `BadReference` with file, line number and cause.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.vocabulary import AREA_CLASSES, SERVICES, SOURCE_KINDS, STAGES, TIERS

Row = TypeVar("Row")

FILES: Final = ("networks.csv", "facilities.csv", "targets.csv")
REGION: Final = re.compile(r"^\d{12}$")
TRIPS: Final = re.compile(r"^((MO|TU|WE|TH|FR|SA|SU)(,(MO|TU|WE|TH|FR|SA|SU))*)@([01]\d|2[0-3]):[0-5]\d$")


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
class Target:
    """How long a stage may take: hours (`24`) or trips (`MO,WE,FR@20:00`)."""

    stage: str
    service: str
    area_class: str
    target: str


@dataclass(frozen=True)
class Reference:
    """All reference data, looked up by id, by name and by the code other networks use."""

    networks: Mapping[str, Network] = field(default_factory=dict)
    facilities: Mapping[str, Facility] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()

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
    return Reference(networks, facilities, tuple(_read(folder / "targets.csv", _target)))


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


def _one_of(column: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{column} {value!r} is none of {', '.join(allowed)}")
    return value


def _network(row: dict[str, str]) -> Network:
    zone = row["time_zone"]
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as cause:
        raise ValueError(f"time_zone {zone!r} is not known") from cause
    kind = _one_of("kind", row["kind"], SOURCE_KINDS)
    return Network(row["network"], kind, row["display_name"], zone, _words(row["codes"]))


def _facility(row: dict[str, str]) -> Facility:
    if not REGION.match(row["region"]):
        raise ValueError(f"region {row['region']!r} has not 12 digits")
    lat, lon = (float(row[c]) if row[c] else None for c in ("lat", "lon"))
    return Facility(
        row["facility_id"],
        row["name"],
        _one_of("tier", row["tier"], TIERS),
        row["region"],
        _one_of("area_class", row["area_class"], ("", *AREA_CLASSES)),
        row["host_kind"],
        _words(row["functions"]),
        _words(row["operators"]),
        lat,
        lon,
    )


def _target(row: dict[str, str]) -> Target:
    if not (row["target"].isdecimal() or TRIPS.match(row["target"])):
        raise ValueError(f"target {row['target']!r} is neither hours (24) nor trips (MO,WE,FR@20:00)")
    return Target(
        _one_of("stage", row["stage"], tuple(s.name for s in STAGES)),
        _one_of("service", row["service"], SERVICES),
        _one_of("area_class", row["area_class"], (*AREA_CLASSES, "ANY")),
        row["target"],
    )
