"""The sink as a role: scans, lifecycles, alerts and dead letters into ClickHouse.

Order: 1 write rows, 2 confirm, 3 commit offsets (the reading loop, after `take` returned). While a piece of a batch is
written the next one is decoded.
"""

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import structlog
from tenacity import RetryCallState, retry, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from schemas.blobs import Blobs, behind
from schemas.contracts import Contracts
from schemas.log.batch import RecordBatch
from schemas.metrics import SCAN_TO_STORED, WRITE_FAILED, WRITTEN
from schemas.topics import ALERTS, DEAD_LETTER, LIFECYCLE
from sinks.clickhouse.store import StoreError
from sinks.clickhouse.writer import Kind, Writer
from sinks.newest import begin_so, newest

GROUP: Final = "yizhan-sink"
BYTES_A_PIECE: Final = 48 << 20
"""Of messages, in one insert: a client holds what becomes of them several times over."""
LONGEST_PAUSE: Final = 5.0
LOG: Final = structlog.get_logger(__name__)


class Undecodable(RuntimeError):
    """A record of our own topics that is no such record: nothing may be committed past it."""


class SinkRole:
    """Takes batches of our own topics.

    `patience`: for how many seconds a write that ClickHouse did not confirm is tried again, at growing distances;
    a write tried twice is one row to every reader.
    """

    def __init__(self, writer: Writer, spoken: Contracts, patience: float = 0) -> None:
        self._write = retry(
            retry=retry_if_exception_type(StoreError),
            stop=stop_after_delay(patience),
            wait=wait_exponential_jitter(multiplier=0.1, max=LONGEST_PAUSE),
            before_sleep=_failed,
            reraise=True,
        )(writer.write)
        self._codecs = {
            **{topic: (Kind.SCANS, codec) for topic, codec in spoken.scans.items()},
            LIFECYCLE.name: (Kind.LIFECYCLES, spoken.lifecycles),
            ALERTS.name: (Kind.ALERTS, spoken.alerts),
            DEAD_LETTER.name: (Kind.DEAD_LETTERS, spoken.letters),
        }
        self._heads = begin_so({known: json.loads(text) for known, text in spoken.lifecycles.allowed.items()})

    def take(self, batches: Sequence[RecordBatch]) -> None:
        """Write a batch and return once ClickHouse has confirmed it; what is raised may leave a part written."""
        values: dict[str, list[Blobs]] = defaultdict(list)
        for batch in batches:
            values[batch.topic].append(Blobs.of(batch.values))
        pieces = (piece for topic, some in values.items() for piece in self._pieces(str(topic), some))
        written = []
        with ThreadPoolExecutor(1) as decoding:
            ahead = decoding.submit(next, pieces, None)
            while (piece := ahead.result()) is not None:
                ahead = decoding.submit(next, pieces, None)
                self._write([piece])
                written.append(piece)
        _count(written)

    def _pieces(self, topic: str, values: list[Blobs]) -> Iterator[tuple[Kind, pa.RecordBatch]]:
        kind, codec = self._codecs[topic]
        [records] = behind(values)
        if kind is Kind.LIFECYCLES:
            records = records.take(newest(records, self._heads))
        for piece in _parts(records):
            decoded = codec.decode(piece)
            # what can't be read of scans.* the timelines job dead-letters; the sink leaves it out
            if decoded.refused and kind is not Kind.SCANS:
                raise Undecodable(f"{topic}: {decoded.refused[0][1]}")
            yield kind, decoded.rows


def _parts(records: Blobs) -> Iterator[Blobs]:
    """As few as BYTES_A_PIECE allows, about as many records in each."""
    many = math.ceil(len(records) / max(math.ceil(records.size / BYTES_A_PIECE), 1))
    return (records[at : at + many] for at in range(0, len(records), many))


def _failed(state: RetryCallState) -> None:
    WRITE_FAILED.inc()
    cause = state.outcome.exception() if state.outcome else None
    LOG.warning("ClickHouse did not confirm, trying again", attempt=state.attempt_number, cause=str(cause))


def _count(written: Sequence[tuple[Kind, pa.RecordBatch]]) -> None:
    now = time.time()
    for kind, rows in written:
        WRITTEN.labels(kind.value).inc(rows.num_rows)
        if kind is Kind.SCANS and rows.num_rows:
            oldest = pc.min(rows["received_at"].cast(pa.int64())).as_py()
            SCAN_TO_STORED.observe(max(now - oldest / 1000, 0))
