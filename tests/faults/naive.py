"""A role with the cure of one trap taken out, or with a harm put in: `python -m tests.faults.naive TRAP ROLE`.

Each function is the naive twin of a cure (docs/decisions/0016-traps.md). Harms happen a few times: the file that
YIZHAN_HARM names says how often they have.
"""

import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import faust
import numpy as np
from mode import OneForOneSupervisor

import schemas.kafka
import schemas.log.sending
import stream_jobs.app
from schemas.blobs import Blobs
from schemas.reader import Reader
from stream_jobs.engine import BatchApp
from stream_jobs.engine.producer import BatchProducer, Outgoing
from stream_jobs.job import TimelineJob
from stream_jobs.timeline import union

# ruff: noqa: SLF001, ANN401  # what is private is what is taken out

DEATH: Final = 9
DEATHS: Final = 6


def swap(where: Any, name: str, new: Any) -> Any:
    """Put something else in place of a name; gives what was there."""
    old = getattr(where, name)
    setattr(where, name, new)
    return old


def again(times: int) -> bool:
    """Whether the harm is still to be done, which happens so many times; once more it is done now."""
    path = Path(os.environ["YIZHAN_HARM"])
    done = path.stat().st_size if path.exists() else 0
    if done >= times:
        return False
    with path.open("ab") as file:
        file.write(b".")
    return True


def fault_in_a_batch() -> None:
    """Harm: the job fails on one batch, as by a passing fault of the machine."""

    def failing(self: TimelineJob, *given: Any) -> Any:
        if again(1):
            raise LookupError("a passing fault")
        return scans(self, *given)

    scans = swap(TimelineJob, "scans", failing)


def death_between_outputs_and_state() -> None:
    """Harm: the process dies when the first half of what a batch sends is acknowledged."""

    async def dying(self: BatchProducer, out: Outgoing) -> Any:
        changelog = out.topic.endswith("changelog")
        if changelog is not _state_first and out.records.size and _acknowledged and again(DEATHS):
            os._exit(DEATH)
        done = await send(self, out)
        if changelog is _state_first and out.records.size:
            _acknowledged.append(out.topic)
        return done

    send = swap(BatchProducer, "_send", dying)


_acknowledged: list[str] = []
_state_first = False


def fault_is_acknowledged() -> None:
    """Faust's own way with an exception in an agent: acknowledge, start the agent again, go on."""
    fault_in_a_batch()
    swap(BatchApp, "_on_agent_error", faust.App._on_agent_error)

    def restarting(*given: Any, **settings: Any) -> BatchApp:
        found: BatchApp = build(*given, **settings, agent_supervisor=OneForOneSupervisor)
        return found

    build = swap(stream_jobs.app, "build_app", restarting)


def state_before_outputs() -> None:
    """The changelog first, then the outputs; and death between the two."""
    global _state_first  # noqa: PLW0603
    _state_first = True
    in_order = BatchProducer._in_order

    async def reversed_order(self: BatchProducer, outputs: list[Outgoing], changelog: Outgoing, previous: Any) -> Any:
        done = await in_order(self, [], changelog, previous)
        for out in outputs:
            await self._send(out)
        return done

    in_order = swap(BatchProducer, "_in_order", reversed_order)
    death_between_outputs_and_state()


def librdkafkas_own_partitioner() -> None:
    """CRC32, where Java, aiokafka and Faust have murmur2."""

    def careless(config: dict[str, Any]) -> Any:
        return producer({**config, "partitioner": "consistent_random"})

    def by_crc32(keys: Blobs, count: int) -> Any:
        return np.array([zlib.crc32(key or b"") % count for key in keys])

    producer: Any = swap(schemas.kafka, "Producer", careless)
    swap(schemas.log.sending, "partitions_of", by_crc32)


def keys_by_pythons_hash() -> None:
    """As Faust's confluent driver: another partition in every process."""
    swap(stream_jobs.app, "partitions_of", lambda keys, count: np.array([hash(key) % count for key in keys]))


def scans_are_counted() -> None:
    """A state that adds where it should join: what is read again counts again."""
    swap(union, "distinct", lambda rows, owner: union.in_order(rows, owner.astype(np.int64)))


def state_is_not_recovered() -> None:
    """A worker that begins with nothing."""

    def forgetful(*given: Any, **settings: Any) -> BatchApp:
        found: BatchApp = build(*given, **(settings | {"recover": False, "standby_replicas": 0}))
        return found

    build = swap(stream_jobs.app, "build_app", forgetful)


def commit_before_write() -> None:
    """The sink commits what it has read, then writes it."""

    def careless(self: Reader, take: Callable[[list[Any]], None]) -> None:
        self._keep_place()
        found, _ = self._feed.next(0.02, 1000, 1000, 1 << 20)
        if batches := [batch for batch in found if self._follows(batch)]:
            self._commit()
            take(batches)

    swap(Reader, "_one", careless)


TWINS: Final[dict[str, Callable[[], None]]] = {
    twin.__name__: twin
    for twin in (
        fault_in_a_batch,
        fault_is_acknowledged,
        death_between_outputs_and_state,
        state_before_outputs,
        librdkafkas_own_partitioner,
        keys_by_pythons_hash,
        scans_are_counted,
        state_is_not_recovered,
        commit_before_write,
    )
}


if __name__ == "__main__":
    TWINS[sys.argv.pop(1)]()
    from yizhan.cli import main

    main()
