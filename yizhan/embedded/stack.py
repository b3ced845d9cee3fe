"""The embedded stack: opened on a folder, fed in waves, settled, reckoned up, closed."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from producers.admission import Admission, Admitted, Bounds
from producers.files import Line, lines
from producers.role import GROUP as ADMISSION
from producers.role import AdmissionRole, import_record, scan_records
from producers.sources import load_sources
from schemas.contracts import Contracts, contracts
from schemas.kafka import Outgoing, Sender
from schemas.reader import Reader
from schemas.reference import Reference
from schemas.registry import register_all, registry
from schemas.topics import ALERTS, DEAD_LETTER, FIXED, IMPORTS, LIFECYCLE, LINKS, SCANS, ingress
from sinks.role import GROUP as SINK
from sinks.role import SinkRole
from stream_jobs.alerts.app import GROUP as ALERTING
from stream_jobs.app import GROUP as TIMELINES
from stream_jobs.app import run_until, timelines_app
from stream_jobs.engine import BatchApp
from stream_jobs.job import TimelineJob
from yizhan.account import Account, Ledger, account
from yizhan.embedded.alerting import Alerting
from yizhan.embedded.backlog import Backlog
from yizhan.embedded.broker import Broker
from yizhan.embedded.replay import stored_scans
from yizhan.embedded.roles import Roles
from yizhan.embedded.warehouse import Warehouse
from yizhan.recall import StoredScans
from yizhan.settings import EmbeddedSettings


@dataclass
class _Wave:
    records: list[Outgoing]
    size: int = 0


class Stack:
    """Everything in one process. `as_of` fixes the clock (epoch ms), else it is the wall's."""

    def __init__(self, data: Path, reference: Reference, as_of: int | None) -> None:
        self.warehouse = Warehouse(data, reference, as_of)
        self.ledger, self.documents = Ledger(), 0
        self._one_import = threading.Lock()
        self._settings = EmbeddedSettings()  # type: ignore[call-arg]  # from the environment
        self._roles = Roles()
        self._broker = Broker()
        self._brokers = {"bootstrap.servers": self._broker.address, "log_level": 0}
        self._ingress = {ingress(n.kind, n.network).name: n.network for n in reference.networks.values()}
        self._broker.create([*(t.name for t in FIXED), *self._ingress])
        self._sender, self._admitting = Sender(self._brokers), Sender(self._brokers)
        self._start(reference, (lambda: as_of) if as_of is not None else (lambda: time.time_ns() // 1_000_000))

    def _start(self, reference: Reference, clock: Callable[[], int]) -> None:
        known = registry("mock://embedded")
        register_all(known)
        spoken = contracts(known)
        admission = Admission(reference, load_sources(), Bounds())
        role = AdmissionRole(admission, spoken, self._admitting, self._ingress, self._count)
        sink = SinkRole(self.warehouse.writer, spoken)
        scans = [topic.name for topic in SCANS.values()]
        job = TimelineJob(spoken, reference, clock, recall=StoredScans(self.query))
        kept = [*scans, LIFECYCLE.name, DEAD_LETTER.name, ALERTS.name]
        self._alerting = Alerting(spoken, reference, clock, self.query)
        inbound = [IMPORTS.name, *self._ingress]
        groups = {ADMISSION: inbound, TIMELINES: [*scans, LINKS.name], SINK: kept, ALERTING: [LIFECYCLE.name]}
        self._backlog = Backlog(self._brokers, groups)
        self._roles.start("admission", lambda stop: Reader(self._brokers, ADMISSION, inbound).run(role.take, stop))
        self._roles.start("sink", lambda stop: Reader(self._brokers, SINK, kept).run(sink.take, stop))
        self._roles.start("timelines", lambda stop: run_until(lambda: self._timelines(job), stop))
        self._roles.start("alerts", lambda stop: self._alerting.run(self._broker.address, stop))
        self._replay(spoken)

    def _timelines(self, job: TimelineJob) -> BatchApp:
        """States are not recovered: the broker's memory went with the last process, see `_replay`."""
        return timelines_app(job, self._broker.address, recover=False, standby_replicas=0)

    def _replay(self, spoken: Contracts) -> None:
        """State lives in memory and the broker forgets: what is stored is published again, the chain does the rest."""
        stored = 0
        for scans in stored_scans(self.query):
            self._publish(scan_records(scans, spoken))
            stored += len(scans)
        if stored:
            with self._quiet():
                pass  # the clock stood still from the start

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """No alert is raised by half a history; in the end what is due is raised and stored."""
        with self._alerting.held(self._roles.check):
            yield
        self._backlog.wait(self._roles.check)

    def _count(self, admitted: Admitted) -> None:
        whole = [scan for rows in admitted.rows for scan in rows.to_pylist()]
        self.ledger.write([*admitted.scans, *whole], admitted.letters)

    def take_in(self, paths: Sequence[Path], source: str | None, seen: Callable[[int], None]) -> int:
        """Publish files in waves; returns the number of documents once all have settled. `seen`: progress."""
        with self._one_import, self._quiet():
            before = self.documents
            for wave in self._waves(lines(paths, source)):
                self._publish(wave.records)
                self.documents += len(wave.records)
                seen(len(wave.records))
            return self.documents - before

    def _waves(self, found: Iterable[Line]) -> Iterator[_Wave]:
        wave = _Wave([])
        for line in found:
            if wave.records and (self._full(wave, line)):
                yield wave
                wave = _Wave([])
            wave.records.append(import_record(line.network, line.format, line.payload, line.arrived_at))
            wave.size += len(line.payload)
        if wave.records:
            yield wave

    def _full(self, wave: _Wave, line: Line) -> bool:
        size = wave.size + len(line.payload)
        return size > self._settings.wave_bytes or len(wave.records) >= self._settings.wave_lines

    def _publish(self, records: Iterable[Outgoing]) -> None:
        self._sender.send(records)
        self._backlog.wait(self._roles.check)

    def query(self, sql: str) -> pa.Table:
        """Read-only SQL."""
        return self.warehouse.query(sql)

    def account(self) -> Account:
        """What was taken in since the start, held against what is stored."""
        return account(self.query, self.ledger, self.documents)

    def check(self) -> None:
        """Raise RoleFailed if a role has ended."""
        self._roles.check()

    def close(self) -> None:
        """Stop the roles, then the store."""
        self._roles.stop()
        self._admitting.close()
        self._backlog.close()
        self.warehouse.close()
