"""A load test from its first subscription to its report: publish, then verify every id at the receiver."""

import asyncio
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack

import aiohttp

from router.client.access import Access
from router.client.arm import ArmClient
from router.client.resource_ids import EVENT_GRID_VERSION
from router.errors import SettingsError
from router.kafka.producer import KafkaProducer
from router.loadtest.ledger import Ledger
from router.loadtest.options import LoadOptions
from router.loadtest.pause import pause_workers
from router.loadtest.plan import Plan
from router.loadtest.publisher import HttpWay, KafkaWay, Way, publish
from router.loadtest.receiver import TopicReceiver, WebhookReceiver
from router.loadtest.report import Report
from topics.samples import sample_events
from topics.subscribers import subscriber_topic

Tell = Callable[[str, int, int], None]
"""Takes the name of a phase, how much of it is done, and how much there is."""

_LOOK_SECONDS = 0.1
_STALLED_SECONDS = 20.0


async def run_loadtest(options: LoadOptions, access: Access, tell: Tell) -> Report:
    """Run the test and clean up behind it.

    Raises:
        RouterError: the router cannot be reached, or refuses something.
    """
    run = f"lt{uuid.uuid4().hex[:8]}"
    templates = _templates(options)
    plan = Plan(run, templates, access.workspace, events=options.events, matching=options.matching)
    ledger = Ledger()
    async with AsyncExitStack() as cleanup:
        await _subscribed(options, access, plan, ledger, cleanup)
        way = await _way(options, access, cleanup)
        pausing = asyncio.create_task(_pause(options, access))
        cleanup.callback(pausing.cancel)
        seconds = await publish(plan, way, options.rate, ledger, lambda sent: tell("published", sent, plan.events))
        await pausing
        wanted = plan.wanted()
        await _verified(options, ledger, len(wanted) * options.subscriptions, tell)
        missing = ledger.missing(wanted, options.subscriptions)
    return Report(
        options=options,
        published=plan.events,
        expected=len(wanted) * options.subscriptions,
        lost=len(missing),
        duplicates=ledger.duplicates,
        publish_seconds=seconds,
        receive_seconds=(ledger.last_received or 0.0) - (ledger.first_received or 0.0),
        ledger=ledger,
    )


def _templates(options: LoadOptions) -> list[bytes]:
    if options.events_file is None:
        return sample_events("EventGridSchema")
    lines = [line for line in options.events_file.read_bytes().splitlines() if line.strip()]
    if not lines:
        raise SettingsError(f"{options.events_file} holds no events", hint="Write one Event Grid event a line.")
    return lines


async def _subscribed(
    options: LoadOptions, access: Access, plan: Plan, ledger: Ledger, cleanup: AsyncExitStack
) -> None:
    names = [f"{plan.run}-{number}" for number in range(options.subscriptions)]
    hooks = WebhookReceiver(plan.run, options.subscriptions, ledger)
    sinks: list[dict[str, object]]
    if options.sink == "webhook":
        await hooks.start()
        cleanup.push_async_callback(hooks.stop)
        sinks = [{"endpointType": "WebHook", "properties": {"endpointUrl": url}} for url in hooks.urls()]
    else:
        hubs = f"{access.workspace.partition('/providers/')[0]}/providers/Microsoft.EventHub/namespaces/local/eventhubs"
        sinks = [{"endpointType": "EventHub", "properties": {"resourceId": f"{hubs}/{name}"}} for name in names]
    if not options.keep:
        cleanup.push_async_callback(asyncio.to_thread, _unsubscribe, access, names)
    await asyncio.to_thread(_subscribe, access, names, sinks, plan.prefix)
    if options.sink == "topic":
        topics = TopicReceiver(access.bootstrap_servers or "", plan.run, list(map(subscriber_topic, names)), ledger)
        await topics.start()
        cleanup.push_async_callback(topics.stop)


def _path(access: Access, name: str) -> str:
    return f"{access.workspace}/providers/Microsoft.EventGrid/eventSubscriptions/{name}"


def _subscribe(access: Access, names: list[str], sinks: list[dict[str, object]], prefix: str) -> None:
    with ArmClient(access) as arm:
        for name, sink in zip(names, sinks, strict=True):
            wanted = {"destination": sink, "filter": {"subjectBeginsWith": prefix, "includedEventTypes": ["All"]}}
            path = _path(access, name)
            arm.wait(path, arm.request("PUT", path, EVENT_GRID_VERSION, {"properties": wanted}))


def _unsubscribe(access: Access, names: list[str]) -> None:
    with ArmClient(access) as arm:
        for name in names:
            arm.request("DELETE", _path(access, name), {**EVENT_GRID_VERSION, "deleteTopic": "true"})


async def _way(options: LoadOptions, access: Access, cleanup: AsyncExitStack) -> Way:
    if options.publish == "kafka":
        producer = KafkaProducer(access.bootstrap_servers or "", timeout_seconds=120)
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        return KafkaWay(producer)
    if access.key is None:
        raise SettingsError("the workspace's key is not known here", hint="Give --data-dir, or use --publish kafka.")
    session = await cleanup.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
    )
    return HttpWay(session, f"{access.server}/api/events?api-version=2018-01-01", access.key)


async def _pause(options: LoadOptions, access: Access) -> None:
    if options.pause_worker_seconds > 0:
        middle = options.events / options.rate / 2 if options.rate else 1.0
        await asyncio.sleep(middle)
        await pause_workers(access.data_dir, options.pause_worker_seconds)


async def _verified(options: LoadOptions, ledger: Ledger, expected: int, tell: Tell) -> None:
    """Wait until everything is there, nothing has come for long, or the time is up; then look for repeats a while."""
    end, last, moved = time.monotonic() + options.verify_seconds, -1, time.monotonic()
    while ledger.delivered < expected and time.monotonic() < end:
        if ledger.delivered != last:
            last, moved = ledger.delivered, time.monotonic()
        elif time.monotonic() - moved > _STALLED_SECONDS:
            break
        tell("received", ledger.delivered, expected)
        await asyncio.sleep(_LOOK_SECONDS)
    tell("received", ledger.delivered, expected)
    await asyncio.sleep(1.0)
