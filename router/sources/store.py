"""The store: sources are written to router.sources, and count once the own view has read them back."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, Protocol

from router.errors import KafkaUnavailableError, NotFoundError, RefusedError
from router.kafka.producer import Message, Producer
from router.secrets import SecretBox, new_access_key
from router.sources.resource_ids import RULE, SourceKind, source_name
from router.sources.view import SourcesView
from topics import SOURCES, Source
from topics.sources import InputSchema, source_key

KeyName = Literal["key1", "key2"]


class Follower(Protocol):
    """What the store needs of the follower: the view, and to know that it has read far enough."""

    @property
    def view(self) -> SourcesView:
        """The view that the follower keeps."""
        ...

    async def wait_for(self, offset: int) -> None:
        """Return once the record at `offset` is in the view."""
        ...


class SourceStore:
    """Makes, changes and deletes sources; every method raises KafkaUnavailableError when Kafka does not answer."""

    def __init__(self, producer: Producer, follower: Follower, box: SecretBox, now: Callable[[], datetime]) -> None:
        self._producer = producer
        self._follower = follower
        self._box = box
        self._now = now
        # Read, change, write is one step: two changes at once must not undo each other.
        self._writing = asyncio.Lock()

    @property
    def view(self) -> SourcesView:
        """Every source, as of the last write."""
        return self._follower.view

    async def create(  # noqa: PLR0913 (one argument for each property of the resource)
        self,
        resource_id: str,
        *,
        kind: SourceKind | None = None,
        input_schema: InputSchema | None = None,
        input_schema_mapping: dict[str, Any] | None = None,
        location: str = "local",
        tags: dict[str, str] | None = None,
    ) -> Source:
        """Create a source, or change one: it keeps its id, its keys and its time of creation.

        Raises:
            RefusedError: the id is no resource id of a workspace or a custom topic, or not one of `kind`.
        """
        parsed = source_name(resource_id)
        if parsed is None or kind not in (None, parsed.kind):
            raise RefusedError(
                f"resource id {resource_id[:300]!r}: must be {RULE}", code="InvalidResourceId", target="id"
            )
        async with self._writing:
            former = self.view.get(resource_id)
            return await self._write(
                Source(
                    id=former.id if former else resource_id,
                    name=former.name if former else parsed.name,
                    kind=parsed.kind,
                    sealed_key1=former.sealed_key1 if former else self._box.seal(new_access_key()),
                    sealed_key2=former.sealed_key2 if former else self._box.seal(new_access_key()),
                    input_schema=input_schema,
                    input_schema_mapping=input_schema_mapping,
                    location=location,
                    tags=tags,
                    created_at=former.created_at if former else self._now(),
                )
            )

    async def regenerate(self, resource_id: str, key_name: KeyName) -> Source:
        """Give a source a new key1 or key2; the other key goes on working, so that publishers can change over.

        Raises:
            NotFoundError: no such source.
        """
        async with self._writing:
            source = self.view.get(resource_id)
            if source is None:
                raise NotFoundError(f"source {resource_id[:300]!r} was not found")
            return await self._write(source.model_copy(update={f"sealed_{key_name}": self._box.seal(new_access_key())}))

    async def delete(self, resource_id: str) -> bool:
        """Delete a source and return whether there was one; its keys stop working."""
        async with self._writing:
            if self.view.get(resource_id) is None:
                return False
            await self._send(Message(source_key(resource_id), None))
            return True

    async def _write(self, source: Source) -> Source:
        await self._send(Message(source_key(source.id), source.encode()))
        return source

    async def _send(self, message: Message) -> None:
        position = await self._producer.send(SOURCES.name, message)
        try:
            await self._follower.wait_for(position.offset)
        except TimeoutError:
            raise KafkaUnavailableError(f"{SOURCES.name} was written but could not be read back in time") from None
