"""Faust's app over the batch transport: configured once, and ending when anything goes wrong."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import faust
from faust.types import AgentT, StreamT, TopicT
from mode import CrashingSupervisor

from schemas.log.build import BATCH_BYTES
from stream_jobs.engine.memory import GIVE_BACK_SECONDS, give_back
from stream_jobs.engine.store import PartitionState
from stream_jobs.engine.table import BatchTable
from stream_jobs.engine.transport import SCHEME, STATE_SCHEME, register
from stream_jobs.engine.waiting import BOUNDS, StepBounds, whole

S = TypeVar("S", bound=PartitionState)

STORE: Final = f"{STATE_SCHEME}://state"
BUFFERED_MESSAGES: Final = 1024
"""More than ever wait: their bytes are bounded (StepBounds), or messages of some partitions would keep those of others
from coming along with their own."""
FETCH_BYTES: Final = 4 << 20
RECOVERY_BUFFER: Final = 2
"""One means to Faust that the worker goes on reading its own changelog."""
ALWAYS: Final[dict[str, Any]] = {
    "key_serializer": "raw",
    "value_serializer": "raw",
    "processing_guarantee": "at_least_once",
    "topic_allow_declare": False,
    "topic_disable_leader": True,
    "web_enabled": False,
    "stream_buffer_maxsize": BUFFERED_MESSAGES,
    "stream_wait_empty": True,  # work in hand ends, and is committed, before partitions go
    "consumer_auto_offset_reset": "earliest",
    "consumer_max_fetch_size": FETCH_BYTES,
    "producer_acks": -1,
    "producer_max_batch_size": BATCH_BYTES,
    "producer_request_timeout": 60.0,
    "agent_supervisor": CrashingSupervisor,
}
"""Settings of Faust that batches need, or that its traps call for (docs/decisions/0016-traps.md)."""


class BatchApp(faust.App):
    """A Faust app whose messages are record batches and whose faults end the worker."""

    recovers = True
    """Whether states are rebuilt from the changelog when partitions come."""
    bounds = BOUNDS
    """How much of a partition is worked on at once when the worker is behind."""

    def fail(self, reason: BaseException) -> None:
        """End the worker without committing anything more."""
        self._freeze()
        self._failing = asyncio.ensure_future(self.crash(reason))

    def batches(self, *topics: str) -> TopicT:
        """The channel for an agent over these topics, which must have the same number of partitions."""
        return self.topic(*topics, key_serializer="raw", value_serializer="raw")

    def stream(self, *words: Any, **told: Any) -> StreamT[Any]:  # noqa: ANN401  # Faust's own
        """A stream whose values are batches, each with all that waited behind it."""
        found = super().stream(*words, **told)
        found.add_processor(whole)
        return found

    def state_table(self, name: str, factory: Callable[[int], S]) -> BatchTable[S]:
        """The app's table: `factory` makes the empty state of a partition."""
        if self.tables:
            raise ValueError("one table an app: Faust can recover into the wrong one of several")
        table = self.Table(
            name,
            store=STORE,
            key_type=bytes,
            value_type=bytes,
            partitions=self.conf.topic_partitions,
            recovery_buffer_size=RECOVERY_BUFFER,
            options={"factory": factory},
        )
        return BatchTable(self, table)

    def _freeze(self) -> None:
        if self._consumer is not None:
            self._consumer.freeze()  # type: ignore[attr-defined]  # the batch transport's

    async def _on_agent_error(self, agent: AgentT[Any], exc: BaseException) -> None:
        """Faust would acknowledge the batch, commit it and start the agent again."""
        self._freeze()
        self.log.error("Agent %s failed: %r", agent.name, exc)
        await self.crash(exc)

    async def on_stop(self) -> None:
        """Let work in hand end and commit it; then nothing more: cancelled agents acknowledge unfinished work."""
        if self.crashed:
            self._freeze()  # the consumer's thread answers no more
        try:
            await super().on_stop()
        except Exception:
            self.log.exception("Stopping without a last commit")  # raised on, no service would be stopped
        self._freeze()

    def _create_directories(self) -> None:
        """None: nothing is kept on disk."""


def build_app(
    name: str,
    broker_url: str,
    *,
    partitions: int,
    commit_interval: float = 0.5,
    standby_replicas: int = 1,
    recover: bool = True,
    bounds: StepBounds = BOUNDS,
    **settings: object,
) -> BatchApp:
    """An app over the batch transport.

    `broker_url`: `host:port`, several with commas. `partitions`: of every topic the app joins, and its changelog.
    `recover=False`: states come from elsewhere, changelogs are written but not read. `bounds`: of what is worked
    on at once. `settings`: more of Faust's, such as `broker_credentials`, `ssl_context`, `consumer_max_fetch_size`.
    """
    if standby_replicas and not recover:
        raise ValueError("a standby reads the changelog: standby_replicas needs recover")
    register()
    told: dict[str, Any] = {
        "broker": [f"{SCHEME}://{address.split('://')[-1]}" for address in broker_url.split(",")],
        "topic_partitions": partitions,
        "broker_commit_interval": commit_interval,
        "table_standby_replicas": standby_replicas,
    }
    app = BatchApp(name, **(ALWAYS | told | settings))
    app.recovers, app.bounds = recover, bounds
    app.timer(GIVE_BACK_SECONDS, name="memory")(_spared)
    return app


async def _spared() -> None:
    give_back()
