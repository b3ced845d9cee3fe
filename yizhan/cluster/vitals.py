"""The signs of life of a role: /livez, /readyz and /metrics, and its end if it stops committing.

A supervisor (compose, systemd) starts a role again that ended with RESTART.
"""

import os
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
import uvicorn
from confluent_kafka import KafkaException
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.metrics import ROLE_LAG, ROLE_READY
from yizhan.cluster.clients import librdkafka
from yizhan.cluster.lag import Onlooker, Place, Progress
from yizhan.cluster.settings import ClusterSettings

RESTART: Final = 75
"""Exit code of a role that must be started again (EX_TEMPFAIL)."""
UNAVAILABLE: Final = 503
LOG: Final = structlog.get_logger(__name__)


@dataclass
class Vitals:
    """What is known of a role now. `settled`: it has its partitions and its state; `lag` None: not known yet."""

    role: str
    ready_lag: int
    settled: Callable[[], bool]
    lag: int | None = None
    stalled: float = field(default=0.0)

    def lacks(self) -> str:
        """Why the role is not ready; empty if it is."""
        if not self.settled():
            return "partitions are being dealt out or states recovered"
        if self.lag is None:
            return "the brokers have not told the lag yet"
        return f"{self.lag} records behind, at most {self.ready_lag} are in bounds" if self.lag > self.ready_lag else ""


def routes(vitals: Vitals) -> FastAPI:
    """The three pages."""
    pages = FastAPI(title="yizhan", docs_url=None, redoc_url=None, openapi_url=None)

    @pages.get("/livez")
    def livez() -> dict[str, Any]:
        return {"role": vitals.role, "alive": True, "seconds_without_commit": round(vitals.stalled, 1)}

    @pages.get("/readyz")
    def readyz(response: Response) -> dict[str, Any]:
        lacks = vitals.lacks()
        response.status_code = UNAVAILABLE if lacks else 200
        return {"role": vitals.role, "ready": not lacks, "lag": vitals.lag, "cause": lacks}

    @pages.get("/metrics")
    def metrics() -> Response:
        ROLE_READY.labels(vitals.role).set(not vitals.lacks())
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return pages


@contextmanager
def watched(
    role: str, group: str, settings: ClusterSettings, mine: Callable[[], Collection[Place]], settled: Callable[[], bool]
) -> Iterator[Vitals]:
    """Answer and watch for as long as the block runs. `mine`: the places the role reads now."""
    vitals = Vitals(role, settings.ready_lag, settled)
    stop = threading.Event()
    watch = threading.Thread(target=_guarded, args=(vitals, group, settings, mine, stop), daemon=True)
    with answering(vitals, settings):
        watch.start()
        try:
            yield vitals
        finally:
            stop.set()


@contextmanager
def answering(vitals: Vitals, settings: ClusterSettings) -> Iterator[None]:
    """Serve the pages from a thread."""
    listening = socket.create_server((settings.health_host, settings.health_port))
    LOG.info("answering", role=vitals.role, port=listening.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(routes(vitals), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=5)


def _guarded(vitals: Vitals, *more: Any) -> None:  # noqa: ANN401  # as _watch
    """A role that nobody watches must not go on."""
    try:
        _watch(vitals, *more)
    except BaseException:
        LOG.exception("the watch ended: ending", role=vitals.role)
        os._exit(RESTART)


def _watch(
    vitals: Vitals,
    group: str,
    settings: ClusterSettings,
    mine: Callable[[], Collection[Place]],
    stop: threading.Event,
) -> None:
    onlooker, progress = Onlooker(librdkafka(settings)), Progress()
    while not stop.wait(settings.check_seconds):
        try:
            standing = onlooker.standing(group, places) if (places := set(mine())) else None
        except KafkaException as fault:
            LOG.warning("the brokers don't tell the lag", cause=str(fault))
            progress.begin_anew()  # without brokers nobody could commit
            continue
        vitals.lag = standing.lag if standing else 0
        vitals.stalled = progress.age(standing) if standing and vitals.settled() else 0.0
        ROLE_LAG.labels(vitals.role).set(vitals.lag)
        if vitals.stalled > settings.stall_seconds:
            _end(vitals)


def _end(vitals: Vitals) -> None:
    """End the process from outside its loop, which may hang; nothing that was not committed is lost by it."""
    LOG.error("nothing committed: ending", role=vitals.role, seconds=round(vitals.stalled), lag=vitals.lag)
    os._exit(RESTART)
