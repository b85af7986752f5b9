"""The demo from beginning to end: start a router, subscribe, publish, watch, tell, clean up."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from router.client.access import Access, access_of
from router.client.arm import ArmClient
from router.client.batches import MAX_BATCH_EVENTS, cut, read_events
from router.client.publishing import publisher_for
from router.client.resource_ids import EVENT_GRID_VERSION, event_subscription_id
from router.credentials import Credentials
from router.demo import ending
from router.demo.board import Board
from router.demo.observer import observing
from router.demo.plan import WISHES, Wish
from router.demo.receiver import receiving
from router.demo.samples import Sample, load_samples
from router.demo.stack import started
from router.demo.steps import Steps, Stopwatch
from router.demo.watch import Watch

LIMIT_SECONDS: Final = 45.0
"""From publishing until everything must have been seen; the failing webhook's retry takes 10 to 12 of them."""

StartStack = Callable[[Path, Steps], AbstractAsyncContextManager[Credentials]]
"""Starts a router in a data directory, tells each step, gives its credentials, and stops it at the end."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Where the demo's router lives, and whether it stays when all is told."""

    data_dir: Path
    stay: bool = False


async def run_demo(options: DemoOptions, console: Console, start_stack: StartStack = started) -> int:
    """Run the demo and return the exit code: 0 when every expected delivery was seen.

    Raises:
        RouterError: the router cannot be started or does not answer.
    """
    steps = Steps(console)
    try:
        async with start_stack(options.data_dir, steps) as credentials:
            try:
                code = await _show(console, steps, credentials, options)
            finally:
                steps.begin("stopping server, worker and Kafka")
    finally:
        steps.end()
    if code == 0 and not options.stay:
        ending.tell_what_next(console)
    return code


async def _told_to_stop() -> None:
    """Return when this task is cancelled: to stop is then what was asked for."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def _show(console: Console, steps: Steps, credentials: Credentials, options: DemoOptions) -> int:
    """Subscribe, publish, watch and tell, then stay if asked to; return the exit code."""
    access = access_of(credentials, options.data_dir)
    samples = load_samples(access.workspace, lambda: str(uuid.uuid4()))
    board, published = Board(WISHES, samples), Stopwatch()
    watch = Watch(board, console, published.seconds)
    answers = {wish.name: wish.answer for wish in WISHES if wish.answer is not None}
    async with receiving(answers, watch.take) as receiver:
        steps.begin(f"creating {len(WISHES)} event subscriptions, two of them to webhooks at {receiver}")
        await asyncio.to_thread(_subscribe, access, WISHES, receiver)
        async with observing(credentials.bootstrap_servers, WISHES) as observer:
            steps.begin(f"publishing {len(samples)} Azure ML events over HTTP, five in each schema")
            published.start()
            await asyncio.to_thread(_publish, access, samples)
            steps.end()
            console.print()
            await watch.until_complete(observer, LIMIT_SECONDS)
        code = ending.tell_outcome(board, console)
        if options.stay:
            ending.tell_how_to_use(console, options.data_dir, credentials)
            await _told_to_stop()
    return code


def _subscribe(access: Access, wishes: Sequence[Wish], receiver: str) -> None:
    with ArmClient(access) as arm:
        for wish in wishes:
            path = event_subscription_id(access.workspace, wish.name)
            body = {"properties": wish.properties(receiver)}
            arm.wait(path, arm.request("PUT", path, EVENT_GRID_VERSION, body))


def _publish(access: Access, samples: Sequence[Sample]) -> None:
    events = read_events(b"[" + b",".join(sample.body for sample in samples) + b"]")
    with publisher_for(access) as publisher:
        for batch in cut(events, MAX_BATCH_EVENTS):
            publisher.publish(batch)
