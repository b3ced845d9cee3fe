"""Records as a reader hands them over, without a broker."""

from collections.abc import Sequence
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import ConsumerRecord

from schemas.log.batch import RecordBatch
from schemas.log.stretches import batch_of
from schemas.log.whole import WholeBatch

Headers = Sequence[tuple[str, bytes | None]]


def fetched(
    topic: str,
    values: Sequence[bytes | None],
    *,
    keys: Sequence[bytes | None] | None = None,
    headers: Headers = (),
    partition: int = 0,
    first: int = 0,
    at: int = 0,
) -> RecordBatch:
    """A stretch of the log from offset `first` on, all records with the same headers and of the instant `at`."""
    told = {"is_transactional": 0, "producer_id": -1, "producer_epoch": -1, "base_sequence": -1}
    made = DefaultRecordBatchBuilder(2, 0, batch_size=1 << 30, **told)
    for number, value in enumerate(values):
        made.append(number, at, None if keys is None else keys[number], value, list(headers))
    whole = WholeBatch(memoryview(first.to_bytes(8) + bytes(made.build())[8:]))
    unknown: dict[str, Any] = dict.fromkeys(("key", "timestamp_type", "checksum", "serialized_key_size"))
    record = ConsumerRecord(
        topic, partition, whole.offset, at, value=whole, serialized_value_size=0, headers=(), **unknown
    )
    return batch_of([record], first, whole.next_offset)
