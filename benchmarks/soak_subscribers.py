"""The subscriptions of a soak as their owners see them: made over ARM, read from topics, got at a webhook."""

import asyncio
import threading
import time
import uuid
from contextlib import nullcontext, suppress

import orjson
from aiohttp import web
from confluent_kafka import Consumer, TopicPartition

from benchmarks.soak_ledger import Subscriber, number_of
from router.client.access import Access
from router.client.arm import ArmClient
from router.client.resource_ids import EVENT_GRID_VERSION
from router.errors import NotFoundError, RouterError
from topics.subscribers import subscriber_topic

PATIENCE_SECONDS = 120.0


class Management:
    """Makes and deletes subscriptions, again and again while the router is being restarted."""

    def __init__(self, access: Access, hooks: str):
        self._access, self._hooks = access, hooks
        self.retries = 0

    async def create(self, subscriber: Subscriber) -> None:
        """Return once the subscription is there."""
        await self._until_done(self._create, subscriber)

    async def delete(self, subscriber: Subscriber) -> None:
        """Return once the subscription and its topic are gone."""
        await self._until_done(self._delete, subscriber)

    async def _until_done(self, call, subscriber: Subscriber) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await asyncio.to_thread(call, subscriber)
            except RouterError as error:
                if time.monotonic() > end:
                    raise RuntimeError(f"{subscriber.name}: {error.message}") from error
                self.retries += 1
                await asyncio.sleep(0.5)
            else:
                return

    def _path(self, name: str) -> str:
        return f"{self._access.workspace}/providers/Microsoft.EventGrid/eventSubscriptions/{name}"

    def _create(self, subscriber: Subscriber) -> None:
        group = self._access.workspace.partition("/providers/")[0]
        hub = f"{group}/providers/Microsoft.EventHub/namespaces/local/eventhubs/{subscriber.name}"
        sinks = {
            "topic": {"endpointType": "EventHub", "properties": {"resourceId": hub}},
            "webhook": {"endpointType": "WebHook", "properties": {"endpointUrl": f"{self._hooks}/{subscriber.name}"}},
        }
        properties = {
            "destination": sinks[subscriber.kind],
            "filter": {"subjectBeginsWith": subscriber.filter_prefix, "includedEventTypes": ["All"]},
        }
        with ArmClient(self._access) as arm:
            path = self._path(subscriber.name)
            arm.wait(path, arm.request("PUT", path, EVENT_GRID_VERSION, {"properties": properties}))

    def _delete(self, subscriber: Subscriber) -> None:
        with ArmClient(self._access) as arm, suppress(NotFoundError):
            arm.request("DELETE", self._path(subscriber.name), {**EVENT_GRID_VERSION, "deleteTopic": "true"})


class Webhooks:
    """One port of loopback; each subscription has a path of its own. Takes `delay_seconds`, for `at_once` at a time."""

    def __init__(self, delay_seconds: float = 0.0, at_once: int | None = None):
        self._delay = delay_seconds
        self._places = asyncio.Semaphore(at_once) if at_once else nullcontext()
        self._subscribers: dict[str, Subscriber] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""

    def expect(self, subscriber: Subscriber) -> None:
        """Note arrivals for a subscription from now on."""
        self._subscribers[subscriber.name] = subscriber

    def forget(self, subscriber: Subscriber) -> None:
        """Note no more of them."""
        self._subscribers.pop(subscriber.name, None)

    async def start(self) -> None:
        """Listen on a free port."""
        application = web.Application(client_max_size=8 * 2**20)
        application.router.add_post("/{name}", self._answer)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        events = orjson.loads(await request.read())
        if request.headers.get("aeg-event-type", "").lower() == "subscriptionvalidation":
            return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
        if self._delay:
            async with self._places:
                await asyncio.sleep(self._delay)
        subscriber = self._subscribers.get(request.match_info["name"])
        for event in events if subscriber else ():
            subscriber.take(number_of(event["id"]), request.headers["webhook-id"] + event["id"])
        return web.Response()


class TopicReading:
    """Reads a subscription's topic from its beginning, committed records only, in a thread."""

    def __init__(self, bootstrap_servers: str, subscriber: Subscriber, take=None):
        self._take = take or (lambda number, _partition, _key: subscriber.take(number))
        self._settings = {
            "bootstrap.servers": bootstrap_servers,
            "group.id": uuid.uuid4().hex,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
        self._topic = subscriber_topic(subscriber.name)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"read {self._topic}", daemon=True)
        self.error: Exception | None = None

    def start(self) -> "TopicReading":
        """Read in the background."""
        self._thread.start()
        return self

    async def stop(self) -> None:
        """Read no more."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        consumer = Consumer(self._settings)
        reached: dict[int, int] = {}
        try:
            partitions = consumer.list_topics(self._topic, timeout=60).topics[self._topic].partitions
            consumer.assign([TopicPartition(self._topic, number, 0) for number in partitions])
            while not self._stopping.is_set():
                for message in consumer.consume(2000, 0.2):
                    # A reader that is thrown back by a broker's restart must not count what it read before.
                    if message.error() or message.offset() <= reached.get(message.partition(), -1):
                        continue
                    reached[message.partition()] = message.offset()
                    ident = next(value for name, value in message.headers() if name == "ce_id")
                    self._take(number_of(ident.decode()), message.partition(), message.key())
        except Exception as error:  # noqa: BLE001 (told to whoever waits)
            self.error = error
        finally:
            consumer.close()
