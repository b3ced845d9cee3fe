"""Faust's store of one state object per partition, joined from the changelog."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from faust.stores import base
from faust.types import TP, EventT

from schemas.log.batch import RecordBatch


class PartitionState(Protocol):
    """What a job knows about the keys of one partition."""

    def apply(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Join changelog records in: any order, any number of times, with the same result."""


StateFactory = Callable[[int], PartitionState]


class StateRejected(Exception):  # it says what happened
    """The changelog holds something the state can't take."""


class NotAssigned(LookupError):  # it says what is wrong
    """The partition belongs to another worker."""


class StateStore(base.Store[int, PartitionState]):
    """States by partition. Nothing on disk: the changelog is the copy.

    A table declares it with `store="timeline://state"` (a URL without host is false to yarl, and Faust would take
    the app's store) and `options={"factory": ...}`.
    """

    def __post_init__(self) -> None:
        self.data: dict[int, PartitionState] = {}
        self.rejected = 0
        """Changelog records that could not be joined."""
        self._offsets: dict[int, int] = {}
        self.assigned: set[int] = set()
        """Partitions this worker holds, standbys included."""
        self._failure: StateRejected | None = None

    def held(self, partition: int) -> PartitionState:
        """The state of a partition this worker holds."""
        if self._failure is not None:
            raise self._failure
        if partition not in self.assigned:
            raise NotAssigned(f"{self.table_name}: partition {partition} is not assigned to this worker")
        return self._made(partition)

    def _made(self, partition: int) -> PartitionState:
        if partition not in self.data:
            factory: StateFactory = (self.options or {})["factory"]
            self.data[partition] = factory(partition)
        return self.data[partition]

    def apply_changelog_batch(
        self, batch: Iterable[EventT[Any]], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Join record batches of the changelog into the states of their partitions.

        Faust turns an exception from here into a warning and goes on without the records. So the first fault
        stops the worker, and nothing is joined or handed out any more.
        """
        del to_key, to_value
        for event in batch:
            if self._failure is not None:
                return
            records: Any = event.message.value
            try:
                self._join(records)
            except Exception as fault:  # noqa: BLE001  # whatever it is, the state would be incomplete
                self._reject(records, fault)

    def _join(self, records: RecordBatch) -> None:
        partition = records.partition
        reached = self._offsets.get(partition, records.first_offset)
        if records.first_offset > reached + 1:
            raise ValueError(f"joined up to offset {reached}, the next records begin at {records.first_offset}")
        self._made(partition).apply(_pairs(records))
        self._reach(partition, records.next_offset - 1)

    def _reject(self, records: RecordBatch, fault: Exception) -> None:
        self.rejected += len(records)
        self._failure = StateRejected(
            f"{records.topic}[{records.partition}] {records.first_offset} to {records.next_offset - 1}: {fault!r}"
        )
        self._failure.__cause__ = fault
        self.log.error("Changelog can't be joined, %s records: %s", len(records), self._failure)
        self.app.fail(self._failure)  # type: ignore[attr-defined]  # a BatchApp, whose store this is

    def _reach(self, partition: int, offset: int) -> None:
        self._offsets[partition] = max(offset, self._offsets.get(partition, offset))

    def delivered(self, partition: int, state: PartitionState, offset: int) -> None:
        """The changelog has `state` up to `offset`. An answer for a state dropped meanwhile is ignored."""
        if self.data.get(partition) is state:
            self._reach(partition, offset)

    def persisted_offset(self, tp: TP) -> int | None:
        """The last changelog offset the state has: recovery goes on there."""
        return self._offsets.get(tp.partition)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Drop the states of partitions taken away: their next owner moves on."""
        del newly_assigned, generation_id
        self.assigned = self._partitions(assigned)
        for partition in self._partitions(revoked):
            self.data.pop(partition, None)
            self._offsets.pop(partition, None)

    def _partitions(self, tps: set[TP]) -> set[int]:
        changelog = self.table.changelog_topic.get_topic_name()
        return {tp.partition for tp in tps if tp.topic == changelog}

    def reset_state(self) -> None:
        """Nothing is kept outside this process."""

    async def backup_partition(
        self,
        tp: TP | int,
        flush: bool = True,  # noqa: FBT001, FBT002  # Faust's signature
        purge: bool = False,  # noqa: FBT001, FBT002
        keep: int = 1,
    ) -> None:
        """Nothing to back up: the changelog is the copy."""

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:  # noqa: FBT001, FBT002
        """Nothing to restore: the changelog is the copy."""


def _pairs(records: RecordBatch) -> Iterable[tuple[bytes, bytes | None]]:
    if None in records.keys:
        raise ValueError("a changelog record without a key")
    return zip(records.keys, records.values, strict=True)  # type: ignore[arg-type]  # keys were just looked at
