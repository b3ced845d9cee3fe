"""Deadlines laid out for columns: hours, trips, the county's clock."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.reference import Reference, Target
from schemas.targets import EVER, Edition
from stream_jobs.lifecycle.columns import NEVER
from stream_jobs.lifecycle.stages import STAGE
from stream_jobs.lifecycle.targets import AREA, plan
from stream_jobs.timeline.hashing import hash_strings, short
from stream_jobs.timeline.pack import SERVICE
from tests.core import oracle_targets
from tests.core.strategies import BEGIN, VILLAGES
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


def test_no_trip_runs_on_a_holiday() -> None:
    """Monday's and Wednesday's fall out, so Friday's is the next; hours do not stand still."""
    reference = Reference(
        targets=(Target("county", "STANDARD", "ANY", "MO,WE,FR@20:00"), Target("whole", "STANDARD", "ANY", "24")),
        holidays=("2026-03-02", "2026-03-04"),
    )
    sunday = at("2026-03-01T12:00:00+08:00")
    found = plan(reference).deadline(np.array([1, 2]), np.array([sunday, sunday]))
    assert found.tolist() == [at("2026-03-06T20:00:00+08:00"), sunday + 86_400_000]


def test_a_change_applies_from_its_day_and_what_began_before_keeps_its_target() -> None:
    """From midnight of the county, by when the stage began."""
    rows = [Target("county", "STANDARD", "ANY", "24"), Target("county", "STANDARD", "ANY", "12", "", "2026-03-02")]
    found = plan(Areas(rows, {}))
    began = [at("2026-03-01T23:59:59.999+08:00"), at("2026-03-02T00:00:00+08:00")]
    four = np.full(2, STAGE["county"]), np.full(2, SERVICE["STANDARD"]), np.zeros(2, np.int64), np.array(began)
    assert [found.texts[n] for n in found.target(*four, np.zeros(2, np.uint32))] == ["24", "12"]


DAY = 86_400_000
ROWS = st.builds(
    Target,
    st.sampled_from(["county", "whole"]),
    st.sampled_from(["STANDARD", "FRESH"]),
    st.sampled_from(["NEAR", "FAR", "ANY"]),
    st.sampled_from(["6", "24", "MO,WE,FR@20:00", "SU@00:00"]),
    st.sampled_from(["", "", "sf", "zto"]),
    st.sampled_from(["", "2026-03-01", "2026-03-03", "2026-03-05"]),
)
SAME = lambda t: (t.stage, t.service, t.area_class, t.operator, t.valid_from)  # noqa: E731  # a key, not a step
EDITIONS = st.builds(
    Edition,
    st.sampled_from([EVER, EVER, *(BEGIN + n * DAY // 2 for n in range(8))]),
    st.integers(0, 99),
    st.just("li"),
    st.just("LOAD"),
    st.lists(ROWS, max_size=12, unique_by=SAME).map(tuple),
    st.sets(st.sampled_from(["2026-03-02", "2026-03-04", "2026-03-06"])).map(lambda days: tuple(sorted(days))),
)
BEGUN = st.tuples(
    st.sampled_from(["county", "whole"]),
    st.sampled_from(["STANDARD", "FRESH"]),
    st.sampled_from([None, "520330101201", *VILLAGES]),
    st.sampled_from(["sf", "zto", "yto"]),
    st.integers(0, 16).map(lambda half: BEGIN + half * DAY // 4),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(EDITIONS, min_size=1, max_size=4, unique_by=lambda e: e.recorded_at),
    st.lists(BEGUN, min_size=1, max_size=20),
)
def test_any_history_of_targets_gives_each_stage_the_one_in_force_when_it_began(
    editions: list[Edition], begun: list[tuple[str, str, str | None, str, int]]
) -> None:
    """Target and deadline equal those of the plain reading."""
    areas = Areas([], VILLAGES)
    object.__setattr__(areas, "editions", tuple(editions))
    laid_out = plan(areas)
    stages, services, villages, operators, starts = zip(*begun, strict=True)
    started = np.array(starts)
    found = laid_out.target(
        np.array([STAGE[s] for s in stages]),
        np.array([SERVICE[s] for s in services]),
        np.array([int(v or 0) for v in villages]),
        started,
        short(hash_strings(pa.array(operators))),
    )

    want = []
    for stage, service, village, operator, start in begun:
        edition = oracle_targets.edition_of(editions, start)
        area = VILLAGES.get(village or "", "ANY")
        target = edition and oracle_targets.target_of(edition, stage, service, area, operator, start)
        want.append(
            (target, oracle_targets.due(target, edition.holidays, start)) if edition and target else ("", NEVER)
        )
    dues = laid_out.deadline(found, started).tolist()
    assert [(laid_out.texts[n], due) for n, due in zip(found.tolist(), dues, strict=True)] == want
    assert set(VILLAGES.values()) <= set(AREA)
