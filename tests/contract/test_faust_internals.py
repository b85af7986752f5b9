"""What the batch transport relies on in faust-streaming, mode-streaming and aiokafka; an upgrade that breaks it fails here.

That no event is lost or doubled by it is proven on a real Kafka in tests/e2e/test_fanout.py.
"""

import inspect
from importlib.metadata import version

import faust
import mode
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from faust.transport import base, consumer
from faust.transport.drivers import aiokafka as driver
from faust.types import ConsumerMessage

from router.kafka.batch_transport import BatchApp, BatchConsumer, BatchConsumerThread, Hooks, batch_topic


@pytest.mark.parametrize(
    ("package", "pinned"), [("faust-streaming", "0.15.3"), ("mode-streaming", "0.7.1"), ("aiokafka", "0.14.0")]
)
def test_versions_are_the_ones_that_were_read(package, pinned):
    assert version(package) == pinned


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (consumer.Consumer, "_drain_messages"),
        (consumer.Consumer, "_wait_next_records"),
        (consumer.Consumer, "perform_seek"),
        (consumer.Consumer, "on_partitions_revoked"),
        (consumer.Consumer, "on_buffer_full"),
        (consumer.Consumer, "on_buffer_drop"),
        (driver.Consumer, "_new_consumer_thread"),
        (driver.AIOKafkaConsumerThread, "_create_worker_consumer"),
        (driver.AIOKafkaConsumerThread, "_ensure_consumer"),
        (driver.AIOKafkaConsumerThread, "call_thread"),
        (faust.App, "_new_transport"),
        (mode.Service, "_crash"),
        (AIOKafkaProducer, "create_batch"),
        (AIOKafkaProducer, "send_offsets_to_transaction"),
        (AIOKafkaConsumer, "highwater"),
    ],
)
def test_what_is_overridden_or_called_exists(owner, name):
    assert callable(getattr(owner, name))


def test_the_pump_is_where_the_fetcher_looks_for_it():
    assert "consumer._drain_messages(self)" in inspect.getsource(consumer.Fetcher._fetcher.fun)  # noqa: SLF001
    assert base.Transport.Fetcher is consumer.Fetcher


def test_streams_resume_only_after_a_seek():
    from faust.tables.recovery import Recovery  # noqa: PLC0415 (private, so named where it is looked into)

    source = inspect.getsource(Recovery._resume_streams)  # noqa: SLF001
    assert source.index("perform_seek()") < source.index("consumer.resume_flow()")


def test_the_generation_is_set_before_partitions_are_assigned():
    source = inspect.getsource(driver.ConsumerRebalanceListener.on_partitions_assigned)
    assert source.index("consumer_generation_id = generation") < source.index("on_partitions_assigned(ensure_TPset")


def test_a_batch_builder_takes_headers_as_a_list():
    parameters = inspect.signature(BatchBuilder.append).parameters
    assert {"timestamp", "key", "value", "headers"} <= parameters.keys()


async def test_an_app_uses_the_batch_consumer_and_its_bounded_queue(tmp_path):
    async def nothing(*_arguments):
        pass

    app = BatchApp("contract", broker="kafka://127.0.0.1:1", web_enabled=False, datadir=str(tmp_path))
    app.hooks = Hooks(quiesce=nothing, fence=nothing)
    app.bootstrap_servers = "127.0.0.1:1"
    topic = batch_topic(app, "workspace.events", queue_size=3)
    app.finalize()
    assert isinstance(app.batch_consumer, BatchConsumer)
    assert isinstance(app.batch_consumer.thread, BatchConsumerThread)
    assert topic.maxsize == 3
    message = ConsumerMessage(
        "workspace.events", 0, 9, 0.0, 0, None, None, ["records"], None, 0, 0, None, generation_id=4
    )
    decode = topic.schema.compile(app)
    event = await decode(message)
    assert (event.value, event.message.generation_id) == (["records"], 4)


def test_a_consumer_stays_where_it_is_when_nothing_is_committed():
    assert "if offset and offset > 0:" in inspect.getsource(AIOKafkaConsumer.seek_to_committed)
    source = inspect.getsource(consumer.Consumer.perform_seek)
    assert source.index("seek_to_committed()") < source.index("read_offset.update")
