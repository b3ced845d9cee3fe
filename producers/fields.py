"""The fields every scan must have, each with its reason when it is missing or wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from producers.mapping import Origin
from schemas.dead_letter import Reason, Refusal

NUMBER: Final = re.compile(r"[A-Z0-9-]{4,40}", re.ASCII)
BLANKS: Final = re.compile(r"[ \t\u3000]+")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
HOUR: Final = 3_600_000
LONGEST_ID: Final = 128


@dataclass(frozen=True)
class Bounds:
    """When a scan may have happened (epoch ms): from `earliest` to `ahead` after receipt."""

    earliest: int = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
    ahead: int = 24 * HOUR


def waybill(value: object, field: str, *, as_int: bool = False) -> str:
    """A number, upper case and without blanks."""
    if as_int and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Refusal(Reason.BAD_WAYBILL, field, f"a waybill number is expected, found {value!r}"[:200])
    number = BLANKS.sub("", value).upper()
    if not NUMBER.fullmatch(number):
        raise Refusal(Reason.BAD_WAYBILL, field, f"{value[:60]!r} has not 4 to 40 of A-Z, 0-9 and hyphen")
    return number


def instant(value: object, field: str, zone: ZoneInfo, received_at: int, bounds: Bounds) -> tuple[int, str]:
    """Epoch ms, and whether the zone was GIVEN or ASSUMED."""
    if not isinstance(value, str) or not TIME.fullmatch(value):
        raise Refusal(Reason.BAD_TIME, field, f"a time like 2026-03-05 10:11:12 is expected, found {value!r}"[:200])
    try:
        at = datetime.fromisoformat(value)
        given = at.tzinfo is not None
        ms = int((at if given else at.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError) as cause:
        raise Refusal(Reason.BAD_TIME, field, f"{value!r} is no time that exists") from cause
    return within(ms, field, received_at, bounds), "GIVEN" if given else "ASSUMED"


def within(ms: int, field: str, received_at: int, bounds: Bounds) -> int:
    """The time, if it can be believed."""
    if not bounds.earliest <= ms <= received_at + bounds.ahead:
        raise Refusal(Reason.BAD_TIME, field, f"{ms} ms lies before 2020, or more than a day after receipt")
    return ms


def code(value: object, field: str) -> str:
    """A raw code; any text will do."""
    if not isinstance(value, str) or not value:
        raise Refusal(Reason.BAD_SHAPE, field, f"a code is expected, found {value!r}"[:200])
    return value


def network(value: object, origin: Origin, by_code: Mapping[str, str]) -> str:
    """A network by the code others use for it, or by its own name where the mapping states it."""
    if not origin.network:
        return str(value)
    if not isinstance(value, str) or value not in by_code:
        raise Refusal(Reason.UNKNOWN_ISSUER, origin.text, f"{value!r} is no network of networks.csv"[:200])
    return by_code[value]


def identity(value: object, field: str) -> str:
    """An event id, text or number, as text."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not 0 < len(str(value)) <= LONGEST_ID:
        detail = f"an id of 1 to {LONGEST_ID} characters is expected, found {value!r}"
        raise Refusal(Reason.BAD_SHAPE, field, detail[:200])
    return str(value)


def optional_text(value: object) -> str | None:
    """A text, or None for anything else: what is not needed is not worth a refusal."""
    return value if isinstance(value, str) and value else None
