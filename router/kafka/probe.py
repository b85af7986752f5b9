"""A probe: does Kafka answer now? Cheap enough to be asked by every readiness request."""

import asyncio

from router.errors import KafkaUnavailableError
from router.kafka.admin import admin_client


class KafkaProbe:
    """Asks the brokers at most once in `every_seconds` and remembers the answer until then."""

    def __init__(self, bootstrap_servers: str, *, every_seconds: float = 1.0, timeout_seconds: float = 1.5) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._every = every_seconds
        self._timeout = timeout_seconds
        self._asked_at = float("-inf")
        self._answer: str | None = None
        # Those who ask while a question is under way wait for its answer instead of asking again.
        self._asking = asyncio.Lock()

    async def check(self) -> str | None:
        """Say what is wrong, for the readiness of the process."""
        async with self._asking:
            if asyncio.get_running_loop().time() - self._asked_at >= self._every:
                self._answer = await self._ask()
                self._asked_at = asyncio.get_running_loop().time()
        return self._answer

    async def _ask(self) -> str | None:
        try:
            # To connect takes a request for the cluster's metadata, so a broker that only listens is found out.
            async with admin_client(self._bootstrap_servers, timeout_seconds=self._timeout):
                return None
        except KafkaUnavailableError as error:
            return error.message
