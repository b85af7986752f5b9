"""A consumer that can be stopped at any moment, also while Kafka is away.

What is relied on in aiokafka 0.14 is guarded by tests/contract/test_consumer.py.
"""

import asyncio

from aiokafka import AIOKafkaConsumer


class KafkaConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka is untyped
    """aiokafka's consumer, whose `stop` ends as it should after a fetch that has failed."""

    async def stop(self) -> None:
        """Close everything, leaving the group if there is one that it is to leave.

        aiokafka cancels its fetches, and one that has failed and waits to be made again ends as cancelled. `stop` then
        takes that for its own end: whoever stops is cancelled too, and the connections stay open.
        """
        try:
            await super().stop()
        except asyncio.CancelledError:
            if (stopping := asyncio.current_task()) is not None and stopping.cancelling():
                raise
            fetcher = self._fetcher
            fetches = () if fetcher is None else (fetcher._fetch_task, *fetcher._pending_tasks)  # noqa: SLF001
            for fetch in fetches:
                fetch.cancel()
            await asyncio.gather(*fetches, return_exceptions=True)
            await self._client.close()
