"""A worker on real Kafka hears of new targets and judges what rests anew, also what only ClickHouse still has."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa
import pytest

import stream_jobs.review
from schemas.contracts import Contracts, contracts
from schemas.metrics import TO_REVIEW
from schemas.reference import Reference, Target, load
from schemas.registry import register_all, registry
from schemas.targets import EVER, Edition
from schemas.topics import LIFECYCLE, PARTITIONS, TIMELINES
from schemas.vocabulary import SERVICES
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.store import StoreError
from sinks.clickhouse.writer import Kind, Writer
from stream_jobs.alerts.job import AlertsJob
from stream_jobs.alerts.state import Promises
from stream_jobs.app import timelines_app
from stream_jobs.engine import BatchApp, HeldPartition, build_app, running
from stream_jobs.identity import keeping
from stream_jobs.identity.limits import Limits
from stream_jobs.job import TimelineJob
from stream_jobs.review import Reviewer
from tests.chain.running import COUNTY, truth
from tests.chain.test_recall import LATER, Partition
from tests.chain.test_workers import Run, scans_of
from tests.engine.test_apache_kafka import LEAST_SESSION_S, RealBroker
from yizhan.recall import StoredScans
from yizhan.servers import Kafka

FIRST: Final = Edition(EVER, 0, "li", "LOAD", load(COUNTY).targets, ())
STRICT: Final = Edition(0, 1, "wu", "RECOMPUTE", (Target("county", "STANDARD", "ANY", "1"),), ())
PATIENCE_S: Final = 60.0
HALF: Final = 500


def promised(*editions: Edition) -> Reference:
    return replace(load(COUNTY), editions=editions)


def spoken_contracts() -> Contracts:
    known = registry("mock://review")
    register_all(known)
    return contracts(known)


class Resting(Run):
    """One worker; whatever it has taken in leaves its state at once. `known`: editions that it may hear of."""

    def __init__(self, broker: RealBroker, store: ChdbStore) -> None:
        super().__init__(broker, load(COUNTY), LATER)
        self.store, self.down = store, False
        self.known: tuple[Edition, ...] = (FIRST,)

    def app(self) -> BatchApp:
        """It lets go of what rests, and reads it back."""
        limits = replace(Limits(), leave_wait=0)
        job = TimelineJob(self.spoken, promised(FIRST), lambda: LATER, limits, StoredScans(self._query))
        quick: dict[str, Any] = {"broker_session_timeout": LEAST_SESSION_S, "broker_heartbeat_interval": 0.3}
        news: Callable[[], Reference] = lambda: promised(*self.known)  # noqa: E731  # all there is to it
        return timelines_app(job, self.broker.address, news=news, standby_replicas=0, **quick)

    def _query(self, sql: str) -> pa.Table:
        if self.down:
            raise StoreError("it is down")
        return self.store.query(sql)

    def write_scans(self, scans: list[dict[str, Any]]) -> None:
        """As a sink does, which is ahead of the worker."""
        codec = next(iter(self.spoken.scans.values()))
        Writer(self.store).write([(Kind.SCANS, codec.decode(codec.encode(scans)).rows)])

    def write_parcels(self) -> None:
        """What has been sent so far."""
        self.keep()
        codec = self.spoken.lifecycles
        Writer(self.store).write([(Kind.LIFECYCLES, codec.decode(codec.encode(list(self.rows.values()))).rows)])

    def marks(self) -> list[bytes]:
        """What partitions say that they were reviewed by."""
        keys = [message.key() or b"" for message in self.broker.read(TIMELINES.name)]
        return [key for key in keys if key.startswith(keeping.REVIEWED)]

    def targets(self) -> set[str | None]:
        """By what the parcels' stages are judged, as far as they are by anything."""
        self.keep()
        shown = [row for row in self.rows.values() if not row["gone"]]
        return {stage["target"] for row in shown for stage in row["stages"]} - {None}


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.1)


def to_review() -> float:
    return next(iter(TO_REVIEW.collect())).samples[0].value


def test_while_the_store_is_down_scans_go_on_and_the_review_waits(
    embedded: ChdbStore, kafka_server: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then all is judged anew, though nothing is in the state any more."""
    monkeypatch.setattr(stream_jobs.review, "AGAIN_SECONDS", 0.2)
    scans = scans_of("canonical", "arrival")
    run = Resting(RealBroker(kafka_server.bootstrap), embedded)

    async def work() -> None:
        async with running(run.app()):
            run.write_scans(scans[:HALF])
            await run.publish(scans[:HALF])
            await run.settle()
            run.write_parcels()
            before = run.targets()
            run.down, run.known = True, (FIRST, STRICT)
            await until(lambda: to_review() > 0)
            fresh = [scan | {"tracking_number": f"NEW{number}", "link": None} for number, scan in enumerate(scans[:50])]
            await run.publish(fresh)
            await run.settle()
            assert to_review() > 0
            assert before & run.targets()
            run.down = False
            await until(lambda: to_review() == 0)
            assert run.targets() == {"1"}
            assert len(before) > 1

    asyncio.run(work())


def test_a_partition_reviewed_by_an_edition_not_known_here_lets_a_worker_ask_before_it_goes_on() -> None:
    """Once: an edition that nobody knows any more stops no worker."""
    spoken, asked = spoken_contracts(), list[Reference]()

    def news() -> Reference:
        asked.append(promised(FIRST, STRICT))
        return asked[-1]

    async def work() -> None:
        job = TimelineJob(spoken, promised(FIRST), lambda: LATER)
        app = build_app("reviewing", "127.0.0.1:1", partitions=PARTITIONS)
        table = app.state_table("timelines", lambda _partition: job.new_state())
        reviewer = Reviewer(app, table, job, tuple, news)
        held = HeldPartition(0, job.new_state(), table)
        await reviewer.up_to_date(held)
        assert not asked
        held.state.reviewed |= {*TimelineJob(spoken, promised(FIRST, STRICT), lambda: LATER).editions, b"lost"}
        for _ in range(2):
            await reviewer.up_to_date(held)
        assert job.editions.keys() == held.state.reviewed - {b"lost"}
        assert len(asked) == 1

    asyncio.run(work())


def test_alerts_follow_what_is_judged_anew() -> None:
    """Those of promises that are others now end; what is open then is what would be, had they always been so."""
    spoken, now = spoken_contracts(), [int(truth()["as_of"])]
    villages = Edition(0, 1, "wu", "RECOMPUTE", tuple(Target("village_delivery", s, "ANY", "1") for s in SERVICES), ())
    partition = Partition(TimelineJob(spoken, promised(FIRST), lambda: now[0]), spoken)
    partition.take(scans_of("canonical", "arrival"))
    alerts = AlertsJob(spoken, load(COUNTY), lambda: now[0])
    state, fresh = (alerts.new_state(lambda _: True) for _ in range(2))

    def told(some: Promises) -> set[str]:
        alerts.lifecycles(some, spoken.lifecycles.encode(list(partition.rows.values())))
        alerts.sweep(some, now[0])
        return {alert["alert_id"] for alert in some.alerts()}

    before = told(state)
    now[0] += 1
    partition.job.promise(promised(FIRST, villages))
    partition.review(0)
    assert told(state) == told(fresh)
    assert before - told(state)
    assert told(state) - before


def test_a_new_partition_is_marked_at_once(embedded: ChdbStore, kafka_server: Kafka) -> None:
    """Nothing rests in it; and nothing is sent again when the worker starts anew."""
    run = Resting(RealBroker(kafka_server.bootstrap), embedded)
    run.known = (FIRST, STRICT)

    async def work() -> None:
        for _ in range(2):
            async with running(run.app()):
                await until(lambda: len(run.marks()) == PARTITIONS and not to_review())
        assert len(run.marks()) == PARTITIONS
        assert not run.broker.read(LIFECYCLE.name)

    asyncio.run(work())
