"""Webhooks: signed, in order, tried again, told once; nobody waits for another. Real receivers on loopback."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from sinks.alerts.board import Board
from sinks.alerts.outbox import Outbox, OutboxBusy
from sinks.clickhouse.embedded import ChdbStore
from tests.delivery.alerts import alert, numbered, resolved
from tests.delivery.delivering import WallClock, delivering
from tests.delivery.receiver import OTHER_SECRET, PATIENCE, SECRET, Answer, Receiver, receiving

IDS = [f"a{n}/OVERDUE/RAISED" for n in range(20)]


def first_refuses(*answers: int, **headers: str) -> Any:  # noqa: ANN401  # a function of two arguments
    """Answers that are given in turn; then 204."""
    left = list(answers)

    def answer(_receiver: Receiver, _body: dict[str, Any]) -> Answer:
        return (left.pop(0), headers) if left else (204, {})

    return answer


def test_a_message_is_signed_and_says_what_is_to_be_known(embedded: ChdbStore, tmp_path: Path) -> None:
    """Verified by the scheme's own package; the id names alert, level and state; times are ISO text."""
    with receiving(Receiver()) as desk, delivering(tmp_path, embedded, desk.settings()) as office:
        office.tell([alert(), resolved()])
        assert desk.wait(2) == ["a1/OVERDUE/RAISED", "a1/OVERDUE/RESOLVED"]

    raised, ended = desk.bodies
    assert (raised["type"], ended["type"]) == ("alert.raised", "alert.resolved")
    assert raised["timestamp"] == raised["data"]["raised_at"] == "2026-03-08T20:00:00.000+00:00"
    assert ended["timestamp"] == ended["data"]["resolved_at"]
    told = ("shown_by", "stage", "deadline_at", "custodian", "village", "advice", "incident_id")
    assert all(raised["data"][name] for name in told)


def test_both_secrets_of_a_change_are_signed_with(embedded: ChdbStore, tmp_path: Path) -> None:
    """A receiver with the old and one with the new secret both accept."""
    with receiving(Receiver(secret=OTHER_SECRET)) as desk:
        both = desk.settings(secret=f"{SECRET} {OTHER_SECRET}")
        with delivering(tmp_path, embedded, both) as office:
            office.tell([alert()])
            desk.wait(1)
    assert len(desk.headers[0]["webhook-signature"].split()) == 2


def test_each_alert_is_told_once_however_often_it_is_read(embedded: ChdbStore, tmp_path: Path) -> None:
    """Replays, older records and a new start cause nothing."""
    with receiving(Receiver()) as desk:
        for _ in range(2):
            with delivering(tmp_path, embedded, desk.settings()) as office:
                office.tell([alert(), alert(), resolved()])
                office.tell([alert(), resolved(), alert(alert_id="last")])
                desk.wait(3)
                office.tell([resolved(alert_id="late"), alert(alert_id="late")])
                assert [a.alert_id for a in office.outbox.open_alerts()] == ["last"]
        assert desk.ids == ["a1/OVERDUE/RAISED", "a1/OVERDUE/RESOLVED", "last/OVERDUE/RAISED"]


def test_an_alert_that_comes_back_is_told_again(embedded: ChdbStore, tmp_path: Path) -> None:
    """A hand-over ended it and was withdrawn: another id, so that nobody drops it; replays still cause nothing."""
    back, ended = alert(version=3), resolved(version=4)
    with receiving(Receiver()) as desk, delivering(tmp_path, embedded, desk.settings()) as office:
        office.tell([alert(), resolved(), back, back, alert(), resolved(), ended, back, alert(alert_id="last")])
        told = desk.wait_for("last/OVERDUE/RAISED")
    ours = ["a1/OVERDUE/RAISED", "a1/OVERDUE/RESOLVED", "a1/OVERDUE/RAISED/2", "a1/OVERDUE/RESOLVED/2"]
    assert told == [*ours, "last/OVERDUE/RAISED"]


def test_who_did_not_hear_of_an_alert_does_not_hear_of_its_end(embedded: ChdbStore, tmp_path: Path) -> None:
    """Filters by kind, level, county, township and operator; an end goes where the raise went, whatever it says."""
    filters: dict[str, dict[str, object]] = {
        "all": {},
        "risk": {"levels": ["AT_RISK"]},
        "waiting": {"kinds": ["WAITING"]},
        "county": {"counties": ["520330000000"]},
        "township": {"townships": ["520330102000"]},
        "post": {"operators": ["china-post"]},
    }
    words: list[dict[str, object]] = [
        {"alert_id": "one"},
        {"alert_id": "two", "level": "AT_RISK", "county": None},
        {"alert_id": "three", "kind": "WAITING", "township": "520330102000", "custodian": "sf"},
    ]
    with receiving(Receiver()) as desk:
        webhooks = [
            desk.settings(name, only=only, url=f"{desk.settings()['url']}?{name}") for name, only in filters.items()
        ]
        with delivering(tmp_path, embedded, *webhooks) as office:
            office.tell([alert(**w) for w in words])
            office.tell([resolved(**w | {"custodian": "zto", "county": "none"}) for w in words])
            desk.wait(2 * (3 + 1 + 1 + 2 + 1 + 2))
            heard = {
                name: {d.alert.alert_id for d in office.outbox._deliveries("WHERE endpoint = ?", name)}  # noqa: SLF001  # what it was sent
                for name in filters
            }

    assert heard == {
        "all": {"one", "two", "three"},
        "risk": {"two"},
        "waiting": {"three"},
        "county": {"one", "three"},
        "township": {"three"},
        "post": {"one", "two"},
    }


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 429, 500, 503])
def test_a_message_that_is_not_taken_comes_again_before_the_next(
    embedded: ChdbStore, tmp_path: Path, status: int
) -> None:
    """In order, under the same id, with longer and longer waits. Redirects are answers like others: not followed."""
    clock = WallClock()
    refusing = first_refuses(*[status] * 3, location="https://127.0.0.1/elsewhere")
    with receiving(Receiver(answer=refusing)) as desk:
        settings = desk.settings(first_wait_seconds=4)
        with delivering(tmp_path, embedded, settings, clock=clock, sleep=clock.sleep) as office:
            office.tell(numbered(2))
            assert desk.wait(5) == [IDS[0]] * 4 + [IDS[1]]

    assert len(clock.slept) == 3
    assert all(low <= slept <= low + 1 for slept, low in zip(clock.slept, (4, 8, 16), strict=True))


def test_an_endpoint_that_asks_to_wait_is_left_alone_so_long(embedded: ChdbStore, tmp_path: Path) -> None:
    """Retry-After in seconds counts where it is longer than our own wait."""
    clock = WallClock()
    answer = first_refuses(429, **{"retry-after": "120"})
    with (
        receiving(Receiver(answer=answer)) as desk,
        delivering(tmp_path, embedded, desk.settings(), clock=clock, sleep=clock.sleep) as office,
    ):
        office.tell([alert()])
        desk.wait(2)
    assert clock.slept == [120]


def test_what_is_never_taken_is_given_up_and_stands_on_a_list(embedded: ChdbStore, tmp_path: Path) -> None:
    """After the endpoint's time; then the next message has its turn. The list survives."""
    clock = WallClock()

    def answer(_receiver: Receiver, body: dict[str, Any]) -> Answer:
        return (500 if body["data"]["alert_id"] == "a0" else 204), {}

    with receiving(Receiver(answer=answer, verify=False)) as desk:
        settings = desk.settings(give_up_hours=2)
        with delivering(tmp_path, embedded, settings, clock=clock, sleep=clock.sleep) as office:
            office.tell(numbered(2))
            attempts = desk.wait_for(IDS[1]).count(IDS[0])
    outbox = Outbox(tmp_path / "alerts.sqlite", clock)
    for _ in range(2):
        asyncio.run(Board(embedded, outbox, clock).look())
    outbox.close()
    found = embedded.query("SELECT * FROM undelivered_alerts").to_pylist()

    assert [(row["endpoint"], row["message_id"], row["said"]) for row in found] == [("desk", IDS[0], "answered 500")]
    assert found[0]["attempts"] == attempts > 10
    assert 7200 <= sum(clock.slept) <= 7200 + 600 + 1


def test_an_endpoint_that_is_gone_is_not_asked_again(embedded: ChdbStore, tmp_path: Path) -> None:
    """410 is final."""
    with (
        receiving(Receiver(answer=first_refuses(410))) as desk,
        delivering(tmp_path, embedded, desk.settings()) as office,
    ):
        office.tell(numbered(2))
        assert desk.wait(2) == IDS[:2]


def test_a_slow_endpoint_delays_nobody(embedded: ChdbStore, tmp_path: Path) -> None:
    """One hangs until the other has everything; its own messages keep their order."""
    all_told = threading.Event()

    def hang(_receiver: Receiver, _body: dict[str, Any]) -> Answer:
        assert all_told.wait(PATIENCE)
        return 204, {}

    with receiving(Receiver(answer=hang)) as slow, receiving(Receiver()) as quick:
        webhooks = slow.settings("slow", attempt_seconds=60), quick.settings("quick")
        with delivering(tmp_path, embedded, *webhooks) as office:
            office.tell(numbered(20))
            slow.wait(1)
            assert quick.wait(20) == IDS
            assert slow.ids == IDS[:1]
            all_told.set()
            assert slow.wait(20) == IDS


def test_an_answer_is_bounded_in_time(embedded: ChdbStore, tmp_path: Path) -> None:
    """Who promises a body and sends none, or does not answer at all, is cut off in the attempt's time."""
    silent = threading.Event()

    def drip(receiver: Receiver, _body: dict[str, Any]) -> Answer:
        if len(receiver.ids) == 1:
            silent.wait(PATIENCE)
        return 200, {"content-length": str(1 << 40)}

    with receiving(Receiver(answer=drip)) as desk:
        settings = desk.settings(attempt_seconds=0.3, first_wait_seconds=0.01)
        with delivering(tmp_path, embedded, settings) as office:
            office.tell([alert()])
            assert desk.wait(2) == ["a1/OVERDUE/RAISED"] * 2
            silent.set()


def test_one_process_delivers(tmp_path: Path) -> None:
    """A second one on the same file is told so."""
    first = Outbox(tmp_path / "alerts.sqlite", WallClock())
    with pytest.raises(OutboxBusy, match="one process at a time"):
        Outbox(tmp_path / "alerts.sqlite", WallClock())
    first.close()
    Outbox(tmp_path / "alerts.sqlite", WallClock()).close()


def test_secrets_are_in_no_text_of_ours(embedded: ChdbStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in settings in print, not in logs of failures, not in the file."""
    with receiving(Receiver(answer=first_refuses(500, 410))) as desk:
        settings = desk.settings(first_wait_seconds=0.01)
        with caplog.at_level("DEBUG"), delivering(tmp_path, embedded, settings) as office:
            office.tell(numbered(2))
            desk.wait(3)
            shown = repr(office.settings) + str(office.settings.model_dump())
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("alerts.sqlite*"))

    assert "answered 500" in caplog.text
    assert b"a1/OVERDUE/RAISED" in kept
    bare = SECRET.removeprefix("whsec_")
    assert bare not in caplog.text + shown
    assert bare.encode() not in kept
