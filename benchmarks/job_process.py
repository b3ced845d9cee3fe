"""The lifecycle job as a process of its own, on its cores, measuring itself: `benchmarks.lifecycle` starts it.

It ends when the offsets given are committed, or, asked to recover, when its states have the changelog up to them.
Prints one line of JSON. Time runs from the first batch to the last commit, CPU is this process's, all threads.
"""

import os

os.environ["POLARS_MAX_THREADS"] = os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import asyncio
import json
from collections.abc import Sequence
from time import perf_counter, process_time
from typing import Any, Final

import pyarrow as pa
from faust.types import TP

from benchmarks.peers.python_peer import peak_mb
from benchmarks.stream import COUNTY
from schemas import reference
from schemas.contracts import Contracts, contracts
from schemas.registry import register_all, registry
from schemas.topics import SCANS, TIMELINES
from stream_jobs.app import timelines_app
from stream_jobs.engine import BatchApp, running
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.state import Timelines
from stream_jobs.job import Output, TimelineJob

NOW: Final = 1_774_000_000_000
PATIENCE_S: Final = 300.0
MEMBER: Final[dict[str, Any]] = {"broker_session_timeout": 10.0, "broker_heartbeat_interval": 2.0}
"""So that a run that was killed does not keep the next one waiting for a minute."""
LOOK_S: Final = 0.005
SOURCE: Final = SCANS["CARRIER"].name
Clocks = tuple[float, float]


class Recovering(Timelines):
    """A state that notes when records of the changelog were joined."""

    def __init__(self, joining: list[Clocks]) -> None:
        super().__init__(Limits())
        self._joining = joining

    def apply(self, pairs: Any) -> None:  # noqa: ANN401  # as the state's
        """The state's own, between two looks at the clocks."""
        self._joining.append(clocks())
        super().apply(pairs)
        self._joining.append(clocks())


class Watched(TimelineJob):
    """The job, noting when its first batch after the warm-up came, how many it had, and when it recovered.

    `before`: scans that came before that batch.
    """

    def __init__(self, warm_up: int = 0) -> None:
        super().__init__(spoken(), reference.load(COUNTY), lambda: NOW)
        self._warm_up = warm_up
        self.begun: Clocks | None = None
        self.batches = self.seen = self.before = 0
        self.joining: list[Clocks] = []

    def new_state(self) -> Timelines:
        """The job's own, watched."""
        return Recovering(self.joining)

    def scans(self, state: Timelines, topic: str, values: Any) -> Output:  # noqa: ANN401  # as the job's
        """The job's own, after a look at the clocks."""
        if self.begun is None and self.seen >= self._warm_up:
            self.begun, self.before = clocks(), self.seen
        self.batches += 1
        self.seen += len(values)
        return super().scans(state, topic, values)


def clocks() -> Clocks:
    """Wall and CPU seconds."""
    return perf_counter(), process_time()


def spoken() -> Contracts:
    """Codecs of a registry in this process: the same ids in every process."""
    known = registry("mock://benchmark")
    register_all(known)
    return contracts(known)


async def work(job: Watched, brokers: str, ends: Sequence[int], **settings: Any) -> dict[str, Any]:  # noqa: ANN401  # Faust's
    """Read, join, deliver and commit all there is."""
    app = timelines_app(job, brokers, standby_replicas=0, **MEMBER, **settings)
    async with running(app):
        await committed(app, ends)
        assert job.begun  # noqa: S101  # something was committed
        wall, cpu = (now - then for now, then in zip(clocks(), job.begun, strict=True))
    events = sum(ends) - job.before
    return figures(events, wall, cpu) | {"batches": job.batches, "events": events}


async def recover(job: Watched, brokers: str, ends: Sequence[int]) -> dict[str, Any]:
    """Stand up again from the changelog: from the first of its records to the last."""
    app = timelines_app(job, brokers, standby_replicas=0, **MEMBER)
    async with running(app):
        store: Any = next(iter(app.tables.values())).data
        while not all(store.persisted_offset(TP(TIMELINES.name, p)) == end - 1 for p, end in enumerate(ends) if end):
            _raise_crash(app)
            await asyncio.sleep(LOOK_S)
        parcels = sum(len(state.own) for state in store.data.values())
    (wall, cpu), (end, end_cpu) = job.joining[0], job.joining[-1]
    return figures(parcels, end - wall, end_cpu - cpu) | {"waybills": parcels}


async def committed(app: BatchApp, ends: Sequence[int]) -> None:
    """Once the app has committed the source up to these ends; raises what it crashed of."""
    while not _has_committed(app, ends):  # Faust tells nobody of a commit
        _raise_crash(app)
        await asyncio.sleep(LOOK_S)


def _has_committed(app: BatchApp, ends: Sequence[int]) -> bool:
    consumer: Any = app.consumer
    known = consumer._committed_offset  # noqa: SLF001  # what Faust has committed, nowhere else to be seen
    found = {tp.partition: offset for tp, offset in known.items() if tp.topic == SOURCE}
    return all(found.get(partition) == end for partition, end in enumerate(ends) if end)


def _raise_crash(app: BatchApp) -> None:
    if app.crash_reason is not None:
        raise app.crash_reason


def figures(count: int, wall: float, cpu: float) -> dict[str, Any]:
    """Of so many scans or parcels."""
    return {
        "wall_s": round(wall, 3),
        "per_s": round(count / wall),
        "cpu_s": round(cpu, 3),
        "cpu_s_per_million": round(cpu / count * 1e6, 3),
        "rss_mb": peak_mb(),
        "cpu_s_in_all": round(process_time(), 2),
    }


def main() -> None:
    """One run."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("brokers")
    asked.add_argument("--cores", type=int, nargs="+", default=[1])
    asked.add_argument("--ends", type=int, nargs="+", help="of the source's partitions, or of the changelog's")
    asked.add_argument("--warm-up", type=int, default=0, help="so many scans come before the clocks start")
    asked.add_argument("--recover", action="store_true")
    asked.add_argument("--fetch-bytes", type=int, default=4 << 20)
    asked.add_argument("--compression", choices=["gzip", "snappy", "lz4", "zstd"])
    args = asked.parse_args()
    os.sched_setaffinity(0, args.cores)
    pa.set_cpu_count(len(args.cores))
    job = Watched(args.warm_up)
    settings = {"consumer_max_fetch_size": args.fetch_bytes, "producer_compression_type": args.compression}
    if args.recover:
        asked_for = recover(job, args.brokers, args.ends)
    else:
        asked_for = work(job, args.brokers, args.ends, **settings)
    print(json.dumps(asyncio.run(asyncio.wait_for(asked_for, PATIENCE_S))))


if __name__ == "__main__":
    main()
