"""Parcels at rest judged anew when targets change: all of a partition once for each edition, in slices between batches.

Only stages begun since the edition holds can be concerned. Those that left the state are judged by what the store has
of them, and stay away. A partition that has been looked through says so in its changelog, once the brokers have all
that was judged anew; until then whoever has it begins again. The same parcel sent twice is the same row.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from itertools import islice
from typing import Final

import structlog
from confluent_kafka import KafkaException

from schemas.blobs import Records
from schemas.dead_letter import Refusal
from schemas.metrics import EDITIONS, REJUDGED, TO_REVIEW, UNREVIEWED
from schemas.reference import Reference
from schemas.topics import LIFECYCLE
from stream_jobs.engine import BatchApp, BatchTable, HeldPartition, Outgoing
from stream_jobs.identity import keeping
from stream_jobs.identity.state import Timelines
from stream_jobs.job import TimelineJob

SLICE: Final = 5_000
SLICE_OF_STORE: Final = 1_000
LOOK_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 5.0
"""After which a store that failed is asked again."""
LOG: Final = structlog.get_logger(__name__)
News = Callable[[], Reference | None]
"""The reference data, if editions may have been added since it last told; slow, raises KafkaException and Refusal."""
Held = HeldPartition[Timelines]
Judged = Callable[[list[bytes]], Awaitable[Records]]


class Reviewer:
    """Looks through the partitions of this worker. `places`: those it has now, with their states."""

    def __init__(
        self,
        app: BatchApp,
        table: BatchTable[Timelines],
        job: TimelineJob,
        places: Callable[[], Collection[int]],
        news: News | None,
    ) -> None:
        self._app, self._table, self._job, self._places, self._news = app, table, job, places, news
        self._asking = asyncio.Lock()
        self._strange: set[bytes] = set()
        self._left: dict[int, int] = {}
        """How many numbers are still to be looked at, of partitions under review."""

    async def run(self) -> None:
        """For as long as the app runs."""
        while not self._app.should_stop:
            await self._hear()
            self._show()
            for number in sorted(self._places()):
                await self._review(number)
            await self._app.sleep(LOOK_SECONDS)

    async def up_to_date(self, held: Held) -> None:
        """To be awaited before a batch: another worker may have looked the partition through by a newer edition.

        What is judged after that by older ones nobody would look at again. Raises KafkaException and Refusal.
        """
        if strange := held.state.reviewed - self._job.editions.keys() - self._strange:
            await self._ask()
            self._strange |= strange - self._job.editions.keys()

    async def _hear(self) -> None:
        try:
            await self._ask()
        except (KafkaException, Refusal) as fault:
            LOG.warning("it can't be told whether targets have changed", cause=str(fault))

    async def _ask(self) -> None:
        async with self._asking:
            found = await asyncio.to_thread(self._news) if self._news else None
            if found is not None:
                self._job.promise(found)
        EDITIONS.set(len(self._job.editions))

    def _pending(self, number: int) -> dict[bytes, int]:
        state = self._table.partition(number).state
        return {name: since for name, since in self._job.editions.items() if name not in state.reviewed}

    async def _review(self, number: int) -> None:
        """One partition, whole; nothing more once it is not ours."""
        if number not in self._places() or not (editions := self._pending(number)):
            return
        held, since, begun = self._table.partition(number), min(editions.values()), time.monotonic()
        state = held.state
        if await self._all_of_state(held, since) and await self._all_of_store(held, since):
            await held.deliver([], [keeping.mark(name) for name in editions])
            state.reviewed |= editions.keys()
            LOG.info("judged anew", partition=number, since=since, seconds=round(time.monotonic() - begun, 1))
        self._left.pop(number, None)
        self._show()

    async def _all_of_state(self, held: Held, since: int) -> bool:
        async def judged(some: list[bytes]) -> Records:
            return self._job.again(held.state, some, since)

        return await self._all(held, numbers(held.state), SLICE, judged, len(held.state.left))

    async def _all_of_store(self, held: Held, since: int) -> bool:
        async def judged(some: list[bytes]) -> Records:
            return await self._of_store(held, some, since)

        return await self._all(held, [*held.state.left], SLICE_OF_STORE, judged)

    async def _all(self, held: Held, waybills: list[bytes], size: int, judged: Judged, more: int = 0) -> bool:
        """All of these numbers, a slice at a time, at most half of the time; whether the partition is still ours.

        `more`: how many are to come after them.
        """
        for done, some in enumerate(slices(waybills, size)):
            self._left[held.number] = len(waybills) - done * size + more
            self._show()
            begun = time.monotonic()
            found = await judged(some)
            if not self._is_held(held):
                return False
            await held.deliver([Outgoing(LIFECYCLE.name, held.number, found)] if found else [], [])
            REJUDGED.inc(len(found))
            await self._app.sleep(time.monotonic() - begun)
        return self._is_held(held)

    async def _of_store(self, held: Held, some: list[bytes], since: int) -> Records:
        """The store is asked in a thread: scans go on meanwhile, also while it is down."""
        while self._is_held(held):
            try:
                stored = await asyncio.to_thread(self._job.stored, some, since)
            except Exception as fault:  # noqa: BLE001  # whatever a store may say: the review waits, the scans do not
                LOG.warning("the store does not answer, asking again", cause=str(fault))
                await self._app.sleep(AGAIN_SECONDS)
            else:
                found, lacking = self._job.again_of(held.state, stored, since)
                UNREVIEWED.inc(lacking)
                return found
        return Records.of([])

    def _is_held(self, held: Held) -> bool:
        return not self._app.should_stop and self._table.store.data.get(held.number) is held.state

    def _show(self) -> None:
        waiting = [number for number in self._places() if self._pending(number)]
        TO_REVIEW.set(sum(self._left.get(number, self._many(number)) for number in waiting))

    def _many(self, number: int) -> int:
        state = self._table.partition(number).state
        return len(state.own) + len(state.left)


def numbers(state: Timelines) -> list[bytes]:
    """All that a partition knows, those that nobody has scanned, too."""
    return [*state.own, *(waybill for waybill in state.known if waybill not in state.own)]


def slices(waybills: list[bytes], size: int) -> Iterator[list[bytes]]:
    """So many of them at a time."""
    ahead = iter(waybills)
    while some := list(islice(ahead, size)):
        yield some
