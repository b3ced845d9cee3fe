"""Record batches built from columns: read by aiokafka's own reader (test_apache_kafka: taken by Kafka)."""

import pyarrow as pa
import pytest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.blobs import Blobs, Records
from schemas.log.build import BATCH_BYTES, MESSAGE_LIMIT, PACK, RecordTooLarge, built

PAIRS = st.lists(st.tuples(st.binary(max_size=200), st.none() | st.binary(max_size=300)), max_size=60)
Pairs = list[tuple[bytes, bytes | None]]


def read(data: memoryview) -> Pairs:
    """As aiokafka reads it, the checksum looked at."""
    records = MemoryRecords(bytes(data))
    found: Pairs = []
    while records.has_next():
        batch = records.next_batch()
        assert batch is not None
        assert batch.validate_crc()
        assert batch.producer_id == -1
        found += [(record.key or b"", record.value) for record in batch]
    return found


@settings(deadline=None)  # the first call compiles
@given(PAIRS, st.sampled_from(list(PACK)))
def test_aiokafka_reads_what_was_built(pairs: Pairs, compression: str | None) -> None:
    batches = list(built(Records.of(pairs), compression))
    assert [pair for batch in batches for pair in read(batch._build())] == pairs  # noqa: SLF001  # as aiokafka's sender does
    assert sum(batch.record_count() for batch in batches) == len(pairs)
    assert all(batch.closed() and batch.append(timestamp=None, key=b"k", value=b"v") is None for batch in batches)


def test_columns_are_sent_as_they_are() -> None:
    """Keys from a list, values from a slice of an Arrow column."""
    values = pa.array([b"zero", b"one", None, b"three"], pa.binary())[1:]
    (batch,) = built(Records(Blobs.of([b"a", b"b", b"c"]), Blobs.of(values)))
    assert read(batch._build()) == [(b"a", b"one"), (b"b", None), (b"c", b"three")]  # noqa: SLF001  # as above


def test_many_records_become_several_batches_below_the_limit_in_order() -> None:
    pairs: Pairs = [(b"%d" % number, b"x" * 100_000) for number in range(25)]
    batches = list(built(Records.of(pairs)))
    assert [batch.record_count() for batch in batches] == [9, 9, 7]
    assert max(batch.size() for batch in batches) < BATCH_BYTES
    assert [pair for batch in batches for pair in read(batch._build())] == pairs  # noqa: SLF001  # as above


def test_one_record_above_the_limit_is_refused() -> None:
    with pytest.raises(RecordTooLarge):
        list(built(Records.of([(b"k", b"x" * MESSAGE_LIMIT)])))
