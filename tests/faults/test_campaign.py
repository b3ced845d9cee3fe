"""Real servers, real kills: the account comes out exact, and every parcel is as the county's truth says."""

from pathlib import Path

import pytest

from tests.cluster.deployment import Deployment
from tests.faults.campaign import DEPENDENCY, Campaign, Plan


def test_without_any_fault_the_account_comes_out(tmp_path: Path) -> None:
    """The same checks, so that what follows is the faults' doing."""
    with Deployment(tmp_path) as deployment:
        verdict = Campaign(deployment, tmp_path, Plan(copies=2)).run()

    assert verdict.exact, verdict
    assert (verdict.stored, verdict.dead_lettered, verdict.refused) == (2 * 3265, 9, 1)
    assert sorted(verdict.by_network) == sorted(set(deployment.networks) - {"yto"})


@pytest.mark.timeout(1500)
def test_kills_rebalances_dependencies_and_broker_restarts_lose_and_double_nothing(tmp_path: Path) -> None:
    """30 kills, 10 rebalances, 10 faults of what roles depend on, 3 hard restarts of the broker."""
    plan = Plan(
        kills=30, rebalances=10, dependency_faults=10, broker_restarts=3, copies=10, seed=20261124, workers=2, at_once=2
    )
    with Deployment(tmp_path) as deployment:
        campaign = Campaign(deployment, tmp_path, plan, say=print)
        verdict = campaign.run()

    assert verdict.exact, verdict
    assert (verdict.kills, verdict.rebalances, verdict.broker_restarts) == (30, 10, 3)
    assert verdict.dependency_faults == 10 >= len(DEPENDENCY)
    assert (verdict.stored, verdict.refused) == (10 * 3265, 1)
    assert sum(code[-9] for code in campaign.codes.values()) >= 20
