"""What fetching and shared batches rely on in aiokafka beyond its documentation; an upgrade that breaks it fails here.

That what is written can be read by others is proven on a real Kafka in tests/e2e/test_fanout.py.
"""

import inspect
import re

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer import fetcher, group_coordinator
from aiokafka.producer import message_accumulator, sender
from aiokafka.producer.message_accumulator import BatchBuilder, MessageBatch
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.protocol import produce
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.struct import Struct
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from faust.transport.drivers import aiokafka as driver

from router.kafka.fetching import KeptRecords
from router.kafka.produce_requests import SAME_FROM_VERSION_3, encoded
from router.kafka.ready_batches import ReadyBatch
from router.kafka.shared_batches import StampedBatch


@pytest.mark.parametrize("batch", [StampedBatch, ReadyBatch])
def test_a_batch_of_ours_has_all_that_the_sender_asks_of_a_builder(batch):
    for used in ("_set_producer_state", "_build", "record_count", "closed", "close", "append"):
        assert callable(getattr(BatchBuilder, used))
        assert callable(getattr(batch, used))
    asked = {
        part.split("(")[0]
        for source in (MessageBatch, message_accumulator.MessageAccumulator)
        for part in inspect.getsource(source).split("_builder.")[1:]
    }
    assert asked <= {"_set_producer_state", "_build", "record_count", "closed", "close", "append"}


def test_the_sender_sets_the_producer_once_and_builds_for_every_attempt():
    popped = inspect.getsource(message_accumulator.MessageAccumulator._pop_batch)  # noqa: SLF001
    assert "if self._txn_manager is not None and not_retry" in popped
    assert "batch.get_data_buffer()" in inspect.getsource(sender.SendProduceReqHandler.create_request)


def test_a_batch_handed_over_waits_until_the_one_before_it_is_taken_and_one_request_is_under_way_at_a_time():
    added = inspect.getsource(message_accumulator.MessageAccumulator.add_batch)
    assert "await pending[-1].wait_drain(timeout=timeout)" in added
    routine = inspect.getsource(sender.Sender._sender_routine)  # noqa: SLF001
    assert "ignore_nodes=self._in_flight" in routine


def test_the_compiled_builder_gives_bytes_that_can_be_changed():
    builder = DefaultRecordBatchBuilder(2, 0, 1, -1, -1, 0, 1000)
    assert builder.append(0, 1, None, b"v", []) is not None
    assert type(builder.build()) is bytearray
    assert builder.__class__.__module__.endswith("_crecords.default_records")


def test_a_full_builder_says_so_and_stays_as_it_was():
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 200)
    builder.append(0, 1, None, b"v" * 100, [])
    before = builder.size()
    assert builder.append(1, 1, None, b"v" * 100, []) is None
    assert builder.size() == before


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (fetcher.PartitionRecords, "_unpack_records"),
        (fetcher.PartitionRecords, "_consume_aborted_up_to"),
        (fetcher.PartitionRecords, "_contains_abort_marker"),
        (fetcher.FetchResult, "getall"),
        (fetcher.Fetcher, "_create_fetch_waiter"),
        (fetcher.Fetcher, "fetched_records"),
        (driver.AIOKafkaConsumerThread, "_fetch_records"),
    ],
)
def test_what_is_overridden_or_called_exists(owner, name):
    assert callable(getattr(owner, name))


def test_records_are_unpacked_only_when_they_are_asked_for():
    assert "self._records_iterator = self._unpack_records()" in inspect.getsource(fetcher.PartitionRecords.__init__)
    assert inspect.isgeneratorfunction(fetcher.PartitionRecords._unpack_records)  # noqa: SLF001
    assert "for msg in self._partition_records" in inspect.getsource(fetcher.FetchResult.getall)


def test_what_was_fetched_is_taken_apart_in_one_place_by_calls_that_ours_has():
    source = inspect.getsource(fetcher)
    assert fetcher.MemoryRecords is KeptRecords
    assert source.count("MemoryRecords(") == source.count("MemoryRecords(part_data[-1])") == 1
    asked = set(re.findall(r"\brecords\.(\w+)\(", source))
    assert asked == {"has_next", "next_batch", "size_in_bytes"}
    assert asked <= set(dir(KeptRecords))


def test_without_a_timeout_the_fetcher_waits_only_for_an_assignment():
    source = inspect.getsource(fetcher.Fetcher.fetched_records)
    before_return = source[: source.index("if drained or not timeout:")]
    assert before_return.count("await ") == 1
    assert "await self._subscriptions.wait_for_assignment()" in before_return


@pytest.mark.filterwarnings("ignore:Exception ignored")
async def test_a_producer_knows_whether_it_is_transactional():
    producers = [AIOKafkaProducer(transactional_id="t"), AIOKafkaProducer(enable_idempotence=True), AIOKafkaProducer()]
    try:
        transactions = [producer._txn_manager for producer in producers]  # noqa: SLF001
    finally:
        for producer in producers:
            await producer.stop()
    assert [known and known.transactional_id for known in transactions] == ["t", None, None]


def test_the_size_of_a_fetch_is_asked_for_anew_each_time():
    source = inspect.getsource(fetcher.Fetcher._get_actions_per_node)  # noqa: SLF001
    assert "self._fetch_max_wait_ms" in source
    assert "self._fetch_min_bytes" in source


def test_a_transaction_is_told_of_its_group_by_one_call_that_pauses_when_kafka_is_not_ready():
    assert "return await handler.do(node_id)" in inspect.getsource(sender.Sender._do_add_offsets_to_txn)  # noqa: SLF001
    done = inspect.getsource(sender.BaseHandler.do)
    assert "await asyncio.sleep(retry_backoff)\n            return False" in done
    answered = inspect.getsource(sender.AddOffsetsToTxnHandler.handle_response)
    assert "txn_manager.consumer_group_added(group_id)" in answered
    assert answered.rstrip().endswith("return self._default_backoff")


def test_a_group_that_is_part_of_the_transaction_is_not_told_of_again():
    source = inspect.getsource(TransactionManager.consumer_group_to_add)
    assert "if self._txn_consumer_group is not None:\n            return None" in source


def test_a_static_member_leaves_when_it_is_made_an_ordinary_one():
    source = inspect.getsource(group_coordinator.GroupCoordinator._maybe_leave_group)  # noqa: SLF001
    assert "self.generation > 0 and self._group_instance_id is None" in source
    assert "LeaveGroupRequest(self.group_id, self.member_id)" in source
    assert "self._maybe_leave_group()" in inspect.getsource(group_coordinator.GroupCoordinator.close)


@pytest.mark.parametrize("transactional_id", ["router-fanout-a-0", None])
@pytest.mark.parametrize("version", SAME_FROM_VERSION_3)
def test_a_produce_request_is_what_aiokafka_makes_of_it(version, transactional_id):
    batches = [(0, b"batch of 0"), (3, bytearray(b"batch of 3"))]
    request = version(transactional_id, -1, 40_000, [("subscriber.größe", batches), ("b", [(1, b"")]), ("none", [])])
    assert request.encode() == encoded(request) == Struct.encode(request)


def test_no_other_produce_request_is_sent():
    assert set(ProduceRequest._CLASSES) - set(SAME_FROM_VERSION_3) == {  # noqa: SLF001
        produce.ProduceRequest_v0,
        produce.ProduceRequest_v1,
        produce.ProduceRequest_v2,
    }
    assert "request_struct.encode()" in inspect.getsource(AIOKafkaConnection.send)
