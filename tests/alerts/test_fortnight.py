"""A fortnight of 20,000 parcels by a virtual clock: scans through the core, lifecycles through the alert engine."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from stream_jobs.alerts.facts import facts
from stream_jobs.alerts.state import Changes, Promises, Step
from stream_jobs.alerts.watches import patience
from stream_jobs.identity.state import NO_LIMITS, Timelines
from stream_jobs.lifecycle.evaluate import lifecycles
from stream_jobs.lifecycle.output import Names, rows
from stream_jobs.lifecycle.targets import plan
from stream_jobs.timeline.hashing import hash_words
from stream_jobs.timeline.pack import pack
from tests.alerts import simulated
from tests.alerts.simulated import BEGIN, DAY, MINUTE, POLL, Alarm
from tests.core.world import arrow

PARCELS: Final = 20_000
END: Final = BEGIN + 14 * DAY
KILLS: Final = 10


@dataclass
class Fortnight:
    """The clock, both jobs, and every record that was sent, with the clock when it was."""

    now: int = BEGIN
    sent: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    changelog: Changes = field(default_factory=list)

    def __post_init__(self) -> None:
        county = simulated.reference()
        self.plan, self.names = plan(county), Names(hash_words(county.networks))
        self.patience = patience(county)
        self.timelines, self.promises = Timelines(NO_LIMITS), Promises(self.patience)

    def run(self, ways: list[simulated.Way], kills: set[int]) -> None:
        """Minute by minute; at a kill the alerts of that minute went out and the state did not."""
        heard: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for way in ways:
            for number, scan in enumerate(way.scans):
                heard[scan.heard].append(simulated.event(way, number))
        for self.now in range(BEGIN, END + 1, MINUTE):
            killed = self.now in kills
            if self.now % POLL == 0 and (events := heard.pop(self.now, [])):
                self._take(events, killed=killed)
            self.changelog += self.promises.announce(self.now)
            self._keep(self.promises.sweep(self.now), killed=killed)
            if killed:
                self._recover()

    def _take(self, events: list[dict[str, Any]], *, killed: bool) -> None:
        step = self.timelines.step(pack(arrow(events)))
        found = facts(
            rows(lifecycles(step.parcels, self.plan, self.now), step.identity, self.plan, self.names), self.patience
        )
        self._keep(self.promises.step(found), killed=killed)
        if killed:
            self._recover()
            self._keep(self.promises.step(found), killed=False)

    def _keep(self, step: Step, *, killed: bool) -> None:
        self.sent += [(self.now, alert) for alert in step.alerts]
        self.changelog += [] if killed else step.changes

    def _recover(self) -> None:
        self.promises = Promises(self.patience)
        self.promises.apply(self.changelog)


def alarm(alert: dict[str, Any]) -> Alarm:
    return alert["kind"], alert["level"], alert["parcel_id"], alert["raised_at"]


@pytest.fixture(scope="module")
def ways() -> list[simulated.Way]:
    return simulated.ways(PARCELS, 6)


@pytest.fixture(scope="module")
def fortnight(ways: list[simulated.Way]) -> Fortnight:
    found = Fortnight()
    # Within half an hour after a trip's end much is raised at once: some die there, the others anywhere.
    minutes = [BEGIN + day * DAY + 20 * 60 * MINUTE for day in (2, 4, 7, 9)]
    chance = random.Random(10)
    while len(minutes) < KILLS:
        minutes.append(BEGIN + chance.randrange(14 * DAY // MINUTE) * MINUTE)
    found.run(ways, set(minutes))
    return found


def test_every_parcel_that_went_late_is_alerted_once_per_level_and_no_other(
    ways: list[simulated.Way], fortnight: Fortnight
) -> None:
    """Of all kinds, with ten deaths on the way; a record repeated after a death is the same record."""
    expected = {found for way in ways for found in simulated.alarms(way, END)}
    raised = [alert for _, alert in fortnight.sent if alert["state"] == "RAISED"]

    assert {alarm(alert) for alert in raised} == expected
    records = {(alert["alert_id"], alert["version"]) for alert in raised}
    assert len(records) == len(expected)
    many = Counter(kind for kind, *_ in expected)
    assert min(many[kind] for kind in ("VILLAGE_LATE", "SILENT", "WAITING", "MISSED_TRIP")) > 200


def test_alerts_come_within_a_minute_of_their_moment(ways: list[simulated.Way], fortnight: Fortnight) -> None:
    """Or of the moment the parcel was first heard of, where that was late already; also across a death."""
    heard = {way.parcel: sorted(scan.heard for scan in way.scans) for way in ways}
    first: dict[str, tuple[int, dict[str, Any]]] = {}
    for at, alert in fortnight.sent:
        if alert["state"] == "RAISED":
            first.setdefault(alert["alert_id"], (at, alert))

    for at, alert in first.values():
        known = max((h for h in heard[alert["parcel_id"]] if h <= at), default=0)
        assert alert["raised_at"] <= at <= max(alert["raised_at"] + MINUTE, known)


def test_what_moved_on_is_resolved_and_what_did_not_is_not(ways: list[simulated.Way], fortnight: Fortnight) -> None:
    """In the end exactly the alerts are open that the last scan heard leaves so."""
    last: dict[str, dict[str, Any]] = {}
    for _, alert in fortnight.sent:
        if alert["version"] >= last.get(alert["alert_id"], alert)["version"]:
            last[alert["alert_id"]] = alert
    still = {alarm(alert) for alert in last.values() if alert["state"] == "RAISED"}
    assert still == {alarm(alert) for alert in fortnight.promises.alerts()}

    delivered = {way.parcel for way in ways if len(way.scans) == 6 and way.scans[-1].heard <= END}
    assert not {parcel for _, _, parcel, _ in still} & delivered
    assert {a["resolution"] for a in last.values()} == {None, "MOVED", "DELIVERED"}


def test_a_blocked_road_is_a_few_incidents(fortnight: Fortnight) -> None:
    """Parcels late because of it are counted in hundreds, their incidents by the day."""
    late = [a for _, a in fortnight.sent if (a["kind"], a["level"]) == ("VILLAGE_LATE", "OVERDUE")]
    stuck = [
        a
        for a in late
        if a["township"] == simulated.region(simulated.BLOCKED)
        and simulated.BLOCKED_FROM + DAY < a["raised_at"] < simulated.BLOCKED_UNTIL
    ]
    parcels = {a["parcel_id"] for a in stuck}
    incidents = {a["incident_id"] for a in stuck}

    assert len(parcels) > 80
    assert len(incidents) <= 2
    assert {a["township"] for a in late if a["incident_id"] in incidents} == {simulated.region(simulated.BLOCKED)}
    assert max(a["parcels"] for a in stuck) > 80
