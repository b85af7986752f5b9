"""The store: subscriptions are written to router.subscriptions, and count once the own view has read them back.

Nothing is overwritten that was not read: a change that another server was faster with is made again, on what is there
now.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Final, Protocol, TypeVar
from weakref import WeakValueDictionary

import structlog

from router.errors import ConflictError, KafkaUnavailableError
from router.kafka.exclusive_writer import ChangedMeanwhileError
from router.kafka.producer import Message
from router.subscriptions.view import SubscriptionsView
from topics import SUBSCRIPTIONS, Subscription
from topics.subscriptions import subscription_key

log = structlog.get_logger(__name__)

MOST_TRIES: Final = 20

Result = TypeVar("Result")


class Follower(Protocol):
    """What the store needs of the follower: the view."""

    @property
    def view(self) -> SubscriptionsView:
        """The view that the follower keeps."""
        ...


class Writer(Protocol):
    """What the store needs of a writer: `ExclusiveWriter` and `MemoryWriter` are two."""

    async def write(self, messages: Sequence[Message], still: Callable[[], bool]) -> None:
        """Write records if `still` says so, and return once the follower knows them."""
        ...


class SubscriptionStore:
    """Writes and deletes subscriptions; every method raises KafkaUnavailableError when Kafka does not answer."""

    def __init__(self, writer: Writer, follower: Follower) -> None:
        self._writer = writer
        self._follower = follower
        self._changes: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        # What the change that is under way has read, by record key: what it writes counts only while that is there.
        self._read: ContextVar[dict[bytes, Subscription | None]] = ContextVar("read")

    @property
    def view(self) -> SubscriptionsView:
        """Every subscription, as of the last write."""
        return self._follower.view

    async def change(self, resource_id: str, change: Callable[[Subscription | None], Awaitable[Result]]) -> Result:
        """Return what `change` returns for the subscription as it is; done again when another server was faster.

        This server's own changes of one subscription wait for one another.

        Raises:
            ConflictError: somebody else was faster every time.
        """
        key = subscription_key(resource_id)
        async with self._changes.setdefault(key, asyncio.Lock()):
            for _ in range(MOST_TRIES):
                stored = self.view.get(resource_id)
                former = self._read.set({key: stored})
                try:
                    return await change(stored)
                except ChangedMeanwhileError:
                    log.info("subscription.changed_meanwhile", subscription=resource_id)
                finally:
                    self._read.reset(former)
        raise ConflictError("The event subscription is being changed all the time; try again.", target=resource_id)

    async def put(self, subscription: Subscription) -> None:
        """Write a subscription and return once the own view has it.

        Raises:
            ChangedMeanwhileError: inside `change`: it is not any more what was read.
        """
        await self._send([Message(subscription_key(subscription.id), subscription.encode())])

    async def delete(self, resource_ids: Iterable[str]) -> None:
        """Delete subscriptions and return once the own view has forgotten them; raises as `put`."""
        await self._send([Message(subscription_key(resource_id), None) for resource_id in resource_ids])

    async def _send(self, messages: list[Message]) -> None:
        if not messages:
            return
        read = self._read.get({})
        concerned = {one.key: read[one.key] for one in messages if one.key is not None and one.key in read}

        def still() -> bool:
            return all(self.view.get(key.decode()) == stored for key, stored in concerned.items())

        try:
            await self._writer.write(messages, still)
        except TimeoutError:
            raise KafkaUnavailableError(
                f"{SUBSCRIPTIONS.name} was written but could not be read back in time"
            ) from None
        read.update({key: self.view.get(key.decode()) for key in concerned})
