"""MemoryProducer and MemoryWriter: for tests without a broker; they pass the contract suites of the real ones."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

from aiokafka.record.default_records import DefaultRecordBatch

from router.errors import KafkaUnavailableError
from router.kafka.exclusive_writer import ChangedMeanwhileError, Follower
from router.kafka.producer import Message, Position
from router.kafka.ready_batches import batches_of, check_sizes
from router.kafka.ready_records import ReadyRecord


def messages_of(records: Sequence[ReadyRecord]) -> list[Message]:
    """Return what aiokafka reads of records that are bytes already."""
    batches = batches_of([content for _, content in records], 0)
    read = [record for batch in batches for record in DefaultRecordBatch(bytes(batch._build()))]  # noqa: SLF001 (as its sender)
    return [Message(one.key, one.value, [(name, value or b"") for name, value in one.headers]) for one in read]


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

    async def write_ready(self, topic: str, records: Sequence[ReadyRecord]) -> None:
        """Keep many records, as a consumer would read them."""
        check_sizes(map(itemgetter(1), records))
        await self.send_all(topic, messages_of(records))


class MemoryWriter:
    """Writes on a condition, as the exclusive writer does; several of one producer are servers over one Kafka."""

    def __init__(self, producer: MemoryProducer, topic: str, follower: Follower) -> None:
        self._producer = producer
        self._topic = topic
        self._follower = follower

    async def write(self, messages: Sequence[Message], still: Callable[[], bool]) -> None:
        """Keep records if `still` says so, and let the follower know them."""
        kept, known = self._producer.topics[self._topic], -1
        while known < len(kept):  # others may write while the follower reads
            known = len(kept)
            await self._follower.wait_for(known - 1)
        if not still():
            raise ChangedMeanwhileError("It was changed meanwhile by somebody else.")
        positions = await self._producer.send_all(self._topic, messages)
        await self._follower.wait_for(positions[-1].offset)
