"""MemoryProducer: the producer for tests without a broker; it passes the contract suite of the real one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from router.errors import KafkaUnavailableError
from router.kafka.producer import Message, Position


class MemoryProducer:
    """Keeps what is sent, one partition a topic; `broken` makes it behave like a producer whose broker is gone."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Message]] = defaultdict(list)
        self.broken = False

    async def send(self, topic: str, message: Message) -> Position:
        """Keep one record."""
        return (await self.send_all(topic, (message,)))[0]

    async def send_all(self, topic: str, messages: Iterable[Message]) -> list[Position]:
        """Keep records."""
        if self.broken:
            raise KafkaUnavailableError("the memory broker is broken on purpose")
        kept = self.topics[topic]
        positions = []
        for message in messages:
            positions.append(Position(0, len(kept)))
            kept.append(message)
        return positions

    async def write(self, topic: str, messages: Sequence[Message]) -> None:
        """Keep many records."""
        await self.send_all(topic, messages)
