"""The alert engine by single cases: words, places, incidents, forgetting, and alerts known from elsewhere."""

import pytest

from stream_jobs.alerts.columns import KEPT
from stream_jobs.alerts.facts import facts
from stream_jobs.alerts.records import Alert
from stream_jobs.alerts.state import Promises, Step
from tests.alerts.histories import BEGIN, PATIENCE, Row, batch
from tests.alerts.model import HOUR
from tests.sinks.records import parcel, stage

PLACE = {"county": "520330000000", "township": "520330107000", "village": "520330107201"}


def late(number: int, version: int = 1, **words: object) -> Row:
    """A parcel due at its village ten hours after the beginning."""
    since = {"started_at": BEGIN, "deadline_at": BEGIN + 10 * HOUR, "risk_at": BEGIN + 8 * HOUR}
    told = {name: words.pop(name) for name in ("state", "township", "deadline_at") if name in words}
    running = stage(stage="village_delivery", **since | PLACE | told)
    who = {"parcel_id": f"sf:{number}", "custodian": "zto", "facility_id": "C-1", "judged_at": BEGIN + version}
    return parcel(version=version, stages=[running], last_scan_at=BEGIN, **who | words)


def take(state: Promises, *rows: Row) -> Step:
    return state.step(facts(batch(list(rows)), PATIENCE))


def test_an_alert_says_whose_where_until_when_and_what_to_do() -> None:
    """All that somebody needs who can still save it."""
    state = Promises(PATIENCE)
    take(state, late(1, 7))
    (alert,) = state.sweep(BEGIN + 9 * HOUR).alerts

    told = {"kind": "VILLAGE_LATE", "level": "AT_RISK", "state": "RAISED", "parcel_id": "sf:1", "shown_by": "sf:SF1"}
    told |= {"stage": "village_delivery", "custodian": "zto", "facility_id": "C-1", "advice": "SEND_WITH_NEXT_TRIP"}
    times = {"raised_at": BEGIN + 8 * HOUR, "deadline_at": BEGIN + 10 * HOUR, "resolved_at": None, "resolution": None}
    named = {name: alert[name] for name in ("alert_id", "incident_id")}
    assert alert == told | times | PLACE | {"parcels": 1, "version": 14} | named
    assert all(len(name) == 16 for name in named.values())


def test_a_blocked_road_is_one_incident_of_three_hundred_parcels() -> None:
    """Another township, custodian or day is another incident; so is the next level."""
    state = Promises(PATIENCE)
    take(state, *(late(n) for n in range(300)), late(301, township="520330108000"), late(302, custodian="sf"))
    take(state, late(303, deadline_at=BEGIN + 24 * HOUR))
    alerts = [a for a in state.sweep(BEGIN + 30 * HOUR).alerts if a["level"] == "OVERDUE"]

    incidents = {a["incident_id"] for a in alerts}
    (largest,) = {a["incident_id"] for a in alerts if a["parcels"] == 300}
    assert len(incidents) == 4
    assert {a["parcel_id"] for a in alerts if a["incident_id"] == largest} == {f"sf:{n}" for n in range(300)}


def test_an_old_lifecycle_changes_nothing() -> None:
    """Records out of order: the higher version holds, of equal ones the later judged."""
    state = Promises(PATIENCE)
    take(state, late(1, 5, state="done"))
    assert take(state, late(1, 4)).changes == []
    assert state.sweep(BEGIN + 20 * HOUR).alerts == []

    take(state, late(1, 5, judged_at=BEGIN + 6))
    assert len(state.sweep(BEGIN + 20 * HOUR).alerts) == 2


def test_a_moment_between_two_lifecycles_is_raised_before_the_second_ends_it() -> None:
    """Even if no sweep came in between; one that was past when it was judged is left to sweeps."""
    state = Promises(PATIENCE)
    take(state, late(1, judged_at=BEGIN), late(2, judged_at=BEGIN + 11 * HOUR))
    done = {"state": "done", "judged_at": BEGIN + 12 * HOUR}
    alerts = take(state, late(1, 2, **done), late(2, 2, **done)).alerts

    told = [(a["parcel_id"], a["level"], a["state"]) for a in alerts]
    assert told == [("sf:1", lv, st) for st in ("RAISED", "RESOLVED") for lv in ("AT_RISK", "OVERDUE")]
    assert {a["resolved_at"] for a in alerts} == {None, BEGIN + 12 * HOUR}


@pytest.mark.parametrize(
    ("words", "resolution"),
    [
        ({"handed_at": BEGIN, "state": "done"}, "DELIVERED"),
        ({"state": "done"}, "MOVED"),
        ({"state": "inferred"}, "MOVED"),
        ({"status": "RETURNING", "state": "stopped"}, "RETURNED"),
        ({"gone": True, "stages": []}, "WITHDRAWN"),
        ({"stages": []}, "WITHDRAWN"),
        ({"deadline_at": BEGIN + 90 * HOUR, "risk_at": None}, "WITHDRAWN"),
    ],
)
def test_how_an_alert_ends(words: dict[str, object], resolution: str) -> None:
    """Moved, delivered, returned, or what it stood on is no more."""
    state = Promises(PATIENCE)
    take(state, late(1))
    raised = [a for a in state.sweep(BEGIN + 10 * HOUR + 1).alerts if a["level"] == "OVERDUE"]
    stages = {"stages": words.pop("stages")} if "stages" in words else {}
    words.pop("risk_at", None)
    row = late(1, 2, **words) | stages
    ended = [a for a in take(state, row).alerts if a["level"] == "OVERDUE"]

    assert [a["resolution"] for a in ended] == [resolution]
    assert [a["alert_id"] for a in ended] == [a["alert_id"] for a in raised]
    assert ended[0]["version"] > raised[0]["version"]


def test_what_is_over_is_forgotten_after_a_week() -> None:
    """Its key is deleted from the changelog, its slot is used again, and no alert is left behind."""
    state = Promises(PATIENCE)
    take(state, late(1))
    state.sweep(BEGIN + 9 * HOUR)
    take(state, late(1, 2, state="done", judged_at=BEGIN + 10 * HOUR))
    assert state.sweep(BEGIN + 10 * HOUR + KEPT - 1) == Step()
    assert state.sweep(BEGIN + 10 * HOUR + KEPT) == Step([], [(b"sf:1", None)])

    take(state, late(2))
    assert state.columns.size == 1
    assert len(state.sweep(BEGIN + 99 * HOUR).alerts) == 2
    assert state.alerts() == state.alerts()[:2]


def test_alerts_known_from_elsewhere_are_kept_or_ended_by_the_next_lifecycle() -> None:
    """A worker without a changelog raises nothing twice and leaves nothing open."""
    before = Promises(PATIENCE)
    take(before, late(1), late(2))
    known = before.sweep(BEGIN + 9 * HOUR).alerts
    after = Promises(PATIENCE)
    after.adopt(known)
    told = take(after, late(1, judged_at=BEGIN + 99), late(2, 2, state="done")).alerts

    assert [(a["parcel_id"], a["resolution"]) for a in told] == [("sf:2", "MOVED")]
    assert after.sweep(BEGIN + 9 * HOUR).alerts == []
    assert after.alerts() == [a for a in known if a["parcel_id"] == "sf:1"]


def overdue(step: Step) -> list[Alert]:
    return [alert for alert in step.alerts if alert["level"] == "OVERDUE"]


def test_an_alert_that_targets_ended_is_raised_again_when_they_change_back() -> None:
    """It is the same alert; its records say in which order that was, also where the worker died in between."""
    state, joined = Promises(PATIENCE), Promises(PATIENCE)
    take(state, late(1, 5))
    (raised,) = overdue(state.sweep(BEGIN + 12 * HOUR))
    anew = take(state, late(1, 5, judged_at=BEGIN + 13 * HOUR, deadline_at=BEGIN + 40 * HOUR))
    back = take(state, late(1, 5, judged_at=BEGIN + 14 * HOUR))
    joined.apply([*anew.changes, *back.changes])
    (ended,) = overdue(anew)
    assert (ended["state"], ended["resolution"]) == ("RESOLVED", "WITHDRAWN")

    again, twin = (overdue(one.sweep(BEGIN + 15 * HOUR)) for one in (state, joined))
    over = overdue(take(state, late(1, 5, judged_at=BEGIN + 16 * HOUR, state="done")))
    assert again == twin
    assert [alert["version"] for alert in (raised, ended, *again, *over)] == [10, 11, 12, 13]
    assert len({alert["alert_id"] for alert in (raised, ended, *again, *over)}) == 1


def test_what_was_over_long_ago_is_not_remembered_again_when_it_is_judged_anew() -> None:
    """A review of all that ever was delivered must not fill the memory; what was over just now is remembered."""
    state = Promises(PATIENCE)
    for at, remembered in ((BEGIN + KEPT + 1, []), (BEGIN + KEPT, [b"sf:1"])):
        assert [key for key, _ in take(state, late(1, state="done", judged_at=at)).changes] == remembered
    assert [key for key, _ in take(state, late(2, judged_at=BEGIN + KEPT + 1)).changes] == [b"sf:2"]
