"""The running promises of a partition as columns, a slot for each parcel, and the sweep over them."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stream_jobs.alerts.numbers import NEVER, Index
from stream_jobs.alerts.watches import WATCHES

DAY: Final = 24 * 3_600_000
KEPT: Final = 7 * DAY
"""How long a parcel that has no promise any more is remembered, so that an old record read again changes nothing."""
SLOT: Final = np.dtype(
    [
        ("version", "<i8"),
        ("judged", "<i8"),
        ("scanned", "<i8"),
        ("moment", "<i8", len(WATCHES)),
        ("region", "<i8", 3),
        ("stage", "i1", len(WATCHES)),
        ("raised", "u1"),
    ]
)
"""What a slot holds, as it lies in the changelog; changing it needs a new changelog topic."""
Slots = npt.NDArray[Any]
BITS: Final = (1 << np.arange(len(WATCHES))).astype(np.uint8)


class Columns:
    """Slots 0..size-1. `next` is the first moment of a slot at which something is to be done."""

    def __init__(self, capacity: int = 1024) -> None:
        self.size = 0
        self.slots: Slots = np.zeros(capacity, SLOT)
        self.next: Index = np.full(capacity, NEVER)

    def add(self, many: int) -> Index:
        """New slots, empty."""
        first, self.size = self.size, self.size + many
        if self.size > len(self.next):
            more = max(self.size, len(self.next) * 3 // 2) - len(self.next)
            self.slots = np.concatenate([self.slots, np.zeros(more, SLOT)])
            self.next = np.concatenate([self.next, np.full(more, NEVER)])
        return np.arange(first, self.size)

    def put(self, slots: Index, values: Slots) -> None:
        """Write slots whole and reckon their next moments anew."""
        self.slots[slots] = values
        self.reckon(slots)

    def reckon(self, slots: Index) -> None:
        """The first moment that is not raised; of a slot where nothing is watched or raised, when to forget it."""
        held = self.slots[slots]
        moment = np.where(held["raised"][:, None] & BITS, NEVER, held["moment"])
        first = moment.min(axis=1, initial=NEVER)
        idle = (first == NEVER) & (held["raised"] == 0)
        self.next[slots] = np.where(idle, held["judged"] + KEPT, first)

    def clear(self, slot: int) -> None:
        """Empty a slot."""
        self.slots[slot] = np.zeros((), SLOT)
        self.next[slot] = NEVER

    def due(self, now: int) -> Index:
        """Slots whose next moment has come: one pass over one column."""
        return np.flatnonzero(self.next[: self.size] <= now)

    def ripe(self, slots: Index, now: int | Index, since: int | Index = -NEVER) -> tuple[Index, Index]:
        """Positions in `slots` and watches whose moment lies after `since`, has come, and is not raised yet."""
        held = self.slots[slots]
        after, until = (np.reshape(at, (-1, 1)) for at in (since, now))
        fits = (held["moment"] > after) & (held["moment"] <= until) & (held["raised"][:, None] & BITS == 0)
        where, watch = np.nonzero(fits)
        return where, watch
