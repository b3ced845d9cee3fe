"""The simulated fortnight can fail: with a cure taken out it goes red, with the same harm and the cure it does not."""

from pathlib import Path

import pytest

from tests.alerts.desk import Verdict
from tests.alerts.fortnight import Fortnight, Kill
from tests.alerts.naive import TWINS, command
from tests.alerts.rounds import GRID, instant
from tests.alerts.simulated import BEGIN, HOUR, MINUTE, Scan, Way, region

PATIENCE = 45.0
COUNTY = ("COUNTY", "C", "520330000000")
LATE_WAVES = [instant(BEGIN + 30 * HOUR + wave * GRID) for wave in range(4)]
HARMS = {"state_of_sweeps_is_lost": "promises", "death_after_sending": "courier"}
NAIVE = {
    "sweep_is_not_announced": ("promises", "missing"),
    "ends_are_not_told": ("promises", "missing"),
    "clock_skips": ("promises", "false"),
    "noted_before_sent": ("courier", "missing"),
    "committed_before_kept": ("courier", "missing"),
    "ids_of_a_process": ("courier", "doubled"),
}
"""The role, and what must be wrong with its account."""


def way(number: int, at: int, heard: int, collected: int) -> Way:
    """A parcel that comes to the county, is heard of then, and is next seen when it is collected."""
    found, village = Way(number, number % 3, remote=False), f"V{number % 3}-1"
    end = ("VILLAGE", village, region(number % 3, 1))
    found.scans = [
        Scan("ARRIVED", *COUNTY, at - 30_000, heard),
        Scan("COLLECTED_BY_RECIPIENT", *end, collected - MINUTE, collected),
    ]
    return found


def world() -> list[Way]:
    """Parcels heard of in time and collected late; and others late when first heard of, collected an instant after."""
    timely = [(BEGIN + number % 2 * GRID, instant(BEGIN + number % 2 * GRID)) for number in range(20)]
    found = [way(n, at, heard, instant(heard + 50 * HOUR)) for n, (at, heard) in enumerate(timely)]
    for number in range(20, 60):
        heard = LATE_WAVES[number % len(LATE_WAVES)]
        found.append(way(number, BEGIN + number % 4 * GRID, heard, heard + GRID))
    return found


def run(folder: Path, twin: str, role: str, patience: float = 120.0) -> Verdict:
    """That world, with one role's twin in its place; `promises` is killed when all of a wave was told."""
    kills = dict.fromkeys(LATE_WAVES[::2], Kill("told", ("promises",)))
    env = {"YIZHAN_HARM": str(folder / "harm")}
    return Fortnight(folder, world(), kills, {role: command(twin)}, env, patience).run()


@pytest.mark.parametrize("twin", list(NAIVE))
def test_without_its_cure_the_fortnight_goes_red(twin: str, tmp_path: Path) -> None:
    role, wrong = NAIVE[twin]
    verdict = run(tmp_path, twin, role, PATIENCE)

    assert getattr(verdict, wrong) > 0, verdict
    assert not verdict.exact


@pytest.mark.parametrize("twin", list(HARMS))
def test_the_same_harm_is_nothing_with_the_cure_in_place(twin: str, tmp_path: Path) -> None:
    verdict = run(tmp_path, twin, HARMS[twin])

    assert verdict.exact, verdict
    assert (verdict.alerts, verdict.ends, verdict.kills["promises"]) == (200, 200, 2)
    assert verdict.repeats >= (2 if twin == "death_after_sending" else 0)


def test_every_twin_is_tried() -> None:
    assert {*NAIVE, *HARMS} == set(TWINS)
