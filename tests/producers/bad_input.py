"""The county's broken documents: of each kind the network, the line, and the letter that answers it."""

from functools import cache
from typing import Any, Final, NamedTuple

from producers.admission import Document
from producers.files import lines
from tests.producers.county import COUNTY

SHOWN: Final = 48
"""Characters of a document that readers are shown."""


class Bad(NamedTuple):
    """One kind of bad input; `holds`: bytes that only this line of the network's file has."""

    network: str
    holds: bytes
    reason: str
    field: str
    detail: str


TABLE: Final[dict[str, Bad]] = {
    "truncated_json": Bad(
        "sf", b'SF7700000000002"', "UNREADABLE", "", "not JSON: unexpected end of data: line 1 column 157 (char 15"
    ),
    "not_json": Bad(
        "zto", b"scan 1 <", "UNREADABLE", "", "not JSON: unexpected character, expected a JSON value: line "
    ),
    "wrong_encoding": Bad(
        "zto", b'"77990000000003"', "UNREADABLE", "", "not JSON: str is not valid UTF-8: surrogates not allowed: li"
    ),
    "raw_null_bytes": Bad(
        "yunda", b'"\x00\x00\x00"', "UNREADABLE", "", "not JSON: unexpected control character in string: line 1 col"
    ),
    "deep_nesting": Bad(
        "kuaidi100", b"[[[[[[", "UNREADABLE", "", "not JSON: depth limit exceeded: line 1 column 1026 (char 102"
    ),
    "wrong_top_type": Bad("zto", b"[8,2,3]", "BAD_SHAPE", "", "an object is expected, found a list"),
    "empty_object": Bad("sf", b"{}", "BAD_SHAPE", "Body.WaybillRoute", "a list of scans is expected, found nothing"),
    "missing_code": Bad("county-joint", b'"X000000009"', "BAD_SHAPE", "scanType", "a code is expected, found None"),
    "code_wrong_type": Bad("china-post", b'{"a":10}', "BAD_SHAPE", "opCode", "a code is expected, found {'a': 10}"),
    "missing_waybill": Bad("zto", b'"note":11', "BAD_WAYBILL", "billCode", "a waybill number is expected, found None"),
    "blank_waybill": Bad(
        "county-joint", b'"billCode":"   "', "BAD_WAYBILL", "billCode", "'   ' has not 4 to 40 of A-Z, 0-9 and hyphen"
    ),
    "waybill_wrong_type": Bad(
        "china-post", b'{"no":13}', "BAD_WAYBILL", "traceNo", "a waybill number is expected, found {'no': 13}"
    ),
    "waybill_null_character": Bad(
        "zto", b"7799\\u0000", "BAD_WAYBILL", "billCode", "'7799\\x00000000014' has not 4 to 40 of A-Z, 0-9 and hyphen"
    ),
    "waybill_too_long": Bad(
        "village-box",
        b'"waybill":"7777777777',
        "BAD_WAYBILL",
        "waybill",
        "'777777777777777777777777' has not 4 to 40 of A-Z, 0-9 and h",
    ),
    "missing_time": Bad(
        "sf", b'"990000000016"', "BAD_TIME", "acceptTime", "a time like 2026-03-05 10:11:12 is expected, found None"
    ),
    "impossible_time": Bad(
        "china-post", b'"2026-02-30 25:61:00"', "BAD_TIME", "opTime", "'2026-02-30 25:61:00' is no time that exists"
    ),
    "future_time": Bad(
        "kuaidi100",
        b'"time":"2099-01-01',
        "BAD_TIME",
        "time",
        "4070880000000 ms lies before 2020, or more than a day after ",
    ),
    "ancient_time": Bad(
        "zto", b'"1970-01-01', "BAD_TIME", "scanDate", "-28800000 ms lies before 2020, or more than a day after rece"
    ),
    "time_wrong_type": Bad(
        "village-box", b'{"at":20}', "BAD_TIME", "time", "a time like 2026-03-05 10:11:12 is expected, found {'at': 20"
    ),
    "unknown_company": Bad(
        "kuaidi100",
        b"nosuchexpress",
        "UNKNOWN_ISSUER",
        "lastResult.com",
        "'nosuchexpress' is no network of networks.csv",
    ),
    "unknown_express_code": Bad(
        "county-joint", b'"QQQ"', "UNKNOWN_ISSUER", "expressCode", "'QQQ' is no network of networks.csv"
    ),
    "too_large": Bad("county-joint", b'"X000000006"', "TOO_LARGE", "", "1200152 bytes; a document has at most 1048576"),
}


@cache
def document(kind: str) -> Document:
    """The line of the sample that is of this kind."""
    bad = TABLE[kind]
    found = [line for line in lines([COUNTY]) if line.network == bad.network and bad.holds in line.payload]
    payloads = {line.payload for line in found}
    assert len(payloads) == 1, f"{kind}: {len(payloads)} lines hold {bad.holds!r}"
    return Document(bad.network, bad.network, payloads.pop(), found[0].arrived_at or 0)


def excerpt(payload: bytes, around: bytes) -> str:
    """The part of a document that shows the fault, as readers see it: no control characters, no column marks."""
    text, near = (part.decode("utf-8", "backslashreplace") for part in (payload[:4096], around))
    start = max(0, text.find(near) - 8) if len(text) > SHOWN else 0
    some = text[start : start + SHOWN]
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in some).strip().replace("|", "\\|")
    return f"{'…' if start else ''}{shown}{'…' if start + SHOWN < len(text) else ''}"


def rows(letters: dict[str, dict[str, Any]]) -> list[str]:
    """The table of docs/bad-input.md: one row per kind, with the letter that answered it."""
    return [row(kind, letter) for kind, letter in sorted(letters.items())]


def row(kind: str, letter: dict[str, Any]) -> str:
    """One kind: what came, and what answered it."""
    example = f"`{excerpt(document(kind).payload, TABLE[kind].holds)}`"
    field = letter["field"] and f"`{letter['field']}`"
    network, reason = TABLE[kind].network, letter["reason"]
    return f"| {kind} | {network} | {example} | {reason} | {field} | {readable(letter['detail'])} |"


def readable(detail: str) -> str:
    """A detail as a cell of the table."""
    return detail.replace("|", "\\|")
