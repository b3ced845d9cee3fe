"""What is open, and what was told to whom: one SQLite file, so that a restart neither forgets nor repeats.

Order: 1 alerts and the messages they cause, in one transaction on disk; 2 offsets of parcels.alerts (the reading
loop, after `take` returned); 3 a message is sent; 4 it is noted as delivered. Killed between 1 and 2 the records
come again and change nothing; killed between 3 and 4 the message goes out again under the same id.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from sinks.alerts.alert import RESOLVED, Alert, read
from sinks.alerts.metrics import UNKNOWN, Open, Queue, Standing

Clock: TypeAlias = Callable[[], float]
"""Seconds since 1970, of the wall."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS alerts (
    alert_id TEXT PRIMARY KEY, version INTEGER NOT NULL, open INTEGER NOT NULL, raised_at INTEGER NOT NULL,
    kind TEXT NOT NULL, level TEXT NOT NULL, county TEXT NOT NULL, township TEXT NOT NULL,
    incident_id TEXT NOT NULL, record TEXT NOT NULL, turn INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS open_alerts ON alerts (open, kind, level, county, township);
CREATE TABLE IF NOT EXISTS deliveries (
    position INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL, message_id TEXT NOT NULL,
    alert_id TEXT NOT NULL, record TEXT NOT NULL, queued_at REAL NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, said TEXT NOT NULL, settled_at REAL, reported INTEGER NOT NULL,
    UNIQUE (endpoint, message_id)) STRICT;
CREATE INDEX IF NOT EXISTS waiting ON deliveries (state, endpoint, position);
CREATE INDEX IF NOT EXISTS told ON deliveries (alert_id, endpoint);
CREATE TABLE IF NOT EXISTS firing (incident TEXT PRIMARY KEY, labels TEXT NOT NULL) STRICT;
"""
_KEEP: Final = """
INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
ON CONFLICT (alert_id) DO UPDATE SET
    turn = alerts.turn + (excluded.open AND NOT alerts.open AND excluded.version > alerts.version),
    version = excluded.version, open = excluded.open, raised_at = excluded.raised_at, kind = excluded.kind,
    level = excluded.level, county = excluded.county, township = excluded.township,
    incident_id = excluded.incident_id, record = excluded.record
WHERE excluded.version >= alerts.version
RETURNING turn
"""
"""An alert that comes back after its end, as when a hand-over is withdrawn, has its next turn."""
_QUEUE: Final = """
INSERT INTO deliveries (endpoint, message_id, alert_id, record, queued_at, state, attempts, said, reported)
VALUES (?, ?, ?, ?, ?, 'WAITING', 0, '', 0) ON CONFLICT DO NOTHING
"""
_OPEN: Final = """
SELECT kind, level, county, township, count(*), count(DISTINCT incident_id) FROM alerts WHERE open
GROUP BY kind, level, county, township
"""


class OutboxBusy(RuntimeError):
    """Another process delivers from this file: only one may."""


@dataclass(frozen=True)
class Delivery:
    """A message to one endpoint; times in seconds since 1970."""

    position: int
    endpoint: str
    message_id: str
    alert: Alert
    queued_at: float
    attempts: int
    said: str
    settled_at: float | None


class Outbox:
    """Safe to use from several threads of one process."""

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock, self._lock = clock, threading.RLock()
        self._base = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except sqlite3.OperationalError as cause:
            self._base.close()
            raise OutboxBusy(f"{path}: {cause}; one process at a time delivers from it") from cause

    def _prepare(self) -> None:
        # An exclusive lock is taken by the first write and kept; FULL: what is confirmed outlives a loss of power.
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")

    def take(self, alerts: Iterable[Alert], wanted_by: Callable[[Alert], Iterable[str]]) -> None:
        """Keep the alerts and queue what they cause, all or nothing; on disk when this returns.

        A raise goes to the endpoints that want it, the end of an alert to those that heard of it. A record older
        than what is known of its alert causes nothing.
        """
        with self._change() as base:
            for alert in alerts:
                if (turn := self._keep(base, alert)) is not None:
                    told = self._told(base, alert) if alert.state == RESOLVED else wanted_by(alert)
                    row = (alert.message_id(turn), alert.alert_id, alert.text(), self._clock())
                    base.executemany(_QUEUE, [(endpoint, *row) for endpoint in told])

    def _keep(self, base: sqlite3.Connection, alert: Alert) -> int | None:
        """Its turn; None if more is known of it already."""
        place = (alert.county or UNKNOWN, alert.township or UNKNOWN, alert.incident_id)
        number = (alert.alert_id, alert.version, alert.state != RESOLVED, alert.raised_at, alert.kind, alert.level)
        row = base.execute(_KEEP, (*number, *place, alert.text())).fetchone()
        return None if row is None else int(row[0])

    def _told(self, base: sqlite3.Connection, alert: Alert) -> list[str]:
        found = base.execute("SELECT DISTINCT endpoint FROM deliveries WHERE alert_id = ?", (alert.alert_id,))
        return [endpoint for (endpoint,) in found.fetchall()]

    def next_waiting(self, endpoint: str, held: Callable[[Alert], bool]) -> Delivery | None:
        """The first message in line whose alert is not held."""
        with self._lock:
            rows = self._deliveries("WHERE state = 'WAITING' AND endpoint = ? ORDER BY position", endpoint)
            return next((row for row in rows if not held(row.alert)), None)

    def tried(self, delivery: Delivery) -> None:
        """Note that an attempt begins."""
        with self._change() as base:
            base.execute("UPDATE deliveries SET attempts = attempts + 1 WHERE position = ?", (delivery.position,))

    def delivered(self, delivery: Delivery) -> None:
        """The endpoint has it."""
        self._settle(delivery, "DELIVERED", "")

    def given_up(self, delivery: Delivery, said: str) -> None:
        """It will not be tried again; `said` is why the last attempt failed."""
        self._settle(delivery, "GIVEN_UP", said)

    def unreported(self) -> list[Delivery]:
        """Messages given up that are not yet on the list people see."""
        with self._lock:
            return list(self._deliveries("WHERE state = 'GIVEN_UP' AND NOT reported ORDER BY position"))

    def reported(self, deliveries: Iterable[Delivery]) -> None:
        """They stand on the list."""
        with self._change() as base:
            positions = [(delivery.position,) for delivery in deliveries]
            base.executemany("UPDATE deliveries SET reported = 1 WHERE position = ?", positions)

    def open_alerts(self) -> list[Alert]:
        """All that stand open."""
        with self._lock:
            return [read(text) for (text,) in self._base.execute("SELECT record FROM alerts WHERE open")]

    def firing(self) -> dict[str, str]:
        """Incidents that Alertmanager was told of and not of their end: key to labels as JSON."""
        with self._lock:
            return dict(self._base.execute("SELECT incident, labels FROM firing").fetchall())

    def set_firing(self, incidents: dict[str, str]) -> None:
        """What Alertmanager now believes to burn."""
        with self._change() as base:
            base.execute("DELETE FROM firing")
            base.executemany("INSERT INTO firing VALUES (?, ?)", incidents.items())

    def standing(self, endpoints: Sequence[str]) -> Standing:
        """Counts for the metrics."""
        with self._lock:
            open_ = [Open(*row) for row in self._base.execute(_OPEN)]
            return Standing(open_, [self._queue(endpoint) for endpoint in endpoints])

    def forget(self, before: int) -> None:
        """Drop closed alerts raised before this (epoch ms) and what was settled about them."""
        with self._change() as base:
            base.execute("DELETE FROM alerts WHERE NOT open AND raised_at < ?", (before,))
            gone = "state != 'WAITING' AND (reported OR state = 'DELIVERED')"
            known = "SELECT alert_id FROM alerts"
            base.execute(f"DELETE FROM deliveries WHERE {gone} AND alert_id NOT IN ({known})")  # noqa: S608  # our own words

    def close(self) -> None:
        """Give the file free."""
        with self._lock:
            self._base.close()

    def _settle(self, delivery: Delivery, state: str, said: str) -> None:
        sql = "UPDATE deliveries SET state = ?, said = ?, settled_at = ? WHERE position = ? AND state = 'WAITING'"
        with self._change() as base:
            base.execute(sql, (state, said, self._clock(), delivery.position))

    def _queue(self, endpoint: str) -> Queue:
        sql = "SELECT count(*), min(queued_at) FROM deliveries WHERE state = 'WAITING' AND endpoint = ?"
        waiting, oldest = self._base.execute(sql, (endpoint,)).fetchone()
        return Queue(endpoint, waiting, 0.0 if oldest is None else max(0.0, self._clock() - oldest))

    def _deliveries(self, which: str, *values: str) -> Iterator[Delivery]:
        columns = "position, endpoint, message_id, record, queued_at, attempts, said, settled_at"
        found = self._base.execute(f"SELECT {columns} FROM deliveries {which}", values)  # noqa: S608  # our own words
        for position, endpoint, message, record, *rest in found:
            yield Delivery(position, endpoint, message, read(record), *rest)

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")
