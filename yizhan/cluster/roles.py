"""The roles as processes: each reads, works, answers for its health and ends in good order when told to.

A role ends with 0 when told to stop, with RESTART when something failed and a supervisor should start it again.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final

import structlog
from tenacity import before_sleep_log, retry, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from producers.admission import Admission, Admitted, Bounds
from producers.role import AdmissionRole
from producers.sources import load_sources
from producers.whole import counts
from schemas.contracts import Contracts, contracts
from schemas.kafka import Sender
from schemas.log.batch import RecordBatch
from schemas.metrics import ADMISSION_SECONDS, ADMITTED, DEAD_LETTERS, UNMAPPED, WRITE_SECONDS
from schemas.reader import Reader
from schemas.reference import Reference, load
from schemas.registry import RegistryError
from schemas.topics import ingress
from sinks.clickhouse.writer import Writer
from sinks.role import SinkRole
from stream_jobs.app import READS, places_read, run_until, settled, timelines_app
from stream_jobs.engine import BatchApp, StepBounds
from stream_jobs.engine.run import spare_garbage_collector
from stream_jobs.job import TimelineJob
from yizhan.cluster.access import Access, role_access
from yizhan.cluster.clients import faust_membership, faust_security, librdkafka, membership, schema_registry, store
from yizhan.cluster.settings import BadSettings, ClusterSettings
from yizhan.cluster.vitals import watched
from yizhan.recall import StoredScans
from yizhan.sla.book import TopicBook

LOG: Final = structlog.get_logger(__name__)
Take = Callable[[list[RecordBatch]], None]


def run_admission(settings: ClusterSettings) -> None:
    """Ingress topics and imports in, `scans.*` and dead letters out."""
    reference = reference_of(settings)
    topics = {ingress(n.kind, n.network).name: n.network for n in reference.networks.values()}
    admission = Admission(reference, load_sources(), Bounds())
    with closing(Sender(librdkafka(settings))) as sender:
        role = AdmissionRole(admission, spoken(settings), sender, topics, _count_admitted)
        read("admission", access(reference, "yizhan-admission"), _timed(role.take, ADMISSION_SECONDS.observe), settings)


def run_sink(settings: ClusterSettings) -> None:
    """Scans, lifecycles and dead letters into ClickHouse."""
    kept = store(settings)
    role = SinkRole(Writer(kept), spoken(settings), patience=settings.patience_seconds)
    take = _timed(role.take, WRITE_SECONDS.observe)
    try:
        read("sink", access(reference_of(settings), "yizhan-sink"), take, settings)
    finally:
        kept.close()


def run_worker(settings: ClusterSettings) -> None:
    """Timelines joined, lifecycles derived: a Faust worker, one of as many as there are partitions."""
    known = spoken(settings)
    found = promised(settings, known)
    job = TimelineJob(known, found, clock(settings), recall=_recall(settings))
    book = TopicBook(librdkafka(settings), known.targets)

    def news() -> Reference | None:
        editions = book.news()
        if editions is None or editions == found.editions:
            return None
        return replace(found, editions=editions)

    told = {"news": news, **faust(settings)}
    run_app("worker", READS, lambda: timelines_app(job, settings.kafka_brokers, **told), settings)


def _recall(settings: ClusterSettings) -> StoredScans | None:
    """Out of ClickHouse, where there is one; it is asked for the first time when a number is wanted back.

    A review asks in a thread of its own, by a connection of its own: scans don't wait for its answers.
    """
    if not settings.clickhouse_host:
        return None
    kept = cache(lambda _by_scans: store(settings))
    return StoredScans(lambda sql: kept(threading.current_thread() is threading.main_thread()).query(sql))


def run_app(role: str, topics: Collection[str], build: Callable[[], BatchApp], settings: ClusterSettings) -> None:
    """A Faust worker that reads `topics`, watched, until told to stop."""
    running: list[BatchApp] = []

    def built() -> BatchApp:
        running.append(build())
        return running[0]

    with watched(
        role,
        access(reference_of(settings), f"yizhan-{role}").group,
        settings,
        lambda: places_read(running[0], topics) if running else (),
        lambda: bool(running) and settled(running[0]),
    ):
        run_until(built, stopping())


def faust(settings: ClusterSettings) -> dict[str, Any]:
    """What the settings say to a Faust app."""
    return {
        "partitions": settings.partitions,
        "standby_replicas": settings.standby_replicas,
        "bounds": StepBounds(bytes=settings.step_bytes, events=settings.step_events),
        **faust_membership(settings),
        **faust_security(settings),
    }


def read(role: str, told: Access, take: Take, settings: ClusterSettings) -> None:
    """Read what `told` says, watched, until told to stop."""
    spare_garbage_collector()
    reader = Reader(librdkafka(settings), told.group, told.reads, membership(settings))
    with watched(role, told.group, settings, lambda: reader.assigned, lambda: reader.joined):
        reader.run(take, stopping())


def _timed(take: Take, observe: Callable[[float], None]) -> Take:
    def timed(batches: list[RecordBatch]) -> None:
        begun = time.monotonic()
        take(batches)
        observe(time.monotonic() - begun)

    return timed


def _count_admitted(admitted: Admitted) -> None:
    for scan in admitted.scans:
        ADMITTED.labels(scan["source"]).inc()
        if scan["activity"] == "UNMAPPED":
            UNMAPPED.labels(scan["source"]).inc()
    for rows in admitted.rows:
        for (source, activity), many in counts(rows).items():
            ADMITTED.labels(source).inc(many)
            if activity == "UNMAPPED":
                UNMAPPED.labels(source).inc(many)
    for letter in admitted.letters:
        DEAD_LETTERS.labels(letter["source"], letter["reason"]).inc()


def spoken(settings: ClusterSettings) -> Contracts:
    """The codecs; a registry that does not answer is asked again, one that lacks a schema is not."""
    asking = retry(
        retry=retry_if_exception_type(RegistryError),
        stop=stop_after_delay(settings.patience_seconds),
        wait=wait_exponential_jitter(multiplier=0.2, max=5),
        before_sleep=before_sleep_log(logging.getLogger(__name__), logging.WARNING),
        reraise=True,
    )
    return asking(contracts)(schema_registry(settings))


def reference_of(settings: ClusterSettings) -> Reference:
    """The reference data every role works by; `BadSettings` where there is none."""
    found = load(settings.reference)
    if not (found.networks and found.facilities):
        raise BadSettings(f"settings:\n  YIZHAN_REFERENCE: {settings.reference} has no networks.csv and facilities.csv")
    return found


def promised(settings: ClusterSettings, known: Contracts) -> Reference:
    """The same with the editions of targets that were ever put in force; raises KafkaException."""
    return replace(reference_of(settings), editions=TopicBook(librdkafka(settings), known.targets).known())


def access(reference: Reference, user: str) -> Access:
    """What a role's user reads and writes."""
    return role_access({n.network: n.kind for n in reference.networks.values()})[user]


def clock(settings: ClusterSettings) -> Callable[[], int]:
    """Epoch ms: the wall's, the instant the settings hold, or what a file says whenever it is asked."""
    if settings.clock_file is not None:
        return _clock_of(settings.clock_file)
    held = settings.as_of
    return (lambda: time.time_ns() // 1_000_000) if held is None else (lambda: held)


def _clock_of(file: Path) -> Callable[[], int]:
    def now() -> int:
        return int(file.read_text("ascii"))

    try:
        now()
    except (OSError, ValueError) as cause:
        raise BadSettings(f"settings:\n  YIZHAN_CLOCK_FILE: {file} does not hold the epoch ms: {cause}") from cause
    return now


def stopping() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()

    def told(number: int, _frame: FrameType | None) -> None:
        LOG.info("stopping", signal=signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    return stop


def log_to_stderr(settings: ClusterSettings) -> None:
    """One line an event, ours and the libraries'."""
    final = structlog.processors.JSONRenderer() if settings.log_format == "json" else structlog.dev.ConsoleRenderer()
    shared: Sequence[structlog.typing.Processor] = (
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, final],
    )
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[out], force=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    for ours in ("yizhan", "schemas", "producers", "stream_jobs", "sinks"):
        logging.getLogger(ours).setLevel(logging.INFO)
