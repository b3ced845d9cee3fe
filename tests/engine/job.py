"""A small job over two topics: collects the set of values of each key."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from faust.types import StreamT

from stream_jobs.engine import BatchApp, BatchTable, HeldPartition, Outgoing, RecordBatch, build_app
from tests.engine.broker import PARTITIONS, Broker

PATIENCE_S = 15.0
SESSION_S = 4.0
"""The in-process broker lets a group wait three seconds for members, and a returning one a session's length."""

Records = list[tuple[bytes, bytes | None]]
Step = Callable[[HeldPartition["KeySets"], RecordBatch], Awaitable[None]]


class KeySets:
    """Keys and the values seen with them."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.values: dict[bytes, frozenset[bytes]] = {}

    def apply(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Join sets in; a key without any is no state of ours."""
        for key, value in pairs:
            if value is None:
                raise ValueError("no values")
            self.values[key] = self.values.get(key, frozenset()) | frozenset(value.split(b","))

    def join(self, batch: RecordBatch) -> Records:
        """Join a batch; the keys that changed, with all their values."""
        before = dict(self.values)
        self.apply((key or b"", value) for key, value in zip(batch.keys, batch.values, strict=True))
        return [(key, b",".join(sorted(values))) for key, values in self.values.items() if values != before.get(key)]


@dataclass
class Job:
    """Topics of one test; `app` makes a worker of the job. Workers of one process share `batches`."""

    broker: Broker
    name: str
    batches: list[RecordBatch] = field(default_factory=list)
    session: float = SESSION_S

    def __post_init__(self) -> None:
        self.sources = (f"{self.name}.left", f"{self.name}.right")
        self.output = f"{self.name}.out"
        self.changelog = f"{self.name}-sets-changelog"
        self.broker.touch(*self.sources, self.output, self.changelog)

    def app(self, step: Step | None = None, *, recover: bool = True) -> tuple[BatchApp, BatchTable[KeySets]]:
        """A worker; `step` comes instead of joining and delivering."""
        app = build_app(
            self.name,
            self.broker.address,
            partitions=PARTITIONS,
            commit_interval=0.2,
            standby_replicas=int(recover),
            recover=recover,
            broker_session_timeout=self.session,
            broker_heartbeat_interval=0.3,
        )
        table = app.state_table("sets", KeySets)
        work = step or self.join

        @app.agent(app.batches(*self.sources), name="join")
        async def join(stream: StreamT[RecordBatch]) -> None:
            async for batch in stream:
                await work(table.partition(batch.partition), batch)
                self.batches.append(batch)

        return app, table

    async def join(self, held: HeldPartition[KeySets], batch: RecordBatch) -> None:
        """Join the batch and send what changed to the output and the changelog."""
        changes = held.state.join(batch)
        await held.deliver([Outgoing(self.output, held.number, changes)], changes)

    def fill(self, count: int, start: int = 0, keys: int = 40) -> dict[bytes, frozenset[bytes]]:
        """Write `count` records to each source; the sets they make."""
        sets: dict[bytes, set[bytes]] = {}
        for topic, side in zip(self.sources, (b"L", b"R"), strict=True):
            records = [(b"key-%d" % (n % keys), side + b"%d" % n) for n in range(start, start + count)]
            self.broker.produce(topic, records)
            for key, value in records:
                sets.setdefault(key, set()).add(value)
        return {key: frozenset(values) for key, values in sets.items()}

    def ends(self) -> dict[tuple[str, int], int]:
        """Ends of the sources' partitions that hold anything."""
        marks = {(t, p): self.broker.watermarks(t, p)[1] for t in self.sources for p in range(PARTITIONS)}
        return {tp: end for tp, end in marks.items() if end}

    def committed(self) -> dict[tuple[str, int], int]:
        """Offsets the job has committed."""
        return self.broker.committed(self.name, self.sources)

    def sent(self, topic: str) -> dict[bytes, frozenset[bytes]]:
        """The sets as the last records of a topic's keys have them."""
        records = [(message.key(), message.value()) for message in self.broker.read(topic)]
        return {bytes(key or b""): frozenset(bytes(value or b"").split(b",")) for key, value in records}

    async def until(self, done: Callable[[], Any]) -> None:
        """Wait for a condition that looks at the broker or the job."""
        async with asyncio.timeout(PATIENCE_S):
            while not await asyncio.to_thread(done):  # noqa: ASYNC110  # the broker tells nobody
                await asyncio.sleep(0.05)

    async def until_committed(self) -> None:
        """Wait until all there is to read is committed."""
        await self.until(lambda: self.committed() == self.ends())


def sets_of(*tables: BatchTable[KeySets]) -> dict[bytes, frozenset[bytes]]:
    """All sets the tables hold."""
    return dict(_items(tables))


def _items(tables: Iterable[BatchTable[KeySets]]) -> Iterator[tuple[bytes, frozenset[bytes]]]:
    for table in tables:
        for state in table.store.data.values():
            assert isinstance(state, KeySets)
            yield from state.values.items()
