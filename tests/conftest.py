"""Fixtures only; things to build are in builders.py."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, settings

from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions

RUNNING = "TEST_BOOTSTRAP_SERVERS"
"""Names a broker that runs already; saves the start of one while developing. Not for several processes of tests."""

LONGEST = "test_fanout.py"
"""The module of tests that takes longest."""

# On a busy machine any example may take long.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Readline, which pytest loads, hands the width of its terminal to the processes that pytest-xdist starts.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.pop("COLUMNS", None)


@dataclass(frozen=True, slots=True)
class Kafka:
    """A real broker for tests, empty at the start of each module; topics need names of their own within one."""

    bootstrap_servers: str


@pytest.fixture(scope="session")
def embedded_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Addresses of the embedded Kafka, started when the first test asks for it; one for each process of tests."""
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(tmp_path_factory.mktemp("kafka"), port=0, short_lived=True))
    asyncio.run(kafka.start())
    try:
        yield kafka.bootstrap_servers
    finally:
        kafka.kill()


@pytest.fixture(scope="module")
def kafka(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """The broker for one module, whose topics go with it: nobody works through the backlog of other modules."""
    if running := os.environ.get(RUNNING):
        assert "PYTEST_XDIST_WORKER" not in os.environ, f"modules would meet on one broker: {RUNNING} needs -n 0"
        yield Kafka(running)
        return
    bootstrap_servers = request.getfixturevalue("embedded_kafka")
    yield Kafka(bootstrap_servers)
    client = AdminClient({"bootstrap.servers": bootstrap_servers})
    names = [name for name in client.list_topics(timeout=30).topics if not name.startswith("__")]
    for deleted in client.delete_topics(names, operation_timeout=30).values() if names else ():
        deleted.result(60)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts processes and brokers may take longer: a busy machine is no failure.

    The module that takes longest begins first: one of two processes would else wait for the other at the end.
    """
    items.sort(key=lambda item: item.path.name != LONGEST)
    for item in items:
        if item.get_closest_marker("kafka") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))
