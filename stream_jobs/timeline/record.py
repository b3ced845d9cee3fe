"""The packed scan: 56 bytes that hold all the rules need (design.md sections 2 and 6).

Strings are kept as stable hashes; names come back from reference data. The waybill is the key of the
state and is not repeated here. The layout is the changelog's: changing it needs a new changelog topic.
"""

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
        ("act", "u1"),  # position in ACTIVITIES
        ("tier", "u1"),  # position in TIERS
        ("service", "u1"),  # position in SERVICES plus 1, 0: unknown
        ("flags", "u1"),
    ]
)
STARTS_RETURN: Final = 1
"""RETURN_STARTED, a RETURN link, or REFUSED with reason RETURN."""
LINKS: Final = 2
"""The scan carries a link; its far end is kept among the waybill's link facts."""

Rows = npt.NDArray[np.void]
"""Array of SCAN."""
Index = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def empty() -> Rows:
    """No scans."""
    return np.empty(0, SCAN)


def read(value: bytes) -> Rows:
    """The scans of one timeline, or of several joined; read-only view."""
    return np.frombuffer(value, SCAN)
