"""Record batches read whole: against aiokafka's own reader, whatever wrote them and however they were packed."""

# ruff: noqa: ANN401  # a private class of aiokafka is what reads them

from typing import Any

import crc32c
import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException, UnsupportedVersionError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from aiokafka.structs import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.log.stretches import batch_of
from schemas.log.whole import HEAD, UNPACK, WholeBatch, make_whole
from stream_jobs.engine import RecordBatch

CHECKED = True
PLACE = TopicPartition("source", 1)
Pair = tuple[bytes | None, bytes | None]
SOME = st.none() | st.binary(max_size=300)
PAIRS = st.lists(st.tuples(SOME, SOME), min_size=1, max_size=40)


def written(pairs: list[Pair], base: int = 0, packing: int = 0, **flags: Any) -> bytes:
    """A record batch as aiokafka writes it, with headers on every third record."""
    told = {"is_transactional": 0, "producer_id": -1, **flags}
    made = DefaultRecordBatchBuilder(2, packing, producer_epoch=0, base_sequence=0, batch_size=1 << 20, **told)
    for number, (key, value) in enumerate(pairs):
        headers = [("kind", b"x" * number)] if number % 3 == 0 else []
        assert made.append(number, 1000 + number, key, value, headers)
    data = bytearray(made.build())
    data[:8] = base.to_bytes(8)
    return bytes(data)


def fetched(data: bytes, begin: int = 0, aborted: Any = None, level: int = READ_UNCOMMITTED) -> PartitionRecords:
    return PartitionRecords(PLACE, _MemoryRecordsPy(data), aborted, begin, None, None, CHECKED, level)


def read(data: bytes, begin: int = 0, aborted: Any = None, level: int = READ_UNCOMMITTED) -> RecordBatch | None:
    """As the consumer thread reads a fetch."""
    records = fetched(data, begin, aborted, level)
    make_whole(records)
    found = list(records)
    return batch_of(found, begin, records.next_fetch_offset) if found else None


def as_aiokafka(data: bytes, begin: int = 0) -> tuple[list[Pair], list[int], int]:
    records = PartitionRecords(PLACE, MemoryRecords(data), None, begin, None, None, CHECKED, READ_UNCOMMITTED)
    found = list(records)
    return [(r.key, r.value) for r in found], [r.offset for r in found], records.next_fetch_offset


def pairs_of(batch: RecordBatch) -> list[Pair]:
    return list(zip(batch.keys, batch.values, strict=True))


@settings(deadline=None)  # the first call compiles
@given(st.lists(PAIRS, min_size=1, max_size=4), st.sampled_from([0, *UNPACK]), st.integers(0, 30))
def test_records_are_those_aiokafka_reads(batches: list[list[Pair]], packing: int, begin: int) -> None:
    """Nulls, headers, every compression, several batches in a fetch, and a fetch that starts inside of one."""
    base, data = 0, b""
    for pairs in batches:
        data += written(pairs, base, packing)
        base += len(pairs)
    begin = min(begin, len(batches[0]) - 1)

    found = read(data, begin)

    pairs, offsets, end = as_aiokafka(data, begin)
    assert found is not None
    assert pairs_of(found) == pairs
    assert [found.offset(number) for number in range(len(found))] == offsets
    assert (found.first_offset, found.next_offset) == (begin, end)


def test_a_fetch_that_ends_inside_a_batch_gives_the_whole_ones() -> None:
    data = written([(b"a", b"1")]) + written([(b"b", b"2")], 1)
    found = read(data[:-3])
    assert found is not None
    assert (pairs_of(found), found.next_offset) == ([(b"a", b"1")], 1)


@pytest.mark.parametrize("spot", [HEAD.size + 3, 24, 60], ids=["in a record", "in the attributes", "in the count"])
def test_a_flipped_bit_is_noticed(spot: int) -> None:
    data = bytearray(written([(b"key", b"value")]))
    data[spot] ^= 4
    with pytest.raises(CorruptRecordException):
        read(bytes(data))


@pytest.mark.parametrize("spot", [4, 7], ids=["key", "value"])
def test_a_length_beyond_its_record_is_refused(spot: int) -> None:
    """With a right checksum: a producer's own fault. Record: length, attributes, two deltas, key, value, headers."""
    data = bytearray(written([(b"no", b"ok"), (b"no", b"ok")]))
    first = HEAD.size + data[HEAD.size :].index(b"\x04no") - 4
    assert data[first + spot] == 4
    data[first + spot] = 100
    data[17:21] = crc32c.crc32c(bytes(data[21:])).to_bytes(4)
    with pytest.raises(CorruptRecordException):
        read(bytes(data))


@settings(deadline=None)  # the first call compiles
@given(st.binary(min_size=0, max_size=60), st.integers(-3, 70))
def test_no_bytes_make_the_reader_leave_its_buffer(body: bytes, count: int) -> None:
    """With a right checksum around whatever it is: it is read or refused."""
    head = HEAD.pack(0, 49 + len(body), 0, 2, 0, 0, count - 1, 0, 0, -1, -1, -1, max(count, 0))
    record: Any = WholeBatch(memoryview(head + body))
    record.topic, record.partition = "source", 1
    try:
        found = batch_of([record], 0, max(count, 0))
    except CorruptRecordException:
        return
    assert sum(len(part or b"") for pair in pairs_of(found) for part in pair) <= len(body)


def test_messages_of_before_2017_are_refused_with_what_to_do() -> None:
    data = bytearray(written([(b"key", b"value")]))
    data[16] = 1
    with pytest.raises(UnsupportedVersionError, match="anew"):
        read(bytes(data))


def test_aborted_transactions_and_their_markers_are_left_out() -> None:
    """Aiokafka decides by batch, as ever; the stretch covers what was left out."""
    abort = {"is_transactional": 1, "producer_id": 7}
    marker = bytearray(written([(b"\0\0\0\0", b"\0\0\0\0\0\0")], 4, **abort))
    marker[22] |= 32
    marker[17:21] = crc32c.crc32c(bytes(marker[21:])).to_bytes(4)
    data = written([(b"a", b"1"), (b"a", b"2")], 0, **abort) + written([(b"b", b"3"), (b"b", b"4")], 2) + bytes(marker)

    found = read(data, 0, [(7, 0)], READ_COMMITTED)

    assert found is not None
    assert pairs_of(found) == [(b"b", b"3"), (b"b", b"4")]
    assert [found.offset(number) for number in (0, 1)] == [2, 3]
    assert (found.first_offset, found.next_offset) == (0, 5)


def test_a_batch_emptied_by_compaction_moves_the_position() -> None:
    head = bytearray(written([(b"a", b"1"), (b"a", b"2")]))[: HEAD.size]
    head[57:61] = bytes(4)
    head[8:12] = (49).to_bytes(4)
    head[17:21] = crc32c.crc32c(bytes(head[21:])).to_bytes(4)
    records = fetched(bytes(head))
    make_whole(records)
    assert list(records) == []
    assert records.next_fetch_offset == 2
