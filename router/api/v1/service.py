"""The history as a part of the server: its process, its routes and its redrives."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from starlette.routing import BaseRoute

from router.api.v1.documentation import documentation_route
from router.api.v1.explain import explain_routes
from router.api.v1.history_queries import HistoryQueries
from router.api.v1.routes import history_routes, unknown_routes
from router.history.options import GROUP, HistoryOptions
from router.history.process import HistoryProcess
from router.history.reader import HistoryReader, HistoryUnavailableError
from router.history.redrive import Redriver
from router.history.stored_records import StoredRecords
from router.identity.callers import Callers
from router.kafka.admin import committed_offset
from router.kafka.producer import Producer
from router.observability.metrics import Metrics
from router.settings import Settings
from router.subscriptions.view import SubscriptionsView
from topics import WORKSPACE_EVENTS

FANOUT_GROUP: Final = "router-fanout"
LAG_SECONDS: Final = 5.0


class HistoryService:
    """What answers under /v1, and what it answers from."""

    def __init__(
        self,
        process: HistoryProcess,
        records: StoredRecords,
        redriver: Redriver,
        routes: list[BaseRoute],
        lag: "Lag | None" = None,
    ) -> None:
        self._process = process
        self._records = records
        self._redriver = redriver
        self._lag = lag
        self._reporting: asyncio.Task[None] | None = None
        self.routes = routes

    async def start(self) -> None:
        """Start the process that fills the history."""
        await self._process.start()
        if self._lag is not None:
            self._reporting = asyncio.create_task(self._lag.report(), name="history lag")

    async def stop(self) -> None:
        """End redrives, connections and the process."""
        if self._reporting is not None:
            self._reporting.cancel()
        await self._redriver.stop()
        await self._records.stop()
        await self._process.stop()


class Lag:
    """Tells the metrics how far the history is behind."""

    def __init__(self, reader: HistoryReader, metrics: Metrics) -> None:
        self._reader = reader
        self._metrics = metrics

    async def report(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            await asyncio.sleep(LAG_SECONDS)
            with suppress(HistoryUnavailableError):
                for (topic, partition), records in (await asyncio.to_thread(self._reader.behind)).items():
                    self._metrics.consumer_lag.labels(GROUP, topic, str(partition)).set(records)


def build_history(  # noqa: PLR0913 (a composition root takes every collaborator)
    *,
    settings: Settings,
    subscriptions: SubscriptionsView,
    producer: Producer,
    tokens: Callers,
    now: Callable[[], datetime],
    metrics: Metrics | None = None,
) -> HistoryService:
    """Return the history of a server, its routes last in line for everything under /v1."""
    options = HistoryOptions.of(settings)
    reader, records = HistoryReader(options.path), StoredRecords(settings.bootstrap_servers)
    redriver = Redriver(reader=reader, records=records, producer=producer, subscriptions=subscriptions, now=now)

    async def fanned_out(partition: int) -> int | None:
        return await committed_offset(settings.bootstrap_servers, FANOUT_GROUP, WORKSPACE_EVENTS.name, partition)

    queries = HistoryQueries(reader=reader, records=records, view=subscriptions, fanned_out=fanned_out)
    routes = [
        *explain_routes(subscriptions, queries, tokens),
        *history_routes(queries, redriver, subscriptions, tokens),
    ]
    lag = Lag(reader, metrics) if metrics is not None else None
    pages = [documentation_route(), *unknown_routes(routes, tokens)]
    return HistoryService(HistoryProcess(options), records, redriver, [*routes, *pages], lag)
