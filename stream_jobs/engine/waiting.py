"""Batches of a partition that came while the worker was busy: they are worked on as one.

A batch costs something beside its events, and of a parcel touched by two of them two rows go out. Each waits as part
of the message that came first, which Faust knows, and which ends when the worker takes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.blobs import Blobs, behind
from schemas.log.batch import RecordBatch


@dataclass(frozen=True)
class StepBounds:
    """How much a worker takes at once: `bytes` of keys and values, and `events`; one fetch alone may be more.

    `waiting` bytes: from here on nothing is read until some of it is taken.
    """

    bytes: int = 16 << 20
    events: int = 100_000
    waiting: int = 64 << 20


BOUNDS: Final = StepBounds()


class Waiting:
    """Batches of a partition, each beginning where the one before ends. `taken`: is called when a worker takes them."""

    def __init__(self, batch: RecordBatch, bounds: StepBounds = BOUNDS, taken: Callable[[], object] = int) -> None:
        self._batches, self._bounds, self._tell = [batch], bounds, taken
        self.next_offset, self.size, self.events = batch.next_offset, batch.size, len(batch)
        self.taken = False

    def joins(self, batch: RecordBatch) -> bool:
        """Whether the batch goes along; not if it begins elsewhere, would be too much, or comes too late."""
        size = self.size + batch.size
        fits = size <= self._bounds.bytes and self.events + len(batch) <= self._bounds.events
        if self.taken or not fits or batch.first_offset != self.next_offset:
            return False
        self._batches.append(batch)
        self.next_offset, self.size, self.events = batch.next_offset, size, self.events + len(batch)
        return True

    def take(self) -> RecordBatch:
        """All of them as one; nothing joins any more."""
        self.taken = True
        self._tell()
        self._batches = [together(self._batches)]
        return self._batches[0]


def whole(value: Any) -> Any:  # noqa: ANN401  # whatever a stream has, from Kafka or not
    """What an agent sees of a value that waited."""
    return value.take() if isinstance(value, Waiting) else value


def together(batches: Sequence[RecordBatch]) -> RecordBatch:
    """Batches that touch, as one."""
    first, last = batches[0], batches[-1]
    if first is last:
        return first
    keys, values = behind([Blobs.of(batch.keys) for batch in batches], [Blobs.of(batch.values) for batch in batches])
    known = [offset for batch in batches for offset in _offsets(batch)] if any(b.offsets for b in batches) else ()
    return RecordBatch(first.topic, first.partition, keys, values, first.first_offset, last.next_offset, known)


def _offsets(batch: RecordBatch) -> Sequence[int]:
    return batch.offsets or range(batch.first_offset, batch.next_offset)
