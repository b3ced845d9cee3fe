"""Places as people name them: by their 12 digits or by a part of their name."""

from collections.abc import Mapping
from typing import Final

from yizhan.desk import Desk, quoted

CODE_DIGITS: Final = 12
TIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "county": ("COUNTY",),
    "township": ("TOWNSHIP",),
    "village": ("VILLAGE", "LOCKER"),
}


class UnknownPlace(LookupError):
    """No place of the reference data has this name."""


def named(desk: Desk) -> dict[str, str]:
    """The name of each facility by its id, and of each place by its 12 digits: that of its station."""
    found = desk.rows("SELECT facility_id, region, tier, name FROM facilities ORDER BY facility_id DESC")
    stations = {row["region"]: row["name"] for row in found if row["tier"] in {"VILLAGE", "TOWNSHIP", "COUNTY"}}
    return stations | {row["facility_id"]: row["name"] for row in found}


def where(desk: Desk, **places: str | None) -> list[str]:
    """Conditions of SQL for the places that are given; `UnknownPlace` says what was looked for."""
    given = {tier: text for tier, text in places.items() if text}
    return [f"ifNull({tier}, '') IN ({_listed(codes(desk, tier, text))})" for tier, text in given.items()]


def codes(desk: Desk, tier: str, text: str) -> list[str]:
    """12-digit codes of the places that this may name."""
    if text.isdecimal() and len(text) == CODE_DIGITS:
        return [text]
    tiers = ", ".join(map(quoted, TIERS[tier]))
    sql = f"SELECT DISTINCT region FROM facilities WHERE tier IN ({tiers}) AND position(name, {quoted(text)}) > 0"
    found = [row["region"] for row in desk.rows(sql)]
    if not found:
        raise UnknownPlace(
            f"no {tier} is named {text!r}; give a part of its name or its {CODE_DIGITS} digits, see: "
            "yizhan sql 'SELECT name, region FROM facilities'"
        )
    return sorted(found)


def _listed(found: list[str]) -> str:
    return ", ".join(map(quoted, found))
