"""The store: subscriptions are written to router.subscriptions, and count once the own view has read them back."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Protocol
from weakref import WeakValueDictionary

from router.errors import KafkaUnavailableError
from router.kafka.producer import Message, Producer
from router.subscriptions.view import SubscriptionsView
from topics import SUBSCRIPTIONS, Subscription
from topics.subscriptions import subscription_key


class Follower(Protocol):
    """What the store needs of the follower: the view, and to know that it has read far enough."""

    @property
    def view(self) -> SubscriptionsView:
        """The view that the follower keeps."""
        ...

    async def wait_for(self, offset: int) -> None:
        """Return once the record at `offset` is in the view."""
        ...


class SubscriptionStore:
    """Writes and deletes subscriptions; every method raises KafkaUnavailableError when Kafka does not answer."""

    def __init__(self, producer: Producer, follower: Follower) -> None:
        self._producer = producer
        self._follower = follower
        self._changes: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    @property
    def view(self) -> SubscriptionsView:
        """Every subscription, as of the last write."""
        return self._follower.view

    @asynccontextmanager
    async def changing(self, resource_id: str) -> AsyncIterator[Subscription | None]:
        """Give the subscription as it is, and keep this server's other changes to it off meanwhile.

        Servers do not wait for one another: of two that change it at once the last one wins.
        """
        lock = self._changes.setdefault(subscription_key(resource_id), asyncio.Lock())
        async with lock:
            yield self.view.get(resource_id)

    async def put(self, subscription: Subscription) -> None:
        """Write a subscription and return once the own view has it; of two that write at once the last one wins."""
        await self._send([Message(subscription_key(subscription.id), subscription.encode())])

    async def delete(self, resource_ids: Iterable[str]) -> None:
        """Delete subscriptions and return once the own view has forgotten them."""
        await self._send([Message(subscription_key(resource_id), None) for resource_id in resource_ids])

    async def _send(self, messages: list[Message]) -> None:
        if not messages:
            return
        positions = await self._producer.send_all(SUBSCRIPTIONS.name, messages)
        try:
            await self._follower.wait_for(max(position.offset for position in positions))
        except TimeoutError:
            raise KafkaUnavailableError(
                f"{SUBSCRIPTIONS.name} was written but could not be read back in time"
            ) from None
