"""A network's mapping: what `source.toml` may say. A new network is such a file and a code table, no code.

Where a value comes from is written as: `path.in.scan`, `/path.in.document`, `=constant`, or `@path.in.scan`
for a code that networks.csv knows a network by.
"""

import csv
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from schemas.vocabulary import ACTIVITIES


class BadSource(ValueError):
    """A source folder that cannot be used: which, and why."""


@dataclass(frozen=True)
class Origin:
    """Where a value comes from. `network`: it is a code that networks.csv knows a network by."""

    where: str
    path: tuple[str, ...]
    text: str
    network: bool = False

    def find(self, document: object, scan: object) -> object:
        """The raw value, None where there is none."""
        if self.where == "constant":
            return self.text
        return look(document if self.where == "document" else scan, self.path)


def look(value: object, path: tuple[str, ...]) -> object:
    """Follow a path of keys; None where it leads nowhere."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _origin(text: object) -> Origin:
    if not isinstance(text, str) or not text:
        raise ValueError("an origin is a path, /path, @path or =constant")
    bare = text.removeprefix("@")
    where = {"/": "document", "=": "constant"}.get(bare[0], "scan")
    rest = bare if where == "scan" else bare[1:]
    return Origin(where, tuple(rest.split(".")), rest, network=bare != text)


From = Annotated[Origin, BeforeValidator(_origin)]
Pattern = Annotated[re.Pattern[str], BeforeValidator(re.compile)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class DocumentShape(_Strict):
    """`scans`: path of the list ("." if the document is the list); none if it is one scan. `text`: JSON in a field."""

    scans: str | None = None
    text: str | None = None


class Place(_Strict):
    """Looked up by id, then by name; `pattern`'s group is the name within a longer text."""

    id: From | None = None
    name: From | None = None
    pattern: Pattern | None = None


class LinkRule(_Strict):
    """A link that scans with one of these raw codes carry, if `number` is there and `contains` holds."""

    codes: tuple[str, ...]
    relation: str
    issuer: From
    number: From
    pattern: Pattern | None = None
    contains: str | None = None


class Fields(_Strict):
    """Origins of a scan's fields."""

    number: From
    issuer: From
    code: From
    time: From
    event_id: From | None = None
    operator: From | None = None
    destination: From | None = None
    service: From | None = None
    consent: From | None = None
    retracts: From | None = None


class Mapped(_Strict):
    """All of source.toml."""

    network: str
    files: tuple[str, ...]
    canonical: bool = False
    fields: Fields | None = None
    document: DocumentShape = DocumentShape()
    place: Place = Place()
    links: tuple[LinkRule, ...] = ()
    code_needs: dict[str, str] = {}
    number_as_int: bool = False
    strip_destination: str = ""
    consents: dict[str, str] = {}
    measures: dict[str, str] = {}


@dataclass(frozen=True)
class Source:
    """One folder of producers/sources: mapping and codes (raw code to one or two activities)."""

    folder: str
    mapped: Mapped
    codes: Mapping[str, tuple[str, ...]]

    @property
    def network(self) -> str:
        """The network whose documents these are."""
        return self.mapped.network


def read_source(folder: Traversable) -> Source:
    """Read and check one folder; raises BadSource."""
    try:
        told: dict[str, Any] = tomllib.loads(folder.joinpath("source.toml").read_text("utf-8"))
        table = folder.joinpath("codes.csv")
        codes = _codes(table.read_text("utf-8")) if table.is_file() else {}
        return Source(folder.name, Mapped.model_validate(told), codes)
    except (ValueError, KeyError, OSError, re.error) as cause:
        raise BadSource(f"{folder.name}: {cause}") from cause


def _codes(text: str) -> dict[str, tuple[str, ...]]:
    codes: dict[str, tuple[str, ...]] = {}
    for row in csv.DictReader(text.splitlines()):
        activities = tuple(filter(None, (row["activity"], row["second_activity"])))
        if row["raw_code"] in codes:
            raise ValueError(f"code {row['raw_code']!r} stands twice")
        if not activities:
            raise ValueError(f"code {row['raw_code']!r} has no activity")
        if unknown := set(activities) - set(ACTIVITIES):
            raise ValueError(f"code {row['raw_code']!r}: {unknown} is no activity")
        codes[row["raw_code"]] = activities
    return codes
