"""Provisioning: what happens to a subscription between the answer to a PUT or PATCH and its final state.

A topic is ready at once. A webhook's endpoint is asked first, in the background: a new subscription waits for it as
`Creating`; of one that is live the old definition goes on until the new endpoint has confirmed (decision 0007).
The version of a definition is its `updated_at`: whoever finds another one in the view comes too late, and gives way.
"""

import asyncio
from collections.abc import Coroutine
from typing import Final

import structlog

from router.api.endpoints import WebhookEndpoints
from router.api.operations import Operation, Operations
from router.errors import KafkaUnavailableError, RouterError
from router.handlers.handshake import Validated
from router.secrets import SecretBox
from router.subscriptions.store import SubscriptionStore
from topics import Subscription, WebhookSink
from topics.subscriptions import ProvisioningState

log = structlog.get_logger(__name__)

MAX_HANDSHAKES: Final = 64
"""At once; the others wait their turn."""

KAFKA_PAUSE_SECONDS: Final = 1.0

_INTERRUPTED: Final = "The update was interrupted by a restart; the former definition is live. Send the update again."


class Provisioning:
    """Runs handshakes in the background and writes what came of them."""

    def __init__(
        self, store: SubscriptionStore, endpoints: WebhookEndpoints, operations: Operations, box: SecretBox
    ) -> None:
        self._store = store
        self._endpoints = endpoints
        self._operations = operations
        self._box = box
        self._turns = asyncio.Semaphore(MAX_HANDSHAKES)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take up what a restart interrupted."""
        await self._endpoints.start()
        for subscription in self._store.view.all():
            if subscription.provisioning_state == "Creating":
                self._create(subscription)
            elif subscription.provisioning_state == "Updating":
                await self._store.put(_settled(subscription, "Succeeded", _INTERRUPTED))

    async def stop(self) -> None:
        """End the handshakes that are under way; `start` of the next server takes them up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._endpoints.stop()

    async def check(self, url: str) -> None:
        """Check the URL of an endpoint.

        Raises:
            RefusedError: webhooks may not go there; in Azure's words.
        """
        await self._endpoints.check(url)

    async def begin(self, former: Subscription | None, wanted: Subscription, *, asks: bool) -> Operation:
        """Store a definition, or begin to ask its endpoint; `former` is the one that is live, if any.

        Raises:
            KafkaUnavailableError: nothing was stored.
        """
        if not asks:
            await self._store.put(_settled(wanted, "Succeeded", None))
            return self._operations.begin(wanted.id, "Succeeded")
        if former is None:
            await self._store.put(wanted)
            return self._create(wanted)
        updating = former.model_copy(update={"provisioning_state": "Updating", "updated_at": wanted.updated_at})
        await self._store.put(updating)
        operation = self._operations.begin(wanted.id, "InProgress")
        self._run(self._finish_update(updating, wanted, operation))
        return operation

    def _create(self, subscription: Subscription) -> Operation:
        operation = self._operations.begin(subscription.id, "InProgress")
        self._run(self._finish_create(subscription, operation))
        return operation

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="handshake")
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("subscription.handshake_broke", exc_info=task.exception())

    async def _finish_create(self, subscription: Subscription, operation: Operation) -> None:
        problem = await self._handshake(subscription)
        await self._settle(
            subscription, _settled(subscription, "Failed" if problem else "Succeeded", problem), operation
        )

    async def _finish_update(self, former: Subscription, wanted: Subscription, operation: Operation) -> None:
        problem = await self._handshake(wanted)
        await self._settle(former, _settled(former if problem else wanted, "Succeeded", problem), operation)

    async def _settle(self, stored: Subscription, settled: Subscription, operation: Operation) -> None:
        """Write the final state in place of what is stored, unless that has changed; patient while Kafka is away."""
        while True:
            try:
                async with self._store.changing(stored.id) as now_stored:
                    if now_stored is None or now_stored.updated_at != stored.updated_at:
                        self._operations.finish(operation.id, "Canceled")
                        return
                    await self._store.put(settled)
            except KafkaUnavailableError as error:
                log.warning("subscription.not_written", subscription=stored.id, error=error.message)
                await asyncio.sleep(KAFKA_PAUSE_SECONDS)
            else:
                problem = settled.provisioning_error
                self._operations.finish(operation.id, "Failed" if problem else "Succeeded", problem)
                return

    async def _handshake(self, subscription: Subscription) -> str | None:
        """Ask the endpoint; return why it failed, or None."""
        sink = subscription.sink
        if not isinstance(sink, WebhookSink):
            return None
        async with self._turns:
            try:
                outcome = await self._endpoints.validate(subscription, self._box.open(sink.sealed_endpoint_url))
                problem = None if isinstance(outcome, Validated) else outcome.message
            except RouterError as error:
                problem = error.message
        log.info(
            "subscription.validated",
            subscription=subscription.id,
            endpoint=sink.endpoint_base_url,
            confirmed=problem is None,
        )
        return problem


def _settled(subscription: Subscription, state: ProvisioningState, problem: str | None) -> Subscription:
    return subscription.model_copy(update={"provisioning_state": state, "provisioning_error": problem})
