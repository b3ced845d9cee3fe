"""A state joined from its changelog, a batch of records at a time.

Of a number that nobody links the bytes are kept as they are; numbers that come again are joined all at once.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from stream_jobs.identity import keeping
from stream_jobs.identity.farewell import farewell
from stream_jobs.identity.joining import bounded, join_all

if TYPE_CHECKING:
    from stream_jobs.identity.knowledge import Knowledge
    from stream_jobs.identity.state import Timelines

MUCH: Final = 32 << 20
"""Bytes of timelines to join that are put off until the end of the batch."""


class Restoring:
    """Records under way into a state. `_more`: timelines to be joined with the one the state has of their number."""

    def __init__(self, state: "Timelines") -> None:
        self._state = state
        self._more: dict[bytes, list[bytes]] = {}
        self._bytes = 0

    def join(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Join records in: any order, repeated, is the same. Without a value: its farewell says all there is to say."""
        for key, value in pairs:
            if value is None:
                continue
            if keeping.SEPARATOR in key:
                self._other(key, value)
            else:
                self._own(key, value)
        self._join_all()

    def _own(self, waybill: bytes, value: bytes) -> None:
        state, (size, turn) = self._state, keeping.HEAD.unpack_from(value)
        if farewell(value) is not None:
            self._leave(waybill, value)
            return
        if (turn or waybill in state.turns) and not self._back(waybill, turn):
            return
        end = keeping.HEAD.size + size
        if size:
            self._timeline(waybill, value[keeping.HEAD.size : end])
        if len(value) > end:
            keeping.join_tail(state.tangled(waybill), value)
        if waybill in state.known:
            state.known[waybill].mark = None

    def _timeline(self, waybill: bytes, timeline: bytes) -> None:
        known = self._state.own.setdefault(waybill, timeline)
        if known is timeline or known == timeline:
            return
        self._more.setdefault(waybill, []).append(timeline)
        self._bytes += len(timeline)
        if self._bytes > MUCH:
            self._join_all()

    def _join_all(self) -> None:
        own, more = self._state.own, self._more
        joined = join_all([b"".join([own[waybill], *some]) for waybill, some in more.items()])
        own.update((waybill, bounded(one, self._state.limits)) for waybill, one in zip(more, joined, strict=True))
        self._more, self._bytes = {}, 0

    def _other(self, key: bytes, value: bytes) -> None:
        """What a number knows of another one, or what the partition was judged by."""
        waybill, _, part = key.partition(keeping.SEPARATOR)
        if not waybill:
            self._state.reviewed.add(key.removeprefix(keeping.REVIEWED))
            return
        if not self._back(waybill, keeping.TURN.unpack_from(value)[0]):
            return
        known: Knowledge = self._state.tangled(waybill)
        if part.startswith(keeping.PROFILE[1:]):
            known.restore_profile(value[keeping.TURN.size :])
        else:
            known.learn_timeline(part[1:], value[keeping.TURN.size :])

    def _leave(self, waybill: bytes, value: bytes) -> None:
        state, said = self._state, farewell(value)
        if said is not None and said.turn > state.turns.get(waybill, 0):
            state.turns[waybill], state.left[waybill] = said.turn, said
            self._forget(waybill)

    def _back(self, waybill: bytes, turn: int) -> bool:
        """Whether a record of that turn counts; one of a later turn than the known one brings the number back."""
        state = self._state
        known = state.turns.get(waybill, 0)
        if turn > known:
            state.turns[waybill] = turn
            self._forget(waybill)
        if turn >= known:
            state.left.pop(waybill, None)
        return turn >= known

    def _forget(self, waybill: bytes) -> None:
        for some in (self._state.own, self._state.known, self._more):
            some.pop(waybill, None)
