"""The packed scan: 64 bytes that hold all the rules need (design.md sections 2 and 6).

Strings are kept as stable hashes; names come back from reference data. The waybill is the key of the
state and is not repeated here. The layout is the changelog's: changing it needs a new changelog topic.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

SCAN: Final = np.dtype(
    [
        ("id", "<u8"),  # hash of (source, event_id)
        ("at", "<i8"),  # occurred_at, epoch ms
        ("received", "<i8"),  # received_at, epoch ms
        ("region", "<i8"),  # 12 digits as a number, 0: unknown
        ("dest", "<i8"),  # destination_region, likewise
        ("fac", "<u4"),  # hash of facility_id, 0: none
        ("ref", "<u4"),  # what a retraction names, or may name this scan by
        ("holder", "<u4"),  # hash of operator, else source
        ("source", "<u4"),  # hash of the network that published it
        ("link", "<u4"),  # which of the waybill's stated links this copy carries, 0: none
        ("act", "u1"),  # position in ACTIVITIES
        ("tier", "u1"),  # position in TIERS
        ("service", "u1"),  # position in SERVICES plus 1, 0: unknown
        ("flags", "u1"),
    ]
)
WHOLE: Final = np.dtype((np.void, SCAN.itemsize))
STARTS_RETURN: Final = 1
"""RETURN_STARTED, a RETURN link, or REFUSED with reason RETURN."""
LINKS: Final = 2
"""The scan carries a link that joins or contains; its far end is kept among what the waybill has stated."""

Rows = npt.NDArray[np.void]
"""Array of SCAN."""
Index = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def empty() -> Rows:
    """No scans."""
    return np.empty(0, SCAN)


def stacked(parts: Sequence[Rows]) -> Rows:
    """Scans one behind the other, copied whole: NumPy by itself goes field by field, fifteen times as long."""
    return np.concatenate([part.view(WHOLE) for part in parts]).view(SCAN)


def read(value: bytes) -> Rows:
    """The scans of one timeline, or of several joined; read-only view."""
    return np.frombuffer(value, SCAN)


def side_by_side(timelines: Sequence[bytes]) -> tuple[Rows, Index, Index]:
    """The scans of several timelines, read-only; the position of the timeline of each; and how many each has."""
    sizes = np.fromiter(map(len, timelines), np.int64, len(timelines)) // SCAN.itemsize
    return read(b"".join(timelines)), np.repeat(np.arange(len(timelines)), sizes), sizes
