"""Random histories of lifecycles, sweeps and deaths give the alerts of the plain model, each exactly once."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_jobs.alerts.facts import facts
from stream_jobs.alerts.state import Promises
from tests.alerts.histories import PATIENCE, Batch, Sweep, batch, histories
from tests.alerts.model import Model, watches
from tests.alerts.worker import Worker, told
from tests.core.conftest import EXAMPLES

HISTORIES = settings(max_examples=EXAMPLES, deadline=None)


def modelled(history: list[Batch | Sweep]) -> Model:
    model = Model()
    for event in history:
        if isinstance(event, Sweep):
            model.sweep(event.now)
        else:
            for row in event.rows:
                model.take(row)
    return model


@HISTORIES
@given(histories(), st.randoms(use_true_random=False))
def test_any_history_with_deaths_tells_what_the_model_tells(
    history: list[Batch | Sweep], chance: random.Random
) -> None:
    """Whatever is lost between sending and remembering is told again, in the same words, and nothing else is."""
    worker = Worker(chance)
    worker.do(history)

    assert {told(alert) for alert in worker.sent} == modelled(history).told


@HISTORIES
@given(histories())
def test_without_deaths_each_is_told_once(history: list[Batch | Sweep]) -> None:
    """No alert has two records of one version, and one id means one parcel, kind, level and beginning."""
    worker = Worker(random.Random(0))
    worker.do([event._replace(lost=False, sent=True) for event in history])

    versions = [(alert["alert_id"], alert["version"]) for alert in worker.sent]
    assert len(versions) == len(set(versions))
    named = {(a["alert_id"], told(a)[:5]) for a in worker.sent}
    assert len(named) == len({name for name, _ in named}) == len({what for _, what in named})


@HISTORIES
@given(histories(), st.integers(0, 80))
def test_a_sweep_raises_all_that_is_due_by_the_lifecycles_known_and_nothing_else(
    history: list[Batch | Sweep], hours: int
) -> None:
    """What is open after a sweep is exactly what the lifecycles known then have had come."""
    rows = [row for event in history if isinstance(event, Batch) for row in event.rows]
    now = rows[0]["judged_at"] + hours * 3_600_000
    state, known = Promises(PATIENCE), Model()
    state.step(facts(batch(rows), PATIENCE))
    for row in rows:
        known.take(row)
    state.sweep(now)
    known.sweep(now)

    due = {
        (name, *key) for name, row in known.known.items() for key, watch in watches(row).items() if watch.since <= now
    }
    held = {(name, *key) for name, alerts in known.open.items() for key in alerts}
    assert due <= held == {(a["parcel_id"], a["kind"], a["level"]) for a in state.alerts()}
    assert state.sweep(now).alerts == []
