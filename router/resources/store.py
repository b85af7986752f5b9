"""The store: resources are written to router.resources, and count once the own view has read them back."""

from typing import Protocol

from router.errors import KafkaUnavailableError
from router.kafka.producer import Message, Producer
from router.resources.view import ResourcesView
from topics import RESOURCES
from topics.resources import Resource, resource_key


class Follower(Protocol):
    """What the store needs of the follower: the view, and to know that it has read far enough."""

    @property
    def view(self) -> ResourcesView:
        """The view that the follower keeps."""
        ...

    async def wait_for(self, offset: int) -> None:
        """Return once the record at `offset` is in the view."""
        ...


class ResourceStore:
    """Writes and deletes resources; every method raises KafkaUnavailableError when Kafka does not answer."""

    def __init__(self, producer: Producer, follower: Follower) -> None:
        self._producer = producer
        self._follower = follower

    @property
    def view(self) -> ResourcesView:
        """Every resource, as of the last write."""
        return self._follower.view

    async def put(self, resource: Resource) -> None:
        """Write a resource and return once the own view has it; of two that write at once the last one wins."""
        await self._send(Message(resource_key(resource.id), resource.encode()))

    async def delete(self, resource_id: str) -> None:
        """Delete a resource and return once the own view has forgotten it."""
        await self._send(Message(resource_key(resource_id), None))

    async def _send(self, message: Message) -> None:
        position = await self._producer.send(RESOURCES.name, message)
        try:
            await self._follower.wait_for(position.offset)
        except TimeoutError:
            raise KafkaUnavailableError(f"{RESOURCES.name} was written but could not be read back in time") from None
