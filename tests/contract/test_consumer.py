"""A consumer is stopped without Kafka, and what aiokafka does at its end is as it was read."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import NodeNotReadyError

from router.kafka.consumer import KafkaConsumer
from tests.waiting import until


class AbsentKafka:
    """What a fetcher asks of a client, when the broker is away."""

    _metadata_max_age_ms = 1000

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self.asked = self.closed = False

    async def send(self, _node, _request):
        self.asked = True
        raise NodeNotReadyError

    async def close(self):
        self.closed = True


class AFetch:
    """A fetch request of nothing."""

    topics = ()


async def whose_fetch_failed(kind):
    """A consumer that is about to make a failed fetch again."""
    consumer = kind(bootstrap_servers="127.0.0.1:1")
    consumer._client = client = AbsentKafka()  # noqa: SLF001
    consumer._fetcher = fetcher = Fetcher(client, consumer._subscription, retry_backoff_ms=60_000)  # noqa: SLF001
    fetch = asyncio.create_task(fetcher._proc_fetch_request(None, 1, AFetch()))  # noqa: SLF001
    await until(lambda: client.asked)
    fetcher._pending_tasks.add(fetch)  # noqa: SLF001
    return consumer, fetch


async def test_a_consumer_whose_fetch_has_just_failed_is_stopped_like_any_other():
    consumer, fetch = await whose_fetch_failed(KafkaConsumer)
    await consumer.stop()
    assert fetch.done()
    assert consumer._client.closed  # noqa: SLF001


async def test_who_is_cancelled_while_stopping_is_cancelled():
    consumer, _fetch = await whose_fetch_failed(KafkaConsumer)
    told = asyncio.Event()

    async def closing():
        told.set()
        await asyncio.sleep(60)

    consumer._client.close = closing  # noqa: SLF001
    stopping = asyncio.create_task(consumer.stop())
    await told.wait()
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping


@pytest.mark.filterwarnings("ignore:Unclosed")
async def test_aiokafka_takes_the_end_of_its_fetch_for_its_own():
    consumer, _fetch = await whose_fetch_failed(AIOKafkaConsumer)
    with pytest.raises(asyncio.CancelledError):
        await consumer.stop()
    assert not consumer._client.closed  # noqa: SLF001
