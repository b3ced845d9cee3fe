"""Closed lifecycles leave the state, and come back when they are spoken of: no answer changes.

What comes back is made of the scans in the store, by the same steps as ever; nothing is let go before the store
has had time to take it in, and a store that lacks scans stops the job instead of giving it a wrong answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import numpy as np

from stream_jobs.identity import keeping
from stream_jobs.identity.farewell import Farewell
from stream_jobs.identity.joining import WIDTH
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.looking import look_at_versions
from stream_jobs.identity.own import CLOSING, own
from stream_jobs.identity.state import Changes, Timelines
from stream_jobs.lifecycle.columns import Marks
from stream_jobs.timeline.pack import Packed


class Recall(Protocol):
    """What is stored, whoever has it."""

    def __call__(self, waybills: Sequence[bytes]) -> Sequence[Mapping[str, Any]]:
        """All scans of these numbers and of those they are linked with: rows of scan_event.avsc, times in ms."""

    def since(self, waybills: Sequence[bytes], at: int) -> list[bytes]:
        """Which of these numbers name a parcel, or have named one, that was scanned at that instant (ms) or later."""


class StoreBehind(RuntimeError):
    """The store lacks scans that the state had when a number left it: its writer must catch up first."""


class Departures:
    """Who may leave one partition's state, looked at a few at a time, and who comes back."""

    def __init__(self, state: Timelines) -> None:
        self._state = state
        self._to_look_at: list[bytes] = []
        self._waiting: dict[bytes, int] = {}

    def spoken_of(self, waybills: Iterable[bytes]) -> list[bytes]:
        """Which of these have left and must be brought back before a step that touches them."""
        left = self._state.left
        return sorted({waybill for waybill in waybills if waybill in left}) if left else []

    def bring_back(self, waybills: Sequence[bytes], stored: Packed) -> None:
        """Take numbers back in. `stored`: all scans of theirs and of those they are linked with; raises StoreBehind."""
        scratch = self._settled(stored)
        for waybill in waybills:
            self._restore(waybill, scratch)
            del self._state.left[waybill]
            if waybill in scratch.own:
                self._state.own[waybill] = scratch.own[waybill]
            if waybill in scratch.known:
                self._state.known[waybill] = scratch.known[waybill]
            self._state.returned.append(waybill)

    def as_left(self, waybills: Iterable[bytes], stored: Packed) -> tuple[Timelines, list[bytes]]:
        """A state of their own for numbers that stay away, and which of them are in it: whole, as they have left."""
        scratch, whole = self._settled(stored), list[bytes]()
        for waybill in waybills:
            with suppress(StoreBehind):
                self._restore(waybill, scratch)
                whole.append(waybill)
        return scratch, whole

    def _settled(self, stored: Packed) -> Timelines:
        scratch = Timelines(self._state.limits)
        step = scratch.step(stored)
        while step.told:
            step = scratch.step(None, step.told)
        return scratch

    def _restore(self, waybill: bytes, scratch: Timelines) -> None:
        """Let a number know as much as when it left; raises StoreBehind."""
        said, timeline = self._state.left[waybill], scratch.own.get(waybill, b"")
        if len(timeline) < said.scans * WIDTH:
            raise StoreBehind(f"{waybill.decode()}: {said.scans} scans have left, {len(timeline) // WIDTH} are stored")
        if (known := scratch.known.get(waybill)) is not None:
            ordinal = known.profile.ordinal if known.profile else 0
            known.offset = max(0, said.version - known.version, said.ordinal - ordinal)

    def leave(self, now: int, some: int) -> Changes:
        """Look at some more numbers; let go of those that have been at rest for long. `now`: epoch ms."""
        found: Changes = {}
        looked = [waybill for waybill in self._round(some) if self._may_leave(waybill)]
        timelines = [self._timelines(waybill) for waybill in looked]
        for waybill, resting in zip(looked, at_rest(timelines, now, self._state.limits).tolist(), strict=True):
            if not resting:
                self._waiting.pop(waybill, None)
            elif now - self._waiting.setdefault(waybill, now) >= self._state.limits.leave_wait:
                found |= self._let_go(waybill)
        return found

    def _round(self, some: int) -> list[bytes]:
        if not self._to_look_at:
            self._to_look_at = list(self._state.own)
        cut = self._to_look_at[-some:]
        del self._to_look_at[-some:]
        return cut

    def _may_leave(self, waybill: bytes) -> bool:
        """Containers stay: who knows what they hold next."""
        known = self._state.known.get(waybill)
        return waybill in self._state.own and not (known and known.label)

    def _timelines(self, waybill: bytes) -> bytes:
        """The scans that tell whether it rests: of all the numbers of the parcel, as far as they are known here."""
        known = self._state.known.get(waybill)
        others = known.timelines.values() if known else ()
        return b"".join([self._state.own[waybill], *(timeline.rows for timeline in others)])

    def _let_go(self, waybill: bytes) -> Changes:
        state = self._state
        del self._waiting[waybill]
        if waybill in state.known:
            look_at_versions(state.own, [state.known[waybill]], state.limits)
        timeline, known = state.own.pop(waybill), state.known.pop(waybill, None)
        version, profile = (known.version, known.profile) if known else (0, None)
        turn = state.turns[waybill] = state.turns.get(waybill, 0) + 1
        said = Farewell(turn, len(timeline) // WIDTH, version, profile.ordinal if profile else 0)
        state.left[waybill] = said
        parts: Changes = {}
        if known is not None:
            parts |= {waybill + keeping.PROFILE + owner: None for owner in known.profiles}
            parts |= {waybill + keeping.TIMELINE + owner: None for owner in known.timelines}
        return parts | {waybill: said.packed()}


def at_rest(timelines: Sequence[bytes], now: int, limits: Limits) -> Marks:
    """Whether nothing has come in for long after each number was closed, or for very long."""
    looked = own(timelines, limits)
    rows, owner = looked.rows, looked.owner
    last = np.zeros(len(timelines), np.int64)
    for name in ("at", "received"):
        np.maximum.at(last, owner, rows[name].astype(np.int64))
    closed = np.zeros(len(timelines), np.bool_)
    closed[owner[looked.alive & np.isin(rows["act"], CLOSING)]] = True
    found: Marks = (closed & (last < now - limits.leave_after)) | (last < now - limits.silent_after)
    return found
