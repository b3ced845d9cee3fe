"""The alerts job: lifecycles and sweeps of a partition in, records to send out. No Kafka, no Faust."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from schemas.contracts import Contracts
from schemas.reference import Reference
from stream_jobs.alerts.facts import facts
from stream_jobs.alerts.records import Alert
from stream_jobs.alerts.state import Changes, Promises, Step
from stream_jobs.alerts.watches import patience

Pairs = list[tuple[bytes, bytes]]


class UnreadableLifecycle(RuntimeError):
    """A record of our own topic that is no lifecycle: nothing may be committed past it."""


@dataclass(frozen=True)
class Output:
    """What a batch or a sweep sends: alerts by alert_id, and the state's changes by parcel."""

    alerts: Pairs = field(default_factory=list)
    changes: Changes = field(default_factory=list)


class AlertsJob:
    """Takes batches into partitions' states.

    `clock`: epoch ms; a clock that stands at 0 raises nothing. `known`: open alerts from elsewhere, rows of
    parcel_alert.avsc with times in ms, for a worker that has no changelog.
    """

    def __init__(
        self, spoken: Contracts, reference: Reference, clock: Callable[[], int], known: Sequence[Alert] = ()
    ) -> None:
        self._spoken = spoken
        self._known = known
        self.rounds = 0
        """How often all partitions were swept and what was raised delivered."""
        self._patience = patience(reference)
        self.clock = clock

    def new_state(self, holds: Callable[[bytes], bool]) -> Promises:
        """A new partition: what is known of parcels that it `holds`."""
        state = Promises(self._patience)
        state.adopt(alert for alert in self._known if holds(alert["parcel_id"].encode()))
        return state

    def lifecycles(self, state: Promises, values: Sequence[bytes | None]) -> Output:
        """A batch of ParcelLifecycle; raises UnreadableLifecycle. Deleted keys say nothing."""
        decoded = self._spoken.lifecycles.decode([value for value in values if value is not None])
        if decoded.refused:
            raise UnreadableLifecycle(str(decoded.refused[0][1]))
        return self._output(state.step(facts(decoded.rows, self._patience)))

    def sweep(self, state: Promises, now: int) -> Output:
        """What has come due; to be announced in the changelog before (`Promises.announce`)."""
        return self._output(state.sweep(now))

    def _output(self, step: Step) -> Output:
        return Output(self.encoded(step.alerts), step.changes)

    def encoded(self, alerts: list[Alert]) -> Pairs:
        """Records of parcels.alerts with their keys."""
        if not alerts:
            return []
        codec = self._spoken.alerts
        values = codec.encode_arrow(pa.RecordBatch.from_pylist(alerts, schema=codec.columns))
        return [(alert["alert_id"].encode(), value) for alert, value in zip(alerts, values, strict=True)]
