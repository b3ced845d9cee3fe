"""What people say of alerts is kept, on both stores, and deliveries keep to it."""

import asyncio
import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from sinks.alerts.board import Board
from sinks.alerts.marks import ACKNOWLEDGED, SNOOZED, Mark, Marks, read_marks, write_marks
from sinks.alerts.outbox import Outbox
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.store import Store
from tests.delivery.alerts import alert, numbered, resolved
from tests.delivery.delivering import WallClock, delivering
from tests.delivery.receiver import Receiver, receiving

HOUR = 3_600_000


def snooze(until: int, at: int, about: str = "a0") -> Mark:
    return Mark(about, SNOOZED, until, "li", "", at)


def test_the_last_word_of_each_kind_holds(store: Store) -> None:
    """A later snooze replaces an earlier one; an acknowledgement stands beside it; what is over is not read."""
    write_marks(store, [snooze(100, at=1), Mark("a0", ACKNOWLEDGED, 900, "li", "", 2), snooze(200, at=3, about="b")])
    write_marks(store, [snooze(50, at=4)])

    assert read_marks(store, 10) == Marks({"a0": 900}, {"a0": 50, "b": 200})
    assert read_marks(store, 60) == Marks({"a0": 900}, {"b": 200})
    assert read_marks(store, 900) == Marks()


def test_a_list_of_what_was_given_up_shows_nothing_twice(store: Store, tmp_path: Path) -> None:
    """Pinned up again after a kill in between, a message stands there once."""
    outbox = Outbox(tmp_path / "alerts.sqlite", WallClock())
    outbox.take([alert()], lambda _: ["desk"])
    delivery = outbox.next_waiting("desk", lambda _: False)
    assert delivery is not None
    outbox.given_up(delivery, "answered 500")
    for _ in range(2):
        asyncio.run(Board(store, outbox, WallClock()).look())
        outbox._base.execute("UPDATE deliveries SET reported = 0")  # noqa: SLF001  # as a kill before the note leaves it
    outbox.close()

    found = store.query("SELECT * FROM undelivered_alerts").to_pylist()
    assert [(row["message_id"], row["said"]) for row in found] == [("a1/OVERDUE/RAISED", "answered 500")]


def test_a_snoozed_alert_is_held_and_nobody_waits_for_it(embedded: ChdbStore, tmp_path: Path) -> None:
    """Its messages keep their order and go when the snooze ends; a restart changes nothing."""
    now = time.time_ns() // 1_000_000
    write_marks(embedded, [snooze(now + HOUR, at=now)])
    with receiving(Receiver()) as desk:
        for alerts in (numbered(2), [resolved(alert_id="a0"), alert(alert_id="last")]):
            with delivering(tmp_path, embedded, desk.settings()) as office:
                office.tell(alerts)
                desk.wait_for(alerts[-1].message_id())
        assert desk.ids == ["a1/OVERDUE/RAISED", "last/OVERDUE/RAISED"]

        with delivering(tmp_path, embedded, desk.settings()):
            write_marks(embedded, [snooze(now, at=now + 1)])
            told = desk.wait(4)
    assert told[2:] == ["a0/OVERDUE/RAISED", "a0/OVERDUE/RESOLVED"]


def test_what_is_said_of_an_incident_holds_for_what_joins_it() -> None:
    """Its own word or the incident's, whichever lasts longer."""
    marks = Marks({"i1": 9}, {"i1": 5, "a2": 7})
    assert [marks.quiet_until(alert(alert_id=name)) for name in ("a1", "a2", "later")] == [9, 9, 9]
    assert [marks.held(alert(alert_id=name), 6) for name in ("a1", "a2")] == [False, True]
    assert marks.quiet_until(alert(incident_id="i2")) == 0


def test_a_snooze_ends_by_its_hour(tmp_path: Path) -> None:
    """Without anybody's word."""
    outbox, clock = Outbox(tmp_path / "alerts.sqlite", WallClock()), WallClock()
    outbox.take([alert()], lambda _: ["desk"])
    marks = Marks(snoozed={"a1": int(clock() * 1000) + HOUR})

    def waiting() -> bool:
        return outbox.next_waiting("desk", lambda a: marks.held(a, int(clock() * 1000))) is not None

    assert not waiting()
    asyncio.run(clock.sleep(3601))
    assert waiting()
    outbox.close()


def test_while_the_store_is_away_the_last_marks_hold(store: Store, tmp_path: Path) -> None:
    """And it is counted; nothing stops."""
    clock = WallClock()
    now = int(clock() * 1000)
    outbox = Outbox(tmp_path / "alerts.sqlite", clock)
    board = Board(store, outbox, clock)
    write_marks(store, [snooze(now + HOUR, at=now)])
    asyncio.run(board.look())
    failed = _failed()
    store.command("DROP TABLE current_alert_marks")

    asyncio.run(board.look())

    assert board.held(alert(alert_id="a0"))
    assert not board.held(alert())
    assert _failed() == failed + 1
    outbox.close()


@pytest.mark.parametrize(("acknowledged", "snoozed", "quiet"), [(0, 0, 0), (5, 0, 5), (0, 7, 7), (5, 7, 7)])
def test_an_alert_is_quiet_by_either_word(acknowledged: int, snoozed: int, quiet: int) -> None:
    """As long as the longer one."""
    marks = Marks({"a1": acknowledged}, {"a1": snoozed})
    assert marks.quiet_until(alert()) == quiet


def _failed() -> float:
    return REGISTRY.get_sample_value("yizhan_alert_marks_reads_total", {"outcome": "failed"}) or 0
