"""Which numbers a change of targets may concern: a look at their last scans, before anything is derived."""

from collections.abc import Sequence

import numpy as np

from stream_jobs.identity.joining import WIDTH
from stream_jobs.identity.state import Timelines
from stream_jobs.timeline.record import side_by_side


def scanned_since(state: Timelines, waybills: Sequence[bytes], since: int) -> list[bytes]:
    """Those of which, or of whose parcel's other numbers and containers, a scan is of that instant (ms) or later."""
    rows, owner, _ = side_by_side([_lasts(state, waybill) for waybill in waybills])
    late = np.zeros(len(waybills), np.bool_)
    late[owner[rows["at"] >= since]] = True
    return [waybills[number] for number in np.flatnonzero(late).tolist()]


def _lasts(state: Timelines, waybill: bytes) -> bytes:
    """The last scan of each timeline that the number knows: they are in order of time."""
    last, known = state.own.get(waybill, b"")[-WIDTH:], state.known.get(waybill)
    if known is None or not known.timelines:
        return last
    return b"".join([last, *(timeline.rows[-WIDTH:] for timeline in known.timelines.values())])
