"""The suite can fail: with a cure taken out it goes red, with the same harm and the cure in place it does not."""

import sys
from pathlib import Path

import pytest

from tests.cluster.deployment import Deployment
from tests.faults.campaign import Campaign, Plan
from tests.faults.ledger import Verdict
from tests.faults.naive import TWINS
from tests.faults.processes import NotReady

PATIENCE = 120.0
NONE = Plan(copies=1)
NAIVE = {
    "fault_is_acknowledged": ("worker", NONE),
    "state_before_outputs": ("worker", NONE),
    "librdkafkas_own_partitioner": ("admission", NONE),
    "keys_by_pythons_hash": ("worker", NONE),
    "scans_are_counted": ("worker", NONE),
    "state_is_not_recovered": ("worker", Plan(kills=3, copies=1, seed=4, only=("worker",), settled=True)),
    "commit_before_write": ("sink", Plan(dependency_faults=1, copies=1, seed=4)),
}
HARMS = {"fault_in_a_batch": ("worker", NONE), "death_between_outputs_and_state": ("worker", NONE)}


def run(folder: Path, twin: str, role: str, plan: Plan) -> Verdict:
    """A campaign with one role's twin in its place."""
    command = (sys.executable, "-m", "tests.faults.naive", twin)
    with Deployment(folder, secure=False) as deployment:
        env = {"YIZHAN_HARM": str(folder / "harm")}
        return Campaign(deployment, folder, plan, {role: command}, env=env, patience=PATIENCE).run()


@pytest.mark.parametrize("twin", list(NAIVE))
def test_without_its_cure_the_suite_goes_red(twin: str, tmp_path: Path) -> None:
    role, plan = NAIVE[twin]
    try:
        verdict = run(tmp_path, twin, role, plan)
    except (TimeoutError, NotReady):
        return  # it never came to an end, which is red, too

    assert not verdict.exact


@pytest.mark.parametrize("twin", list(HARMS))
def test_the_same_harm_is_nothing_with_the_cure_in_place(twin: str, tmp_path: Path) -> None:
    verdict = run(tmp_path, twin, *HARMS[twin])

    assert (tmp_path / "harm").exists()
    assert verdict.exact, verdict


def test_every_twin_is_tried() -> None:
    assert {*NAIVE, *HARMS} == set(TWINS)
