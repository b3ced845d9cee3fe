"""The county through Kafka and Faust: one worker or three that share the partitions, in any order, in both forms."""

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from benchmarks.topics import renew
from producers.role import scan_records
from schemas import reference
from schemas.contracts import Contracts, contracts
from schemas.reference import Reference
from schemas.registry import register_all, registry
from schemas.topics import LIFECYCLE, LINKS, SCANS
from stream_jobs.app import GROUP, timelines_app
from stream_jobs.engine import BatchApp, running
from stream_jobs.job import TimelineJob
from tests.chain.running import COUNTY, canonical_lines, truth
from tests.core.samples import expected
from tests.core.shape import parcel
from tests.engine.broker import PARTITIONS
from tests.engine.test_apache_kafka import LEAST_SESSION_S, RealBroker
from tests.producers.county import admission, documents
from yizhan.servers import Kafka

WORKERS: Final = (1, 3)
PARTS: Final = 3
"""Scans are published in so many parts; in between workers come and go."""
PATIENCE_S: Final = 120.0
JOINED: Final = (*(topic.name for topic in SCANS.values()), LINKS.name)
Scans = list[dict[str, Any]]
FORMS: Final[dict[str, Callable[[], list[Any]]]] = {
    "canonical": lambda: [json.loads(line) for line in canonical_lines()],
    "native": lambda: documents(COUNTY),
}
ORDERS: Final[dict[str, Callable[[list[Any]], list[Any]]]] = {
    "arrival": lambda told: told,
    "reversed": lambda told: told[::-1],
    "shuffled": lambda told: random.Random(7).sample(told, len(told)),
}


def scans_of(form: str, order: str) -> Scans:
    """The county's scans as admission lets them in, when its documents come in this order."""
    told = ORDERS[order](FORMS[form]())
    return told if form == "canonical" else admission().admit(told).scans


class Run:
    """Workers over one broker, and what a sink keeps of the lifecycles they send. `now`: epoch ms, may be moved on."""

    def __init__(self, broker: RealBroker, places: Reference, now: int) -> None:
        self.broker, self.places, self.now = broker, places, now
        known = registry("mock://workers")
        register_all(known)
        self.spoken: Contracts = contracts(known)
        self.rows: dict[str, dict[str, Any]] = {}
        renew(broker.address)

    def app(self) -> BatchApp:
        """One worker."""
        job = TimelineJob(self.spoken, self.places, lambda: self.now)
        quick: dict[str, Any] = {"broker_session_timeout": LEAST_SESSION_S, "broker_heartbeat_interval": 0.3}
        return timelines_app(job, self.broker.address, standby_replicas=0, **quick)

    async def publish(self, scans: Scans) -> None:
        """Each scan to its kind's topic, under its waybill."""
        records = scan_records(scans, self.spoken)
        for topic in SCANS.values():
            some = [(record.key or b"", record.value) for record in records if record.topic == topic.name]
            await asyncio.to_thread(self.broker.produce, topic.name, some)

    async def settle(self) -> None:
        """Until all is joined: no scan and no message unread, twice the same."""
        before: dict[tuple[str, int], int] | None = None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                ends = await asyncio.to_thread(self._ends)
                committed = await asyncio.to_thread(self.broker.committed, GROUP, JOINED)
                if committed == ends == before:
                    return
                before = ends
                await asyncio.sleep(0.1)

    def _ends(self) -> dict[tuple[str, int], int]:
        marks = {(t, p): self.broker.watermarks(t, p)[1] for t in JOINED for p in range(PARTITIONS)}
        return {tp: end for tp, end in marks.items() if end}

    def keep(self) -> None:
        """Of each parcel the newest of what was sent."""
        values = [message.value() or b"" for message in self.broker.read(LIFECYCLE.name)]
        for row in self.spoken.lifecycles.decode(values).rows.to_pylist():
            known = self.rows.get(row["parcel_id"])
            if known is None or known["version"] <= row["version"]:
                self.rows[row["parcel_id"]] = row

    def shown(self) -> Sequence[dict[str, Any]]:
        """The parcels, in the shape of truth.json."""
        kept = [parcel(_zoned(row)) for row in self.rows.values() if not row["gone"]]
        return sorted(kept, key=lambda p: str(p["waybills"]))


def _zoned(value: Any) -> Any:  # noqa: ANN401  # a row and all within it
    """Decoded instants have no zone; they are UTC."""
    if isinstance(value, dict):
        return {name: _zoned(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_zoned(inner) for inner in value]
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


async def work(run: Run, scans: Scans, workers: int) -> None:
    """Publish in parts; of three workers one comes while the first part is joined, and two leave before the last."""
    part = -(-len(scans) // PARTS)
    async with AsyncExitStack() as staying:
        async with AsyncExitStack() as leaving:
            for number in range(workers):
                await (leaving if number else staying).enter_async_context(running(run.app()))
                if number in {0, workers - 2}:
                    await run.publish(scans[:part])
            await run.publish(scans[part : 2 * part])
            await run.settle()
        await run.publish(scans[2 * part :])
        await run.settle()


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("order", ORDERS)
def test_workers_end_the_county_as_its_truth_says(order: str, form: str, workers: int, kafka_server: Kafka) -> None:
    """Links and bags cross partitions and workers; the first part comes twice where there are several."""
    run = Run(RealBroker(kafka_server.bootstrap), reference.load(COUNTY), int(truth()["as_of"]))
    asyncio.run(work(run, scans_of(form, order), workers))

    run.keep()
    wanted = expected(truth()["parcels"])
    assert run.shown() == sorted(wanted, key=lambda p: str(p["waybills"]))
