"""A consumer is stopped without Kafka, and what aiokafka does at its end is as it was read."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaError, NodeNotReadyError

from router.kafka.consumer import KafkaConsumer
from router.kafka.fetching import fetched_records
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


class NoGroup:
    """A coordinator of nobody."""

    def check_errors(self):
        pass

    async def close(self):
        pass


class BrokenFetcher(Fetcher):
    """A fetcher that ends by an error of its own, as soon as something is assigned."""

    def _get_actions_per_node(self, _assignment):
        raise AttributeError("a fault in what makes fetches")


@pytest.fixture
async def who_reads_no_more(monkeypatch):
    """A consumer whose fetcher has ended."""
    monkeypatch.setattr("aiokafka.consumer.fetcher.log.disabled", True)  # it logs a traceback
    consumer = KafkaConsumer(bootstrap_servers="127.0.0.1:1")
    consumer._client = AbsentKafka()  # noqa: SLF001
    consumer._subscription.assign_from_user([TopicPartition("t", 0)])  # noqa: SLF001
    consumer._coordinator = NoGroup()  # noqa: SLF001
    consumer._fetcher = fetcher = BrokenFetcher(consumer._client, consumer._subscription)  # noqa: SLF001
    await until(fetcher._fetch_task.done)  # noqa: SLF001
    yield consumer
    await consumer.stop()
    assert consumer._client.closed  # noqa: SLF001


async def test_a_consumer_whose_fetcher_ended_by_itself_says_so(who_reads_no_more):
    with pytest.raises(KafkaError, match="Kafka is not read any more"):
        await who_reads_no_more.getmany(timeout_ms=1)


async def test_whoever_reads_batches_hears_of_it_too(who_reads_no_more):
    with pytest.raises(KafkaError, match="Kafka is not read any more"):
        await fetched_records(who_reads_no_more._fetcher, None, 0.01)  # noqa: SLF001


async def test_aiokafkas_own_would_be_silent(who_reads_no_more):
    assert await AIOKafkaConsumer.getmany(who_reads_no_more, timeout_ms=1) == {}
