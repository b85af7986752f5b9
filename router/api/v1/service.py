"""The history as a part of the server: its process, its routes and its redrives."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from starlette.routing import BaseRoute

from router.api.v1.explain import explain_routes
from router.api.v1.history_queries import HistoryQueries
from router.api.v1.routes import history_routes, unknown_routes
from router.credentials import BearerTokens
from router.history.options import HistoryOptions
from router.history.process import HistoryProcess
from router.history.reader import HistoryReader
from router.history.redrive import Redriver
from router.history.stored_records import StoredRecords
from router.kafka.admin import committed_offset
from router.kafka.producer import Producer
from router.settings import Settings
from router.subscriptions.view import SubscriptionsView
from topics import WORKSPACE_EVENTS

FANOUT_GROUP: Final = "router-fanout"


class HistoryService:
    """What answers under /v1, and what it answers from."""

    def __init__(
        self, process: HistoryProcess, records: StoredRecords, redriver: Redriver, routes: list[BaseRoute]
    ) -> None:
        self._process = process
        self._records = records
        self._redriver = redriver
        self.routes = routes

    async def start(self) -> None:
        """Start the process that fills the history."""
        await self._process.start()

    async def stop(self) -> None:
        """End redrives, connections and the process."""
        await self._redriver.stop()
        await self._records.stop()
        await self._process.stop()


def build_history(
    *,
    settings: Settings,
    subscriptions: SubscriptionsView,
    producer: Producer,
    tokens: BearerTokens,
    now: Callable[[], datetime],
) -> HistoryService:
    """Return the history of a server, its routes last in line for everything under /v1."""
    options = HistoryOptions.of(settings)
    reader, records = HistoryReader(options.path), StoredRecords(settings.bootstrap_servers)
    redriver = Redriver(reader=reader, records=records, producer=producer, subscriptions=subscriptions, now=now)

    async def fanned_out(partition: int) -> int | None:
        return await committed_offset(settings.bootstrap_servers, FANOUT_GROUP, WORKSPACE_EVENTS.name, partition)

    queries = HistoryQueries(reader=reader, records=records, view=subscriptions, fanned_out=fanned_out)
    routes = [*explain_routes(subscriptions, queries, tokens), *history_routes(queries, redriver, tokens)]
    return HistoryService(HistoryProcess(options), records, redriver, [*routes, *unknown_routes(routes, tokens)])
