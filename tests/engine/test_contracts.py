"""The names of aiokafka and Faust that are not promised to anybody, and that the engine leans on."""

# ruff: noqa: SLF001, ANN401  # private names of untyped drivers are the subject

import asyncio
import inspect
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder, MessageBatch
from aiokafka.record import memory_records
from aiokafka.structs import TopicPartition
from faust.app import App
from faust.tables.recovery import Recovery
from faust.transport import consumer as faust_consumer
from faust.transport.drivers import aiokafka as driver

from stream_jobs.engine import build_app
from tests.engine.broker import PARTITIONS, Broker
from tests.engine.job import KeySets

CHECKED = (True, fetcher.READ_UNCOMMITTED)
"""The last two arguments of PartitionRecords."""


def source(of: Any) -> str:
    return inspect.getsource(getattr(of, "fun", of))


def test_the_versions_are_the_ones_the_engine_was_written_for() -> None:
    assert aiokafka.__version__ == "0.14.0"
    assert faust.__version__ == "0.15.3"


def test_aiokafka_hands_records_over_without_a_pause(broker: Broker) -> None:
    """The positions read just before are those of the records: taking them suspends nowhere."""
    broker.touch("contract.fetch")
    broker.produce("contract.fetch", [(b"k", b"%d" % n) for n in range(3)])

    async def main() -> None:
        consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=broker.address, auto_offset_reset="earliest")
        await consumer.start()
        try:
            tps = [TopicPartition("contract.fetch", partition) for partition in range(PARTITIONS)]
            consumer.assign(tps)
            inner = consumer._fetcher
            while not inner._records:
                await asyncio.wait_for(inner._create_fetch_waiter(), 5)
            assert inner._subscriptions.reassignment_in_progress is False
            (tp, result), *_ = inner._records.items()
            assert type(result) is fetcher.FetchResult
            fetched = result._partition_records
            assert result.has_more()
            assert fetched.next_fetch_offset == 0
            taking = inner.fetched_records(frozenset(tps), 0, None)
            with pytest.raises(StopIteration) as end:
                taking.send(None)
            assert len(end.value.value[tp]) == 3
            assert fetched.next_fetch_offset == 3
        finally:
            await consumer.stop()

    asyncio.run(main())


def test_aiokafka_wraps_what_it_fetched_in_a_class_that_can_be_another_one() -> None:
    """The one in Python keeps the bytes; what stands in its place is looked for when the first record is asked for."""
    assert "MemoryRecords(part_data[-1])" in source(fetcher.Fetcher._proc_fetch_request)
    assert "self._buffer = bytes_data" in source(memory_records._MemoryRecordsPy.__init__)
    records = fetcher.PartitionRecords(
        TopicPartition("t", 0), memory_records._MemoryRecordsPy(b""), None, 0, None, None, *CHECKED
    )
    records._records = memory_records._MemoryRecordsPy(b"")
    assert list(records) == []
    assert "records = self._records" in source(fetcher.PartitionRecords._unpack_records)


def test_aiokafka_asks_of_a_batch_what_a_built_one_answers() -> None:
    made = {"_relative_offset", "_buffer", "_closed"}
    assert made < set(BatchBuilder.__init__.__code__.co_names)
    assert "if self._buffer is None" in source(BatchBuilder._build)
    assert "return self._builder._build()" in source(MessageBatch.get_data_buffer)


@pytest.mark.parametrize("bound", ["fetch_max_wait_ms", "fetch_min_bytes"])
def test_the_bounds_of_a_fetch_are_taken_from_the_consumer_when_it_starts(bound: str) -> None:
    assert f"self._{bound} = {bound}" in source(aiokafka.AIOKafkaConsumer.__init__)
    assert f"{bound}=self._{bound}" in source(aiokafka.AIOKafkaConsumer.start)


def test_aiokafka_waits_until_asked_for_the_groups_errors() -> None:
    push = source(GroupCoordinator._push_error_to_user)
    assert "self._error_consumed_fut = create_future()" in push
    assert "self._error_consumed_fut.set_result(None)" in source(GroupCoordinator.check_errors)
    assert "check_errors" not in source(driver)


def test_fausts_consumer_calls_what_the_engine_overrides() -> None:
    base = faust_consumer.Consumer
    assert "self._new_offset(tp)" in source(base._filter_committable_offsets)
    assert "for tp in self._acked" in source(base._filter_tps_with_pending_acks)
    assert "await self.app.producer.flush()" in source(base._commit_offsets)
    assert "self._committed_offset.update(committed_offsets)" in source(base.perform_seek)
    assert "await self._add_gap(" in source(base._drain_messages)
    assert "to_message = self._to_message" in source(base.getmany)
    assert "_new_consumer_thread()" in source(faust_consumer.ThreadDelegateConsumer.__init__)
    assert {"_gap", "_acked", "_acked_index"} <= set(base.__annotations__)


def test_fausts_thread_calls_what_the_engine_overrides() -> None:
    thread = driver.AIOKafkaConsumerThread
    assert "self._fetch_records" in source(thread.getmany)
    assert "self._create_worker_consumer(transport)" in source(thread._create_consumer)
    assert list(inspect.signature(thread._fetch_records).parameters) == [
        "self", "consumer", "active_partitions", "timeout", "max_records",
    ]  # fmt: skip
    assert "self.rebalancing_count += 1" in source(App.on_rebalance_start)
    assert "thread.app.on_rebalance_start()" in source(driver.ConsumerRebalanceListener)


def test_fausts_app_calls_what_the_engine_overrides() -> None:
    assert "on_error=self._on_agent_error" in source(App.agent)
    assert "self._create_directories()" in source(App.on_first_start)
    assert "_consumer" in App.__annotations__


def test_fausts_recovery_asks_the_store_and_swallows_what_it_raises() -> None:
    assert "table.persisted_offset(tp)" in source(Recovery._add)
    assert "await consumer.highwaters(*tps)" in source(Recovery._build_highwaters)
    assert "Error in recovery" in source(Recovery._slurp_changelogs)


def test_aiokafkas_producer_takes_built_batches() -> None:
    assert list(inspect.signature(aiokafka.AIOKafkaProducer.send_batch).parameters) == [
        "self", "batch", "topic", "partition",
    ]  # fmt: skip
    assert "_producer" in driver.Producer.__annotations__
    assert "_producer" in source(driver.Producer._ensure_producer)


def test_the_settings_that_keep_an_app_quiet_and_safe() -> None:
    async def main() -> None:
        app = build_app("settings", "one:9092,kafka://two:9093", partitions=6, web_enabled=False)
        table = app.state_table("sets", KeySets)
        conf = app.conf
        assert [str(url) for url in conf.broker] == ["batch://one:9092", "batch://two:9093"]
        assert table.changelog == "settings-sets-changelog"
        assert (conf.topic_allow_declare, conf.topic_disable_leader, conf.web_enabled) == (False, True, False)
        assert (conf.producer_acks, conf.consumer_auto_offset_reset) == (-1, "earliest")
        assert conf.stream_wait_empty
        assert app.producer.acks == -1
        assert app.tables["sets"].recovery_buffer_size == 2

    asyncio.run(main())


def test_a_standby_without_recovery_is_refused() -> None:
    with pytest.raises(ValueError, match="standby"):
        build_app("standby", "one:9092", partitions=1, standby_replicas=1, recover=False)


def test_confluents_murmur2_and_aiokafkas_partitioner_agree(broker: Broker) -> None:
    """Else the scans of one waybill would meet in several states."""
    broker.touch("contract.partitions")
    keys = [b"issuer:%d" % number for number in range(500)]
    written = broker.produce("contract.partitions", [(key, b"v") for key in keys])
    partitions = list(range(PARTITIONS))
    partitioner = DefaultPartitioner()

    assert len(written) == 500
    assert {message.partition() for message in written} == set(partitions)
    for message in written:
        assert message.partition() == partitioner(message.key(), partitions, partitions)


def test_confluents_default_partitioner_does_not_agree(broker: Broker) -> None:
    """The trap is real: this is what `partitioner=murmur2_random` is for."""
    broker.touch("contract.crc")
    written = broker.produce("contract.crc", [(b"issuer:%d" % n, b"v") for n in range(50)], partitioner="consistent")
    partitions = list(range(PARTITIONS))
    partitioner = DefaultPartitioner()

    assert any(message.partition() != partitioner(message.key(), partitions, partitions) for message in written)
