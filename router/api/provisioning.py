"""Provisioning: what happens to a subscription between the answer to a PUT or PATCH and its final state.

A topic is ready at once. A webhook's endpoint is asked first, in the background: a new subscription waits for it as
`Creating`; of one that is live the old definition goes on until the new endpoint has confirmed (decision 0007). An
endpoint that accepts without confirming may be confirmed by its validation URL (§6.2), meanwhile the subscription is
`AwaitingManualAction`; all that this needs is stored with it, so that any server can take the confirmation.
The version of a definition is its `updated_at`: whoever finds another one in the view comes too late, and gives way.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Final

import structlog

from router.api.endpoints import WebhookEndpoints
from router.api.operations import Operation, Operations
from router.api.validation import (
    Confirmation,
    awaiting,
    confirmed,
    failed,
    is_awaited,
    is_expired,
    new_validation,
    opens,
    sink_to_ask,
)
from router.errors import KafkaUnavailableError, RouterError
from router.handlers.handshake import REFUSED_CODE, AcceptedWithoutCode, Refused, Validated
from router.subscriptions.store import SubscriptionStore
from topics import Subscription
from topics.subscriptions import ManualValidation, WebhookSink

log = structlog.get_logger(__name__)

MAX_HANDSHAKES: Final = 64
"""At once; the others wait their turn."""

HANDSHAKE_PAUSES_SECONDS: Final = (1.0, 4.0)
"""An endpoint that is only just starting, or in trouble for a moment, is asked again after so long."""

LAST_HANDSHAKE_SECONDS: Final = 35.0
"""None begins later than that after the first, so that one which times out is asked twice."""

KAFKA_PAUSE_SECONDS: Final = 1.0
LONGEST_SLEEP_SECONDS: Final = 1.0

_INTERRUPTED: Final = "The update was interrupted by a restart; the former definition is live. Send the update again."

Change = Callable[[Subscription], Subscription]


class Provisioning:
    """Runs handshakes in the background and writes what came of them."""

    def __init__(
        self,
        store: SubscriptionStore,
        endpoints: WebhookEndpoints,
        operations: Operations,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._endpoints = endpoints
        self._operations = operations
        self._now = now
        self._turns = asyncio.Semaphore(MAX_HANDSHAKES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._operation_of: dict[str, Operation] = {}

    async def start(self) -> None:
        """Take up what a restart interrupted."""
        await self._endpoints.start()
        for subscription in self._store.view.all():
            match subscription.provisioning_state:
                case "Creating":
                    await self._create(subscription)
                case "Updating":
                    await self._interrupt(subscription)
                case "AwaitingManualAction" if subscription.validation is not None:
                    self._run(self._give_up_in_time(subscription, subscription.validation))

    async def _interrupt(self, subscription: Subscription) -> None:
        async def fail(stored: Subscription | None) -> None:
            if stored is not None and stored.updated_at == subscription.updated_at:
                await self._store.put(failed(stored, _INTERRUPTED))

        await self._store.change(subscription.id, fail)

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
            await self._store.put(confirmed(wanted))
            return self._operations.begin(wanted.id, "Succeeded")
        if former is None:
            return await self._create(wanted)
        updating = former.model_copy(
            update={"provisioning_state": "Updating", "updated_at": wanted.updated_at, "pending": wanted}
        )
        return await self._ask(updating)

    async def confirm(self, name: str, validation_id: str, token: str) -> Confirmation:
        """Take the confirmation that a validation URL means; each counts once, and only in time (§6.2).

        Raises:
            KafkaUnavailableError: it could not be stored; the URL still counts.
        """
        found = next((one for one in self._store.view.all() if opens(one, name, validation_id, token)), None)
        if found is None:
            return "unknown"

        async def take(stored: Subscription | None) -> Confirmation:
            if stored is None or not opens(stored, name, validation_id, token):
                return "unknown"
            if is_expired(stored, self._now()):
                return "too late"
            await self._store.put(confirmed(stored))
            return "confirmed"

        confirmation = await self._store.change(found.id, take)
        if confirmation != "confirmed":
            return confirmation
        log.info("subscription.confirmed", subscription=found.id, by="validation URL")
        operation = self._operation_of.pop(validation_id, None)
        if operation is not None:
            self._operations.finish(operation.id, "Succeeded")
        return "confirmed"

    async def _create(self, subscription: Subscription) -> Operation:
        return await self._ask(subscription)

    async def _ask(self, subscription: Subscription) -> Operation:
        """Store what is awaited, then begin the handshake: the endpoint may use the URL before it answers."""
        validation, token = new_validation(self._now())
        asked = subscription.model_copy(update={"validation": validation})
        await self._store.put(asked)
        operation = self._operations.begin(asked.id, "InProgress")
        self._operation_of[validation.id] = operation
        self._run(self._finish(asked, validation, token))
        return operation

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="handshake")
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("subscription.handshake_broke", exc_info=task.exception())

    async def _finish(self, asked: Subscription, validation: ManualValidation, token: str) -> None:
        outcome = await self._handshake(asked, validation, token)
        match outcome:
            case Validated(rate):
                await self._settle(asked, validation, lambda stored: confirmed(stored, rate))
            case AcceptedWithoutCode(message=message):
                if await self._change(asked, validation, lambda stored: awaiting(stored, message)):
                    await self._give_up_in_time(asked, validation.model_copy(update={"message": message}))
            case Refused(message=message):
                await self._settle(asked, validation, lambda stored: failed(stored, message))

    async def _give_up_in_time(self, asked: Subscription, validation: ManualValidation) -> None:
        """Wait until the validation URL counts no longer, then fail what nobody has confirmed."""
        while (left := (validation.expires - self._now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, LONGEST_SLEEP_SECONDS))
            if not is_awaited(self._store.view.get(asked.id), validation):
                break
        await self._settle(asked, validation, lambda stored: failed(stored, validation.message))

    async def _settle(self, asked: Subscription, validation: ManualValidation, change: Change) -> None:
        """Write the final state and end the operation."""
        if await self._change(asked, validation, change):
            problem = change(asked).provisioning_error
            operation = self._operation_of.pop(validation.id, None)
            if operation is not None:
                self._operations.finish(operation.id, "Failed" if problem else "Succeeded", problem)

    async def _change(self, asked: Subscription, validation: ManualValidation, change: Change) -> bool:
        """Change what is stored, unless it is another definition by now; patient while Kafka is away."""

        async def write(stored: Subscription | None) -> bool:
            if not is_awaited(stored, validation):
                self._gave_way(stored, asked, validation)
                return False
            await self._store.put(change(stored))
            return True

        while True:
            try:
                return await self._store.change(asked.id, write)
            except KafkaUnavailableError as error:
                log.warning("subscription.not_written", subscription=asked.id, error=error.message)
                await asyncio.sleep(KAFKA_PAUSE_SECONDS)

    def _gave_way(self, stored: Subscription | None, asked: Subscription, validation: ManualValidation) -> None:
        operation = self._operation_of.pop(validation.id, None)
        if operation is None:
            return
        is_same = stored is not None and stored.updated_at == asked.updated_at
        self._operations.finish(operation.id, "Succeeded" if is_same else "Canceled")

    async def _handshake(self, asked: Subscription, validation: ManualValidation, token: str) -> Validated | Refused:
        """Ask the endpoint of what is wanted; again where that may help, as long as somebody still waits for it."""
        wanted, sink = sink_to_ask(asked)
        began = asyncio.get_running_loop().time()
        outcome = await self._ask_endpoint(wanted, sink, validation, token)
        for pause in HANDSHAKE_PAUSES_SECONDS:
            passed = asyncio.get_running_loop().time() - began
            if isinstance(outcome, Validated) or not outcome.may_pass or passed + pause > LAST_HANDSHAKE_SECONDS:
                break
            await asyncio.sleep(pause)
            if not is_awaited(self._store.view.get(asked.id), validation):
                break
            outcome = await self._ask_endpoint(wanted, sink, validation, token)
        log.info(
            "subscription.validated",
            subscription=asked.id,
            endpoint=sink.endpoint_base_url,
            confirmed=isinstance(outcome, Validated),
        )
        return outcome

    async def _ask_endpoint(
        self, wanted: Subscription, sink: WebhookSink, validation: ManualValidation, token: str
    ) -> Validated | Refused:
        async with self._turns:
            try:
                return await self._endpoints.validate(wanted, sink, validation.id, token)
            except RouterError as error:
                return Refused(REFUSED_CODE, error.message)
