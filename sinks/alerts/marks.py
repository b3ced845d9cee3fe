"""What people said about alerts: seen and being dealt with, or not now. Kept in ClickHouse, read by deliveries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from sinks.alerts.alert import Alert
from sinks.alerts.outbox import Delivery
from sinks.clickhouse.store import Store

ACKNOWLEDGED: Final = "ACKNOWLEDGED"
SNOOZED: Final = "SNOOZED"
ACKNOWLEDGED_FOR_MS: Final = 30 * 86_400_000
"""An alert still open a month after somebody took it on is told again."""


@dataclass(frozen=True)
class Mark:
    """One word of a person about an alert or a whole incident, by its id; times in epoch ms of the wall."""

    about: str
    mark: str
    until: int
    by: str
    note: str
    at: int


@dataclass(frozen=True)
class Marks:
    """Until when (epoch ms) each alert or incident is acknowledged or snoozed.

    What is said of an incident holds for the alerts that join it later, too.
    """

    acknowledged: Mapping[str, int] = field(default_factory=dict)
    snoozed: Mapping[str, int] = field(default_factory=dict)

    def held(self, alert: Alert, now: int) -> bool:
        """Whether nothing may be said about it now."""
        return _until(self.snoozed, alert) > now

    def quiet_until(self, alert: Alert) -> int:
        """Until when it is not repeated; 0: it is."""
        return max(_until(self.acknowledged, alert), _until(self.snoozed, alert))


def _until(said: Mapping[str, int], alert: Alert) -> int:
    return max(said.get(alert.alert_id, 0), said.get(alert.incident_id, 0))


def write_marks(store: Store, marks: Sequence[Mark]) -> None:
    """Keep them; each holds over the earlier ones about the same and of its kind."""
    rows = [vars(mark) for mark in marks]
    columns = {name: [row[name] for row in rows] for name in ("about", "mark", "by", "note")}
    times = {name: pa.array([row[name] for row in rows], pa.int64()) for name in ("until", "at")}
    names = {"until": "until_at", "at": "marked_at", "by": "marked_by"}
    table = pa.table({names.get(name, name): values for name, values in {**columns, **times}.items()})
    store.insert("stored_alert_marks", table)


def read_marks(store: Store, now: int) -> Marks:
    """What holds at an instant (epoch ms)."""
    sql = f"SELECT about, mark, until_ms FROM current_alert_marks WHERE until_ms > {now}"  # noqa: S608  # a number
    found: dict[str, dict[str, int]] = {ACKNOWLEDGED: {}, SNOOZED: {}}
    for row in store.query(sql).to_pylist():
        found[row["mark"]][row["about"]] = row["until_ms"]
    return Marks(found[ACKNOWLEDGED], found[SNOOZED])


def write_given_up(store: Store, deliveries: Iterable[Delivery]) -> None:
    """Put messages that were given up on the list that people see."""
    rows = [
        {
            "endpoint": delivery.endpoint,
            "message_id": delivery.message_id,
            "alert_id": delivery.alert.alert_id,
            "kind": delivery.alert.kind,
            "level": delivery.alert.level,
            "state": delivery.alert.state,
            "attempts": delivery.attempts,
            "said": delivery.said,
            "queued_at": int(delivery.queued_at * 1000),
            "given_up_at": int((delivery.settled_at or 0) * 1000),
        }
        for delivery in deliveries
    ]
    if rows:
        store.insert("stored_undelivered_alerts", pa.Table.from_pylist(rows))
