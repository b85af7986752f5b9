"""What every producer of fan-out has in common: its settings, its start and end, and how long it waits for Kafka."""

import asyncio
from contextlib import suppress
from typing import Any

from router.kafka.connection import connection
from router.kafka.record_batches import BATCH_BYTES
from topics import MAX_MESSAGE_BYTES

GROUP = "router-fanout"
START_SECONDS = 30.0
STALLED_SECONDS = 10.0
STOP_SECONDS = 5.0


class Pace:
    """Lets through at once what comes after a pause, and a steady flow once in so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    async def wait(self) -> None:
        """Return when it is time for the next."""
        clock = asyncio.get_running_loop().time
        if (early := self._next - clock()) > 0:
            await asyncio.sleep(early)
        self._next = clock() + self._seconds


def producer_settings(bootstrap_servers: str) -> dict[str, Any]:
    """Return what an aiokafka producer of whole record batches is made with."""
    return {
        **connection(bootstrap_servers),
        "acks": "all",
        "linger_ms": 0,
        "max_batch_size": BATCH_BYTES,
        "max_request_size": MAX_MESSAGE_BYTES + BATCH_BYTES,
        "request_timeout_ms": 20_000,
    }


async def started(producer: Any) -> Any:  # noqa: ANN401 (aiokafka is untyped)
    """Return a producer that has started; raises what kept it from that, or TimeoutError."""
    try:
        async with asyncio.timeout(START_SECONDS):
            await producer.start()
    except BaseException:
        await stop(producer)
        raise
    return producer


async def acknowledged(futures: list[asyncio.Future[Any]]) -> None:
    """Return once Kafka has every batch; raise what one of them failed with, or TimeoutError when nothing moves.

    A batch for a deleted topic would wait for ever; a time limit on the whole would never let a large write end.
    """
    pending = set(futures)
    while pending:
        done, pending = await asyncio.wait(pending, timeout=STALLED_SECONDS)
        if not done:
            raise TimeoutError(f"{len(pending)} batches are not acknowledged")
        for future in done:
            future.result()


async def stop(producer: Any) -> None:  # noqa: ANN401 (aiokafka is untyped)
    """Stop a producer, if there is one, without waiting for a Kafka that is away."""
    if producer is not None:
        # stop() first waits for what is in flight, which never ends while the broker is gone.
        with suppress(Exception):
            await asyncio.wait_for(producer.stop(), STOP_SECONDS)
