"""What all peers keep of a parcel, in plain Python: the oracle, and the job of the Python peers.

The first (time, facility) of each of eight milestones, the latest scan, the distinct ids. Ties are broken by what the
scans say, so that any order and any repetition end in the same state. Needs nothing but Python itself: Quix runs in an
environment of its own.
"""

import struct
from collections.abc import Iterable
from typing import Any, Final

MILESTONES: Final = (
    ("COLLECTED", "VILLAGE"), ("DEPARTED", "TOWNSHIP"), ("ARRIVED", "COUNTY"), ("DEPARTED", "HUB"), ("ARRIVED", "HUB"),
    ("ARRIVED", "TOWNSHIP"), ("STORED_AT_POINT", "VILLAGE"), ("COLLECTED_BY_RECIPIENT", "VILLAGE"),
)  # fmt: skip
"""A milestone is an activity at a tier; the way of a parcel has these, in this order."""
NUMBER: Final = {milestone: number for number, milestone in enumerate(MILESTONES)}
WORDS: Final = ",".join(f"{activity}@{tier}" for activity, tier in MILESTONES)
"""As the Java peers are told."""
FNV_BEGIN: Final = 0xCBF29CE484222325
FNV_STEP: Final = 0x100000001B3
WHOLE: Final = (1 << 64) - 1
HEAD: Final = struct.Struct(">HB")
AT: Final = struct.Struct(">q")
ID_BYTES: Final = 8

Life = dict[str, Any]
"""`first`: milestone's number as text to [at, facility]. `latest`: [at, milestone, facility, region]. `ids`: texts."""


def join(life: Life | None, scan: dict[str, Any]) -> tuple[Life, bool]:
    """The life with this ScanEvent in it (changed in place), and whether it changed."""
    life = {"first": {}, "latest": None, "ids": []} if life is None else life
    number = NUMBER.get((scan["activity"], scan["tier"]))
    if number is None:
        return life, False
    at, facility, changed = scan["occurred_at"], scan["facility_id"] or "", False
    known = life["first"].get(str(number))
    if known is None or [at, facility] < known:
        life["first"][str(number)], changed = [at, facility], True
    latest = [at, number, facility, scan["region"] or ""]
    if life["latest"] is None or latest > life["latest"]:
        life["latest"], changed = latest, True
    if scan["event_id"] not in life["ids"]:
        life["ids"].append(scan["event_id"])
        changed = True
    return life, changed


def encoded(life: Life) -> bytes:
    """The canonical form: what the compiled peers write, the ids in order.

    Count of ids u2, mask of milestones u1; of each its time i8, facility; the latest's time i8, milestone u1, facility,
    region; ids as 64-bit hashes. Big-endian; texts behind their size, u1.
    """
    first = {int(number): told for number, told in life["first"].items()}
    mask = sum(1 << number for number in first)
    parts = [HEAD.pack(len(life["ids"]), mask)]
    parts += [AT.pack(first[number][0]) + _text(first[number][1]) for number in sorted(first)]
    at, number, facility, region = life["latest"]
    parts += [AT.pack(at), bytes([number]), _text(facility), _text(region), *sorted(map(hashed, life["ids"]))]
    return b"".join(parts)


def canonical(value: bytes) -> bytes:
    """What a compiled peer wrote, the ids in order."""
    ids = len(value) - ID_BYTES * HEAD.unpack_from(value)[0]
    return value[:ids] + b"".join(sorted(_cut(value[ids:])))


def hashed(event_id: str) -> bytes:
    """FNV-1a."""
    found = FNV_BEGIN
    for byte in event_id.encode():
        found = ((found ^ byte) * FNV_STEP) & WHOLE
    return found.to_bytes(ID_BYTES)


def _cut(ids: bytes) -> Iterable[bytes]:
    return (ids[at : at + ID_BYTES] for at in range(0, len(ids), ID_BYTES))


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()
