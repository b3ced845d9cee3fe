"""The Faust app on a real broker: a clock that is turned by hand, deaths, and what the topic holds in the end."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from schemas.contracts import contracts
from schemas.reference import Reference
from schemas.registry import register_all, registry
from schemas.topics import ALERTS, LIFECYCLE, PROMISES
from stream_jobs.alerts.app import GROUP, alerts_app
from stream_jobs.alerts.job import AlertsJob
from stream_jobs.engine import BatchApp, running
from stream_jobs.engine.producer import BatchProducer, DeliveryFailed
from tests.alerts.histories import BEGIN, Row
from tests.alerts.model import HOUR
from tests.engine.broker import PARTITIONS, Broker
from tests.sinks.records import parcel, stage, table

PATIENCE_S = 20.0
NAMES = [f"sf:{n}" for n in range(12)]


@dataclass
class Post:
    """A broker of its own, a clock in hand, and records in and out."""

    broker: Broker
    now: int = BEGIN

    def __post_init__(self) -> None:
        known = registry("mock://alerts")
        register_all(known)
        self.spoken = contracts(known)
        self.broker.touch(LIFECYCLE.name, ALERTS.name, PROMISES.name)

    def job(self, known: Sequence[dict[str, Any]] = ()) -> AlertsJob:
        """The job by the clock in hand."""
        return AlertsJob(self.spoken, Reference(silence={"whole": 9_999}), lambda: self.now, known)

    def worker(self, job: AlertsJob | None = None, **settings: Any) -> AbstractAsyncContextManager[BatchApp]:  # noqa: ANN401  # Faust's
        """A worker for as long as the block runs; it sweeps ten times a second."""
        return running(
            alerts_app(
                job or self.job(),
                self.broker.address,
                0.1,
                standby_replicas=0,
                broker_session_timeout=4.0,
                broker_heartbeat_interval=0.3,
                **settings,
            )
        )

    def publish(self, rows: list[Row]) -> None:
        """Lifecycles, as the timelines job writes them."""
        values = self.spoken.lifecycles.encode_arrow(table("parcel_lifecycle", rows).combine_chunks().to_batches()[0])
        keys = [str(row["parcel_id"]).encode() for row in rows]
        self.broker.produce(LIFECYCLE.name, list(zip(keys, values, strict=True)))

    def alerts(self) -> list[dict[str, Any]]:
        """All records of the topic."""
        return [self.spoken.alerts.decode_one(m.value() or b"") for m in self.broker.read(ALERTS.name)]

    def told(self) -> set[tuple[str, str, str]]:
        """Parcel, level and state of each."""
        return {(a["parcel_id"], a["level"], a["state"]) for a in self.alerts()}

    async def until(self, done: Callable[[], Any]) -> None:
        """Wait for a condition that looks at the broker."""
        async with asyncio.timeout(PATIENCE_S):
            while not await asyncio.to_thread(done):  # noqa: ASYNC110  # the broker tells nobody
                await asyncio.sleep(0.05)

    def all_read(self) -> bool:
        """Whether every lifecycle is committed."""
        marks = {(LIFECYCLE.name, p): self.broker.watermarks(LIFECYCLE.name, p)[1] for p in range(PARTITIONS)}
        return self.broker.committed(GROUP, [LIFECYCLE.name]) == {tp: end for tp, end in marks.items() if end}


@pytest.fixture
def post() -> Iterator[Post]:
    with Broker() as broker:
        yield Post(broker)


def late(name: str, version: int = 1, **words: object) -> Row:
    """A parcel that is due at its village ten hours after the beginning."""
    running = stage(
        stage="village_delivery",
        started_at=BEGIN,
        deadline_at=BEGIN + 10 * HOUR,
        risk_at=BEGIN + 8 * HOUR,
        **{key: value for key, value in words.items() if key == "state"},
    )
    rest = {key: value for key, value in words.items() if key != "state"}
    return parcel(**{"parcel_id": name, "version": version, "judged_at": BEGIN + version, "stages": [running]} | rest)


def everybody(level: str, state: str) -> set[tuple[str, str, str]]:
    return {(name, level, state) for name in NAMES}


def test_alerts_are_raised_escalated_and_resolved_as_the_clock_goes_on(post: Post) -> None:
    """At risk by the clock alone, overdue by the clock alone, resolved by the delivery; each in one record."""

    async def work() -> None:
        async with post.worker():
            await post.until(post.all_read)
            assert post.told() == set()
            post.now = BEGIN + 8 * HOUR
            await post.until(lambda: post.told() == everybody("AT_RISK", "RAISED"))
            post.now = BEGIN + 10 * HOUR + 1
            overdue = everybody("AT_RISK", "RAISED") | everybody("OVERDUE", "RAISED")
            await post.until(lambda: post.told() == overdue)
            post.publish([late(name, 2, state="done", handed_at=BEGIN + 11 * HOUR) for name in NAMES])
            ended = everybody("AT_RISK", "RESOLVED") | everybody("OVERDUE", "RESOLVED")
            await post.until(lambda: post.told() == overdue | ended)

    post.publish([late(name) for name in NAMES])
    asyncio.run(work())
    assert len(post.alerts()) == 4 * len(NAMES)
    assert {a["resolution"] for a in post.alerts()} == {None, "DELIVERED"}


def test_one_that_comes_back_knows_what_was_raised(post: Post) -> None:
    """Its changelog says so: nothing is raised twice, and what was raised is resolved."""

    async def raise_them() -> None:
        async with post.worker():
            await post.until(lambda: post.told() == everybody("AT_RISK", "RAISED"))

    async def resolve_them() -> None:
        async with post.worker():
            await post.until(lambda: post.told() >= everybody("AT_RISK", "RESOLVED"))

    post.publish([late(name) for name in NAMES])
    post.now = BEGIN + 9 * HOUR
    asyncio.run(raise_them())
    post.publish([late(name, 2, state="done") for name in NAMES])
    asyncio.run(resolve_them())
    assert len(post.alerts()) == 2 * len(NAMES)
    assert {a["resolution"] for a in post.alerts()} == {None, "MOVED"}


def test_nothing_is_raised_by_lifecycles_that_lie_unread(post: Post) -> None:
    """A worker that was away reads what came meanwhile before it looks at the clock."""
    post.publish([late(name) for name in NAMES])
    post.publish([late(name, 2, state="done") for name in NAMES])
    post.now = BEGIN + 20 * HOUR

    async def work() -> None:
        async with post.worker():
            await post.until(post.all_read)
            post.publish([late("sf:last")])
            await post.until(lambda: ("sf:last", "OVERDUE", "RAISED") in post.told())

    asyncio.run(work())
    assert {name for name, _, _ in post.told()} == {"sf:last"}


def test_a_worker_without_a_changelog_goes_on_from_alerts_it_is_told_of(post: Post) -> None:
    """While its clock stands at 0 it raises nothing; let go, it has raised all once a round or two have passed."""

    async def once(job: AlertsJob, done: Callable[[], bool]) -> None:
        async with post.worker(job, recover=False):
            await post.until(post.all_read)
            post.now = BEGIN + 9 * HOUR
            before = job.rounds
            await post.until(lambda: job.rounds >= before + 2)
            assert done()
        post.now = 0

    post.now = 0
    post.publish([late(name) for name in NAMES])
    first = post.job()
    asyncio.run(once(first, lambda: post.told() == everybody("AT_RISK", "RAISED")))
    known = post.alerts()
    post.publish([late(name, judged_at=BEGIN + 9) for name in NAMES[1:]])
    post.publish([late(NAMES[0], 2, state="done")])
    ended = {(NAMES[0], "AT_RISK", "RESOLVED")}
    asyncio.run(once(post.job(known), lambda: post.told() == everybody("AT_RISK", "RAISED") | ended))
    assert len(post.alerts()) == len(NAMES) + 1


def test_a_death_between_alert_and_changelog_leaves_no_alert_open(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alerts went out, the state did not: the next worker tells the same again, then ends them."""
    whole = BatchProducer._send  # noqa: SLF001  # the death must come between two sends

    async def dying(self: BatchProducer, out: Any) -> int | None:  # noqa: ANN401  # an Outgoing
        if out.topic == PROMISES.name and any(key != b"" for key, _ in out.pairs) and post.now > BEGIN:
            raise ConnectionError("died before the changelog")
        return await whole(self, out)

    async def die() -> None:
        async with post.worker() as app:
            await post.until(post.all_read)
            post.now = BEGIN + 9 * HOUR
            await post.until(lambda: app.crashed)

    async def go_on() -> None:
        async with post.worker():
            await post.until(lambda: ended <= post.told())

    post.publish([late(name) for name in NAMES])
    monkeypatch.setattr(BatchProducer, "_send", dying)
    with pytest.raises(DeliveryFailed):
        asyncio.run(die())
    monkeypatch.setattr(BatchProducer, "_send", whole)
    orphans = {name for name, _, _ in post.told()}
    ended = {(name, "AT_RISK", "RESOLVED") for name in orphans}

    assert orphans
    post.publish([late(name, 2, state="done") for name in NAMES])
    asyncio.run(go_on())
    assert len({(a["alert_id"], a["version"]) for a in post.alerts()}) == len(post.told())
