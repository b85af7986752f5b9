"""The subscriptions of a load test: made over the API, with a receiver behind each, and taken away again."""

import asyncio
from contextlib import AsyncExitStack

from router.client.access import Access
from router.client.arm import ArmClient
from router.client.resource_ids import EVENT_GRID_VERSION
from router.errors import SettingsError
from router.loadtest.ledger import Ledger
from router.loadtest.options import LoadOptions
from router.loadtest.plan import Plan, is_dense
from router.loadtest.receiver import TopicReceiver, WebhookReceiver
from topics.subscribers import subscriber_topic


async def subscribe(options: LoadOptions, access: Access, plan: Plan, ledger: Ledger, cleanup: AsyncExitStack) -> None:
    """Make the subscriptions and receive what they get, until the cleanup.

    Raises:
        RouterError: the router cannot be reached, or refuses something.
    """
    names = [f"{plan.run}-{number}" for number in range(options.subscriptions)]
    sinks: list[dict[str, object]]
    if options.sink == "webhook":
        hooks = WebhookReceiver(plan.run, options.subscriptions, ledger)
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
        topics = TopicReceiver(
            brokers_of(access), plan.run, list(map(subscriber_topic, names)), ledger, gathers=is_dense(options.rate)
        )
        await topics.start()
        cleanup.push_async_callback(topics.stop)


def brokers_of(access: Access) -> str:
    """Return the Kafka brokers of a router.

    Raises:
        SettingsError: they are not known here.
    """
    if access.bootstrap_servers is None:
        raise SettingsError(
            "the Kafka of this router is not known here",
            hint="Give the --data-dir of its `router up`; topic sinks and --publish kafka need it.",
        )
    return access.bootstrap_servers


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
