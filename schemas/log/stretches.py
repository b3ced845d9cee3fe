"""What aiokafka has fetched, as one `RecordBatch` for each partition's stretch of the log."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.structs import ConsumerRecord, TopicPartition

from schemas.log.batch import RecordBatch
from schemas.log.records import OFFSET, STAMP, parted
from schemas.log.whole import WholeBatch, make_whole, placed

Ready = dict[TopicPartition, tuple[Any, int]]
Drained = Mapping[Any, Sequence[ConsumerRecord[None, WholeBatch]]]


class Stretches:
    """Cuts what is drained into stretches that touch, control records and what compaction left of them included."""

    def __init__(self) -> None:
        self._passed: dict[tuple[TopicPartition, int], int] = {}

    def ready(self, fetcher: Fetcher) -> Ready:
        """What has been fetched of each partition, to be read by whole batches, and the offset it begins at.

        Nothing may be awaited between this and taking the records: so a batch knows exactly where its stretch begins.
        """
        found = {
            tp: (result._partition_records, result._partition_records.next_fetch_offset)  # noqa: SLF001
            for tp, result in fetcher._records.items()  # noqa: SLF001
            if type(result) is FetchResult and result.has_more()
        }
        for partition_records, _ in found.values():
            make_whole(partition_records)
        return found

    def cut(self, ready: Ready, drained: Drained) -> dict[TopicPartition, RecordBatch]:
        """The stretches of what was drained."""
        batches: dict[TopicPartition, RecordBatch] = {}
        for tp, (partition_records, begin) in ready.items():
            end = partition_records.next_fetch_offset
            if end == begin:
                continue
            begin = self._passed.pop((tp, begin), begin)  # noqa: PLW2901  # it began earlier, without records
            if records := drained.get(tp):
                batches[tp] = batch_of(records, begin, end)
            else:
                self._passed[tp, end] = begin
        return batches


async def more(fetcher: Fetcher, patience: float) -> bool:
    """Whether something was fetched within `patience` seconds."""
    if patience <= 0:
        return False
    try:
        await asyncio.wait_for(fetcher._create_fetch_waiter(), patience)  # noqa: SLF001
    except TimeoutError:
        return False
    return True


def batch_of(records: Sequence[ConsumerRecord[None, WholeBatch]], begin: int, end: int) -> RecordBatch:
    """One batch from the record batches of the stretch `begin` to `end`; the first may have begun before it."""
    first = records[0]
    data, places = placed([record.value for record in records if record.value is not None])
    places = places[np.searchsorted(places[:, OFFSET], begin) :]
    keys, values = parted(data, places)
    offsets = () if len(places) == end - begin else places[:, OFFSET].tolist()
    return RecordBatch(first.topic, first.partition, keys, values, begin, end, offsets, places[:, STAMP])
