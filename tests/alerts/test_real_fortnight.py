"""A fortnight by a turned clock: real Kafka, Alertmanager and webhook, the roles as processes, ten deaths."""

from pathlib import Path

import pytest

from tests.alerts import rounds, simulated
from tests.alerts.fortnight import END, Fortnight, kills
from tests.alerts.rounds import RAISED, RESOLVED, Notice
from tests.alerts.simulated import MINUTE, Way

PARCELS = 2_000
"""In few minutes, so a tenth of what the command does if nothing else is said."""
SEED = 7
"""Again: python -m tests.alerts --parcels 2000 --kills 10 --seed 7."""


@pytest.fixture(scope="module")
def ways() -> list[Way]:
    return rounds.ways(PARCELS, SEED)


@pytest.fixture(scope="module")
def due(ways: list[Way]) -> list[Notice]:
    return [notice for way in ways for notice in rounds.notices(way, END)]


def test_what_is_due_is_what_the_ways_of_the_parcels_say(ways: list[Way], due: list[Notice]) -> None:
    """The same alarms as reckoned without rounds, each within a minute, each end after its beginning."""
    raised = {notice.alarm: notice for notice in due if notice.state == RAISED}
    ended = {notice.alarm: notice for notice in due if notice.state == RESOLVED}

    assert set(raised) == {alarm for way in ways for alarm in simulated.alarms(way, END)}
    assert all(0 < notice.at - notice.since <= MINUTE for notice in raised.values() if notice.at > notice.since)
    assert all(raised[alarm].at <= notice.at for alarm, notice in ended.items())
    assert len(raised) + len(ended) == len(due) > PARCELS


@pytest.mark.timeout(3000)
def test_every_parcel_that_went_late_is_told_once_within_a_minute_whatever_dies(
    ways: list[Way], due: list[Notice], tmp_path: Path
) -> None:
    """At the webhook each level and each end under one id; in Alertmanager the incidents that stand open."""
    verdict = Fortnight(tmp_path, ways, kills(due, 10, SEED)).run()

    assert verdict.exact, verdict
    assert verdict.kills == {"promises": 10, "courier": 5}
    assert verdict.repeats <= 5, "a death repeats what was on its way, no more"
    assert verdict.late > PARCELS // 4
    assert verdict.groups_looked_at > PARCELS
