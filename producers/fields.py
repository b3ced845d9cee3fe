"""The fields every scan must have, each with its reason when it is missing or wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from producers.mapping import Origin
from schemas.dead_letter import Reason, Refusal

NUMBER: Final = re.compile(r"[A-Z0-9-]{4,40}", re.ASCII)
BLANKS: Final = re.compile(r"[ \t\u3000]+")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
LONGEST_EVIDENCE: Final = 64
EVIDENCE: Final = re.compile(rf"[\w.:-]{{0,{LONGEST_EVIDENCE}}}")
HOUR: Final = 3_600_000
LONGEST_ID: Final = 128
LONGEST: Final = 256
"""Characters of any other text that goes into a scan."""
SEARCHED: Final = 1024
"""Characters of a longer text in which a name or a number is looked for."""
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Bounds:
    """When a scan may have happened (epoch ms): from `earliest` to `ahead` after receipt."""

    earliest: int = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
    ahead: int = 24 * HOUR


def waybill(value: object, field: str, *, as_int: bool = False) -> str:
    """A number, upper case and without blanks."""
    if as_int and isinstance(value, int) and not isinstance(value, bool) and value > 0:
        value = str(value)
    if not isinstance(value, str):
        raise Refusal(Reason.BAD_WAYBILL, field, f"a waybill number is expected, found {value!r}"[:200])
    number = BLANKS.sub("", value).upper()
    if not value.replace("\u3000", "").isascii() or not NUMBER.fullmatch(number):
        raise Refusal(Reason.BAD_WAYBILL, field, f"{value[:24]!r} has not 4 to 40 of A-Z, 0-9 and hyphen")
    return number


def instant(value: object, field: str, zone: ZoneInfo, received_at: int, bounds: Bounds) -> tuple[int, str]:
    """Epoch ms, and whether the zone was GIVEN or ASSUMED."""
    if not isinstance(value, str) or not TIME.fullmatch(value):
        raise Refusal(Reason.BAD_TIME, field, f"a time like 2026-03-05 10:11:12 is expected, found {value!r}"[:200])
    try:
        at = datetime.fromisoformat(value)
        given = at.tzinfo is not None
        ms = ((at if given else at.replace(tzinfo=zone)) - EPOCH) // MILLISECOND
    except (ValueError, OverflowError) as cause:
        raise Refusal(Reason.BAD_TIME, field, f"{value!r} is no time that exists") from cause
    return within(ms, field, received_at, bounds), "GIVEN" if given else "ASSUMED"


def within(ms: int, field: str, received_at: int, bounds: Bounds) -> int:
    """The time, if it can be believed."""
    if not bounds.earliest <= ms <= received_at + bounds.ahead:
        raise Refusal(Reason.BAD_TIME, field, f"{ms} ms lies before 2020, or more than a day after receipt")
    return ms


def code(value: object, field: str) -> str:
    """A raw code; any plain text will do."""
    if not isinstance(value, str) or not value or not plain(value):
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
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not 0 < len(text) <= LONGEST_ID or not plain(text):
        found = f"an id of 1 to {LONGEST_ID} characters is expected, found {value!r}"
        raise Refusal(Reason.BAD_SHAPE, field, found[:200])
    return text


def optional_text(value: object) -> str | None:
    """A plain text, or None for anything else: what is not needed is not worth a refusal."""
    return value if isinstance(value, str) and value and plain(value) else None


def plain(text: str) -> bool:
    """Whether a text may go into a scan: not too long, no control characters."""
    return len(text) <= LONGEST and not CONTROL.search(text)


def measure(value: object) -> str | None:
    """A measure as text, or None for what is no text and no number."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if number else optional_text(value)


def evidence(value: object, field: str) -> str:
    """What tells of a link, as a code: words of people could hold a name or a phone number."""
    if value is None or (isinstance(value, str) and EVIDENCE.fullmatch(value)):
        return value or ""
    raise Refusal(Reason.BAD_SHAPE, field, f"at most {LONGEST_EVIDENCE} letters, digits and . : _ - are expected")
