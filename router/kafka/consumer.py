"""A consumer that can be stopped at any moment, also while Kafka is away, and that says when it has ended by itself.

What is relied on in aiokafka 0.14 is guarded by tests/contract/test_consumer.py.
"""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError


def check_that_it_fetches(fetcher: Any) -> None:  # noqa: ANN401 (aiokafka is untyped)
    """Raise KafkaError when a fetcher has ended that nobody closed: it would have nothing for ever, and not say so."""
    fetching: asyncio.Task[None] = fetcher._fetch_task  # noqa: SLF001
    if fetching.done() and not fetcher._closed:  # noqa: SLF001
        raise KafkaError("Kafka is not read any more") from (None if fetching.cancelled() else fetching.exception())


class KafkaConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka is untyped
    """aiokafka's consumer, whose `stop` ends as it should after a fetch that has failed."""

    async def getmany(self, *partitions: TopicPartition, **given: Any) -> dict[TopicPartition, list[ConsumerRecord]]:  # noqa: ANN401 (aiokafka's own)
        """Return records as aiokafka does; raises KafkaError when none will come any more."""
        found: dict[TopicPartition, list[ConsumerRecord]] = await super().getmany(*partitions, **given)
        if not found and self._fetcher is not None:
            check_that_it_fetches(self._fetcher)
        return found

    async def stop(self) -> None:
        """Close everything, leaving the group if there is one that it is to leave.

        aiokafka cancels its fetches, and one that has failed and waits to be made again ends as cancelled. `stop` then
        takes that for its own end: whoever stops is cancelled too, and the connections stay open. They do as well when
        the fetcher has ended by an error, which `stop` raises then.
        """
        try:
            await super().stop()
        except asyncio.CancelledError:
            if (stopping := asyncio.current_task()) is not None and stopping.cancelling():
                raise
            await self._close_what_is_open()
        except KafkaError:
            await self._close_what_is_open()

    async def _close_what_is_open(self) -> None:
        fetcher = self._fetcher
        fetches = () if fetcher is None else (fetcher._fetch_task, *fetcher._pending_tasks)  # noqa: SLF001
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        await self._client.close()
