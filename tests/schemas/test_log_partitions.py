"""Keys go where aiokafka's partitioner sends them, which a contract test holds against librdkafka's."""

from aiokafka.partitioner import murmur2
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.blobs import Blobs
from schemas.log.partitions import partitions_of


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 200))
def test_keys_go_where_aiokafka_sends_them(keys: list[bytes], count: int) -> None:
    assert partitions_of(Blobs.of(keys), count).tolist() == [(murmur2(key) & 0x7FFFFFFF) % count for key in keys]
