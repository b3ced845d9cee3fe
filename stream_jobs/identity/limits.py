"""Bounds against abuse, and how long a number may rest: all settings of identity, with their defaults."""

from dataclasses import dataclass
from typing import Final

DAY: Final = 24 * 3_600_000
RECORD_BYTES: Final = 512 << 10
"""A message between waybills is cut at this; the broker takes about twice as much."""


@dataclass(frozen=True)
class Limits:
    """Beyond a bound the first received stay and the rest is refused with reason LIMIT; times in ms.

    `scans_per_waybill` times 64 bytes must fit into a record of the changelog.
    """

    scans_per_waybill: int = 2_000
    links_per_waybill: int = 32
    """Links a number states; again as many that name it; claims likewise."""
    waybills_per_parcel: int = 64
    parcels_per_container: int = 5_000
    reuse_after: int = 180 * DAY
    """A number scanned again so long after its lifecycle closed is another parcel's."""
    silent_after: int = 365 * DAY
    """A lifecycle without a scan for so long is closed, whatever became of it."""
    leave_after: int = 30 * DAY
    """A closed lifecycle leaves the state so long after its last scan came in."""

    leave_wait: int = DAY // 24
    """And so long after it was first seen to be at rest, so that the store has it for sure."""

    @property
    def numbers_known(self) -> int:
        """Numbers whose profiles one waybill keeps for its parcel's sake."""
        return 4 * self.waybills_per_parcel


Rank = tuple[int, int]
"""Which came first: (received, id)."""
