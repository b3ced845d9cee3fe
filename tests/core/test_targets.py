"""Deadlines laid out for columns: hours, trips, the county's clock."""

from datetime import datetime

import numpy as np
import pytest

from schemas.reference import Target
from stream_jobs.lifecycle.columns import NEVER
from stream_jobs.lifecycle.targets import plan
from tests.core.world import Areas

TRIPS = Areas([Target("county", "STANDARD", "ANY", "MO,WE,FR@20:00")], {})


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("started", "due"),
    [
        ("2026-03-02T19:59:59+08:00", "2026-03-02T20:00:00+08:00"),
        ("2026-03-02T20:00:00+08:00", "2026-03-04T20:00:00+08:00"),
        ("2026-03-06T20:00:00+08:00", "2026-03-09T20:00:00+08:00"),
        ("2026-03-08T23:59:59+08:00", "2026-03-09T20:00:00+08:00"),
        ("1970-01-01T00:00:00+08:00", "1970-01-02T20:00:00+08:00"),
    ],
)
def test_a_trip_is_the_next_one_strictly_after_the_start(started: str, due: str) -> None:
    """On the dot it has left; over the week's end it is Monday's."""
    found = plan(TRIPS).deadline(np.array([1]), np.array([at(started)]))
    assert found.tolist() == [at(due)]


def test_hours_count_from_the_start() -> None:
    """Twenty-four of them; without a target there is no deadline."""
    day = plan(Areas([Target("county", "STANDARD", "ANY", "24")], {}))
    assert day.deadline(np.array([1, 0]), np.array([5, 5])).tolist() == [5 + 86_400_000, NEVER]


def test_a_zone_with_summer_time_is_refused() -> None:
    """A week of it has no fixed length, so trips cannot be laid out."""
    with pytest.raises(ValueError, match="summer time"):
        plan(TRIPS, "Europe/Berlin")
