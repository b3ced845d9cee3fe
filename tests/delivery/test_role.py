"""The alert sink as a role: from parcels.alerts in a real Kafka to a receiver, restarted and held up by bad records."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from schemas.contracts import Contracts, contracts
from schemas.kafka import Outgoing, Sender
from schemas.reader import Reader
from schemas.records import PARCEL_ALERT
from schemas.registry import register_all, registry
from schemas.topics import ALERTS
from sinks.alerts.alert import FIELDS, Alert
from sinks.alerts.office import DeliveryFailed
from sinks.alerts.role import FILE, GROUP, AlertSink, Undecodable, delivering
from sinks.alerts.settings import AlertSettings
from sinks.clickhouse.embedded import ChdbStore
from tests.delivery.alerts import DAY, alert, numbered, resolved
from tests.delivery.receiver import Receiver, receiving
from tests.faults.processes import until
from yizhan.embedded.broker import Broker

MONTH_MS = 30 * 86_400_000


@pytest.fixture
def spoken() -> Contracts:
    known = registry("mock://alerts")
    register_all(known)
    return contracts(known)


@pytest.fixture
def broker() -> Broker:
    broker = Broker()
    broker.create([ALERTS.name])
    return broker


def publish(broker: Broker, spoken: Contracts, alerts: Sequence[Alert]) -> None:
    values = spoken.alerts.encode([asdict(one) for one in alerts])
    keys = [one.alert_id.encode() for one in alerts]
    records = [Outgoing(ALERTS.name, key, value) for key, value in zip(keys, values, strict=True)]
    Sender({"bootstrap.servers": broker.address}).send(records)


@contextmanager
def role(broker: Broker, sink: AlertSink, group: str = GROUP) -> Iterator[threading.Thread]:
    """The reading loop of the role, in a thread. A group of another name has committed nothing yet."""
    stop = threading.Event()
    reader = Reader({"bootstrap.servers": broker.address, "log_level": 0}, group, [ALERTS.name])
    thread = threading.Thread(target=lambda: reader.run(sink.take, stop))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(30)


def settings(receiver: Receiver, **words: object) -> AlertSettings:
    return AlertSettings.model_validate({"webhook": [receiver.settings()], **words})


def test_an_alert_has_the_fields_of_its_record() -> None:
    """In order; nothing is declared twice unseen."""
    assert PARCEL_ALERT.fields == FIELDS


def test_alerts_come_through_and_a_restart_repeats_nothing(
    embedded: ChdbStore, tmp_path: Path, broker: Broker, spoken: Contracts
) -> None:
    """Raised, resolved, new ones after a new start; each once, though all are read again."""
    publish(broker, spoken, [*numbered(5), *(resolved(alert_id=f"a{n}") for n in range(5))])
    with receiving(Receiver()) as desk:
        for group, count in (("first", 10), ("second", 11)):
            with (
                delivering(spoken.alerts, settings(desk), embedded, tmp_path, lambda: DAY) as sink,
                role(broker, sink, group),
            ):
                desk.wait(count)
            publish(broker, spoken, [alert(alert_id="new")])
        told = desk.bodies

    assert len(desk.ids) == len(set(desk.ids)) == 11
    assert (tmp_path / FILE).exists()
    first = told[0]["data"]
    assert set(first) == set(FIELDS) - {"version"}
    assert first["raised_at"] == "2026-03-08T20:00:00.000+00:00"


def test_a_record_that_is_none_stops_the_role(
    embedded: ChdbStore, tmp_path: Path, broker: Broker, spoken: Contracts
) -> None:
    """Nothing is committed past it: it is our own topic, somebody has to look."""
    Sender({"bootstrap.servers": broker.address}).send([Outgoing(ALERTS.name, b"x", b"no alert")])
    with receiving(Receiver()) as desk:
        reader = Reader({"bootstrap.servers": broker.address, "log_level": 0}, GROUP, [ALERTS.name])
        with (
            delivering(spoken.alerts, settings(desk), embedded, tmp_path, lambda: DAY) as sink,
            pytest.raises(Undecodable, match=r"parcels\.alerts"),
        ):
            reader.run(sink.take, threading.Event())
    assert desk.ids == []


def test_deliveries_that_end_by_an_error_are_told(embedded: ChdbStore, tmp_path: Path, spoken: Contracts) -> None:
    """At once, not with the next alert; and no further alert is taken."""
    told, failures = threading.Event(), list[BaseException]()

    def failed(cause: BaseException) -> None:
        failures.append(cause)
        told.set()

    def break_down(desk: Receiver) -> None:
        with delivering(spoken.alerts, settings(desk), embedded, tmp_path, lambda: DAY, failed) as sink:
            sink._outbox.close()  # noqa: SLF001  # as a disk that goes away would
            sink._office.wake()  # noqa: SLF001  # the same
            assert told.wait(30)
            sink._office.wake()  # noqa: SLF001  # as the next batch does

    with receiving(Receiver()) as desk, pytest.raises(DeliveryFailed):
        break_down(desk)
    assert len(failures) == 1


def test_old_alerts_are_kept_out_and_forgotten(
    embedded: ChdbStore, tmp_path: Path, broker: Broker, spoken: Contracts
) -> None:
    """What was raised before `keep_days` is not sent by a replay, and what was told of it is forgotten."""
    publish(broker, spoken, [alert(alert_id="old", raised_at=DAY - 3 * MONTH_MS), alert(), resolved()])
    with receiving(Receiver()) as desk:
        chosen = settings(desk, keep_days=30)
        with delivering(spoken.alerts, chosen, embedded, tmp_path, lambda: DAY) as sink, role(broker, sink):
            assert desk.wait(2) == ["a1/OVERDUE/RAISED", "a1/OVERDUE/RESOLVED"]
            until(lambda: [a.alert_id for a in sink._outbox.open_alerts()] == ["old"], "the old one was not read")  # noqa: SLF001  # nothing else tells
        with delivering(spoken.alerts, chosen, embedded, tmp_path, lambda: DAY + 2 * MONTH_MS) as sink:
            found = sink._outbox._base  # noqa: SLF001  # what is on disk
            assert found.execute("SELECT alert_id FROM alerts").fetchall() == [("old",)]
            assert found.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)
