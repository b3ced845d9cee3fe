"""A worker of one partition without Kafka: what it sent, its changelog, and deaths between the two."""

import random
from dataclasses import dataclass, field
from typing import Any

from stream_jobs.alerts.facts import facts
from stream_jobs.alerts.state import Changes, Promises, Step
from tests.alerts.histories import PATIENCE, Batch, Sweep, batch
from tests.alerts.model import Told


@dataclass
class Worker:
    """Does a history; dies where it says so, comes back with what its changelog has, reads on where it was safe."""

    random: random.Random
    state: Promises = field(default_factory=lambda: Promises(PATIENCE))
    changelog: Changes = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    unsafe: list[Batch] = field(default_factory=list)

    def do(self, history: list[Batch | Sweep]) -> None:
        """All of it."""
        for event, after in zip(history, [*history[1:], None], strict=True):
            if isinstance(event, Sweep):
                self._sweep(event)
            else:
                self._keep(self.state.step(facts(batch(event.rows), PATIENCE)), event)
            # A death takes all with it that the changelog lacks; until then later batches may still go on.
            if self.unsafe and not (isinstance(after, Batch) and after.lost):
                self._die()
        self._keep(self.state.step(facts(batch([]), PATIENCE)), Batch([]))

    def _sweep(self, event: Sweep) -> None:
        self.changelog += self.state.announce(event.now)
        step = self.state.sweep(event.now)
        if event.sent or not event.lost:
            self.sent += step.alerts
        if event.lost:
            self._recover()
        else:
            self.changelog += step.changes

    def _keep(self, step: Step, event: Batch) -> None:
        if event.sent or not event.lost:
            self.sent += step.alerts
        if event.lost:
            self.unsafe.append(event)
        else:
            self.changelog += step.changes

    def _die(self) -> None:
        self._recover()
        again, self.unsafe = self.unsafe, []
        for lost in again:  # cut otherwise than before
            for row in lost.rows:
                self._keep(self.state.step(facts(batch([row]), PATIENCE)), Batch([row]))

    def _recover(self) -> None:
        records = [*self.changelog, *self.random.sample(self.changelog, len(self.changelog) // 3)]
        self.random.shuffle(records)
        self.state = Promises(PATIENCE)
        self.state.apply(records)


def told(alert: dict[str, Any]) -> Told:
    """A record in the words of the model."""
    return Told(
        alert["kind"],
        alert["level"],
        alert["parcel_id"],
        alert["stage"],
        alert["raised_at"],
        alert["deadline_at"],
        alert["version"],
        alert["resolution"],
        alert["resolved_at"],
    )
