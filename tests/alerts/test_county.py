"""The county of tests/data: what is open at its instant is what its truth says is at risk or late."""

import random
from typing import Any

import pytest

from stream_jobs.alerts.facts import facts
from stream_jobs.alerts.state import Promises
from stream_jobs.alerts.watches import patience
from stream_jobs.identity.state import NO_LIMITS, Timelines
from stream_jobs.lifecycle.evaluate import lifecycles
from stream_jobs.lifecycle.output import rows
from stream_jobs.timeline.pack import Packed, pack
from tests.core.samples import REFERENCE, SCANS, TRUTH, county
from tests.core.world import arrow

AS_OF = TRUTH["as_of"]
LEVELS = {"AT_RISK": {"AT_RISK"}, "OVERDUE": {"AT_RISK", "OVERDUE"}}
"""An overdue delivery was at risk before."""


def promises(order: list[Any], size: int) -> Promises:
    """The state once all scans are in, none of them swept before."""
    timelines, state, setting = Timelines(NO_LIMITS), Promises(patience(REFERENCE)), county()
    for at in range(0, len(order), size):
        packed: Packed | None = pack(arrow(order[at : at + size]))
        told: list[Any] = []
        while packed or told:
            step = timelines.step(packed, told)
            if step.parcels.count:
                found = lifecycles(step.parcels, setting.plan, AS_OF)
                state.step(facts(rows(found, step.identity, setting.plan, setting.names), patience(REFERENCE)))
            packed, told = None, step.told
    return state


@pytest.mark.parametrize(("seed", "size"), [(None, 5000), (1, 300), (2, 40)])
def test_late_village_deliveries_are_the_truth_s(seed: int | None, size: int) -> None:
    """In any order of scans and any batches: each running delivery at its level, and nothing else."""
    order = list(SCANS) if seed is None else random.Random(seed).sample(SCANS, len(SCANS))
    state = promises(order, size)
    alerts = state.sweep(AS_OF).alerts

    verdicts = {p["shown_by"]: p["stages"].get("village_delivery", {}).get("verdict") for p in TRUTH["parcels"]}
    expected = {(name, level) for name, verdict in verdicts.items() for level in LEVELS.get(verdict or "", ())}
    late = [a for a in alerts if a["kind"] == "VILLAGE_LATE"]
    assert {(a["shown_by"], a["level"]) for a in late} == expected
    assert len(late) == len(expected) > 20


def test_the_county_has_alerts_of_other_kinds_too() -> None:
    """Silence and waiting by the defaults; no stage that has trips is late here; nothing delivered or going back."""
    alerts = promises(list(SCANS), 5000).sweep(AS_OF).alerts
    over = {p["shown_by"] for p in TRUTH["parcels"] if p["status"] in {"DELIVERED", "RETURNING", "RETURNED"}}

    assert {a["kind"] for a in alerts} == {"VILLAGE_LATE", "SILENT", "WAITING"}
    assert not {a["shown_by"] for a in alerts} & over
