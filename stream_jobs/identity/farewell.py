"""The record that a number leaves behind in the changelog when it leaves the state.

Records of before a farewell, whoever wrote them and however late, count no more; records of after it bring the
number back. So a delete has its place in the order, and the state joined from the changelog is the same whatever
the order of its records.
"""

import struct
from typing import Final, NamedTuple

FAREWELL: Final = struct.Struct("<IHIq16s")
GONE: Final = 0xFFFFFFFF
"""In place of the length of a timeline."""


class Farewell(NamedTuple):
    """`turn`: how often the number has left; `scans`, `version`, `ordinal`: what was known."""

    turn: int
    scans: int
    version: int
    ordinal: int

    def packed(self) -> bytes:
        """The record that takes the timeline's place."""
        return FAREWELL.pack(GONE, self.turn, self.scans, self.version, self.ordinal.to_bytes(16, "little"))


def farewell(value: bytes) -> Farewell | None:
    """What a record says of a number that left; None for any other record."""
    if len(value) != FAREWELL.size or value[:4] != b"\xff\xff\xff\xff":
        return None
    _, turn, scans, version, ordinal = FAREWELL.unpack(value)
    return Farewell(turn, scans, version, int.from_bytes(ordinal, "little"))
