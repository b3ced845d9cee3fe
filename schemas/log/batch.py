"""What one fetch brings from one partition, as one value."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.blobs import Blobs, Longs
from schemas.log.records import headers


@dataclass(frozen=True)
class RecordBatch:
    """The records of one stretch of a partition's log, from `first_offset` up to but not including `next_offset`.

    Consecutive batches of a partition touch: the `next_offset` of one is the `first_offset` of the next. Control
    records and compaction leave offsets without a record inside a stretch; then `offsets` names each record's own.
    What was fetched are `Blobs`: no record is an object before somebody asks for it.
    """

    topic: str
    partition: int
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    first_offset: int
    next_offset: int
    offsets: Sequence[int] = ()
    stamps: Longs | Sequence[int] = ()
    """Epoch ms, as whoever wrote them or the broker says."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def size(self) -> int:
        """Bytes of keys and values."""
        return Blobs.of(self.keys).size + Blobs.of(self.values).size

    def headers(self, index: int) -> dict[str, bytes | None]:
        """Headers of the record at `index`, of a batch that was fetched: they lie behind its value."""
        values = Blobs.of(self.values)
        return headers(values.data, int(values.starts[index]) + max(int(values.sizes[index]), 0))

    def offset(self, index: int) -> int:
        """Offset of the record at `index`."""
        return self.offsets[index] if self.offsets else self.first_offset + index


class RecordsLost(Exception):  # it says what happened, as the operator will look it up
    """A stretch of a log is gone that this group has not read: the broker dropped it, or the log was cut back."""

    def __init__(self, topic: str, partition: int, expected: int, got: int) -> None:
        super().__init__(topic, partition, expected, got)
        self.topic = topic
        self.partition = partition
        self.expected = expected
        self.got = got

    def __str__(self) -> str:
        return (
            f"{self.topic}[{self.partition}]: expected offset {self.expected}, the log goes on at {self.got}. "
            "Bring the missing records in again, or reset the group's offset to accept the loss."
        )
