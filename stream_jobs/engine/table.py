"""The table of an app: its partitions' states, and the way their changes leave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from faust.types.tables import TableT

from schemas.blobs import Pairs, Records
from stream_jobs.engine.producer import BatchProducer, Outgoing
from stream_jobs.engine.store import PartitionState, StateStore

if TYPE_CHECKING:
    import asyncio

    from stream_jobs.engine.app import BatchApp

S = TypeVar("S", bound=PartitionState)


@dataclass(frozen=True)
class HeldPartition(Generic[S]):
    """A partition as held when a batch was begun."""

    number: int
    state: S
    table: "BatchTable[S]"

    async def deliver(self, outputs: Sequence[Outgoing], changes: Pairs | Records) -> None:
        """Send the outputs, then the changes of the state to the changelog; returns when there is room for more.

        `state` must hold the changes already. Without the partition any more nothing is sent: whoever has it now
        reads the batch again, and an old state must not overwrite a newer one.
        """
        await self.table.deliver(self, outputs, changes)


class BatchTable(Generic[S]):
    """One state per partition, with a changelog."""

    def __init__(self, app: "BatchApp", table: TableT[int, S]) -> None:
        self._app = app
        self._table = table

    @property
    def changelog(self) -> str:
        """Name of the changelog topic."""
        return self._table.changelog_topic.get_topic_name()

    @property
    def store(self) -> StateStore:
        """Faust's store behind the table."""
        return cast("StateStore", self._table.data)

    def partition(self, number: int) -> HeldPartition[S]:
        """The partition of a batch. To be called first, before anything is awaited."""
        return HeldPartition(number, cast("S", self.store.held(number)), self)

    async def deliver(self, held: HeldPartition[S], outputs: Sequence[Outgoing], changes: Pairs | Records) -> None:
        """See `HeldPartition.deliver`."""
        if self.store.data.get(held.number) is not held.state:
            return
        producer = cast("BatchProducer", self._app.producer)
        task = await producer.deliver(outputs, Outgoing(self.changelog, held.number, changes))
        task.add_done_callback(self._remember(held))

    def _remember(self, held: HeldPartition[S]) -> "Callable[[asyncio.Task[int | None]], None]":
        def remember(task: "asyncio.Task[int | None]") -> None:
            if task.cancelled() or task.exception() is not None:
                return
            if (offset := task.result()) is not None:
                self.store.delivered(held.number, held.state, offset)

        return remember
