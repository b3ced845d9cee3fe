"""A role that alerts with one cure taken out, or with a harm put in: `python -m tests.alerts.naive TWIN ROLE`.

Harms happen a few times: the file that YIZHAN_HARM names says how often they have.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import yizhan.cluster.alerting
from schemas.reader import Reader
from sinks.alerts.alert import RESOLVED
from sinks.alerts.courier import Courier
from sinks.alerts.outbox import Delivery
from sinks.alerts.webhook import Endpoint
from stream_jobs.alerts.job import AlertsJob, Output
from stream_jobs.alerts.state import Promises, Step
from tests.alerts.rounds import GRID
from tests.faults.naive import DEATH, again, swap

# ruff: noqa: ANN401  # given on as it comes

DEATHS: Final = 2


def _die(times: int) -> None:
    if again(times):
        os._exit(DEATH)


def state_of_sweeps_is_lost() -> None:
    """Harm: what a sweep raised goes out and never reaches the changelog, as if it died between the two each time."""

    def forgetful(self: AlertsJob, *given: Any) -> Output:
        return Output(sweep(self, *given).alerts, [])

    sweep = swap(AlertsJob, "sweep", forgetful)


def sweep_is_not_announced() -> None:
    """Alerts without the word before them by which whoever takes over tells them again."""
    state_of_sweeps_is_lost()
    swap(Promises, "announce", lambda _self, _now: [])


def ends_are_not_told() -> None:
    """What is over is forgotten without a word."""

    def silent(self: AlertsJob, step: Step) -> Output:
        return output(self, Step([a for a in step.alerts if a["state"] != RESOLVED], step.changes))

    output = swap(AlertsJob, "_output", silent)


def clock_skips() -> None:
    """A clock that is ahead by more than the next instant."""

    def hasty(settings: Any) -> Callable[[], int]:
        now = clock(settings)
        return lambda: int(now()) + GRID

    clock = swap(yizhan.cluster.alerting, "clock", hasty)


def death_after_sending() -> None:
    """Harm: the courier dies when a message was taken, before it has noted that."""

    async def dying(self: Courier, delivery: Delivery) -> None:
        await self._endpoint.post(delivery)
        _die(DEATHS)
        self._outbox.delivered(delivery)

    swap(Courier, "_send", dying)


def noted_before_sent() -> None:
    """A message counts as delivered before it is; and death between the two."""

    async def careless(self: Courier, delivery: Delivery) -> None:
        self._outbox.delivered(delivery)
        _die(1)
        await self._endpoint.post(delivery)

    swap(Courier, "_send", careless)


def committed_before_kept() -> None:
    """Alerts are acknowledged to Kafka before they are on disk; and death between the two."""

    def careless(self: Reader, take: Callable[[list[Any]], None]) -> None:
        self._keep_place()
        found, _ = self._feed.next(0.02, 1000, 1000, 1 << 20)
        if batches := [batch for batch in found if self._follows(batch)]:
            self._commit()
            _die(1)
            take(batches)

    swap(Reader, "_one", careless)


def ids_of_a_process() -> None:
    """What is sent again after a death goes under another id."""
    death_after_sending()

    async def renamed(self: Endpoint, delivery: Delivery) -> None:
        await post(self, replace(delivery, message_id=f"{delivery.message_id}/{os.getpid()}"))

    post = swap(Endpoint, "post", renamed)


TWINS: Final[dict[str, Callable[[], None]]] = {
    twin.__name__: twin
    for twin in (
        state_of_sweeps_is_lost,
        sweep_is_not_announced,
        ends_are_not_told,
        clock_skips,
        death_after_sending,
        noted_before_sent,
        committed_before_kept,
        ids_of_a_process,
    )
}


def command(twin: str) -> tuple[str, ...]:
    """The words that start a role's twin, without the role's."""
    return (sys.executable, "-m", "tests.alerts.naive", twin)


if __name__ == "__main__":
    TWINS[sys.argv.pop(1)]()
    from yizhan.cli import main

    main()
