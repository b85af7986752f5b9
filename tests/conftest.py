"""Fixtures only; things to build are in builders.py."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions

RUNNING = "TEST_BOOTSTRAP_SERVERS"
"""Names a broker that runs already; saves the start of one while developing."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """A real broker for tests, empty at the start of the run; topics need names of their own."""

    bootstrap_servers: str


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """The embedded Kafka, started when the first test asks for it; one for the whole run."""
    if running := os.environ.get(RUNNING):
        yield Kafka(running)
        return
    broker = EmbeddedKafka(EmbeddedKafkaOptions(tmp_path_factory.mktemp("kafka"), port=0, short_lived=True))
    asyncio.run(broker.start())
    try:
        yield Kafka(broker.bootstrap_servers)
    finally:
        broker.kill()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts processes and brokers may take longer: a busy machine is no failure."""
    for item in items:
        if item.get_closest_marker("kafka") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))
