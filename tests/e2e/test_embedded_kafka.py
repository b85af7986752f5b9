"""The embedded Kafka on a real JVM: data survives, nothing is left behind, and it says why it cannot start."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

import router
from router.errors import EmbeddedKafkaError
from router.kafka.admin import ensure_topics, partition_counts
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.kafka.embedded.jars import cache_directory
from router.kafka.embedded.ports import free_port
from router.kafka.embedded.probe import is_serving
from router.kafka.embedded.storage import log_directory
from tests.waiting import until
from topics import WORKSPACE_EVENTS

pytestmark = pytest.mark.kafka

PARENT = """
import asyncio, sys, pathlib, time
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
kafka = EmbeddedKafka(EmbeddedKafkaOptions(pathlib.Path(sys.argv[1]), port=0, short_lived=True))
asyncio.run(kafka.start())
print(kafka.pid, flush=True)
time.sleep(600)
"""


def embedded(directory: Path) -> EmbeddedKafka:
    return EmbeddedKafka(EmbeddedKafkaOptions(directory, port=0, short_lived=True))


async def in_transactions(bootstrap_servers: str, count: int) -> list[AIOKafkaProducer]:
    """Producers that have each sent a number, in a transaction that only needs to be committed."""
    producers = []
    for number in range(count):
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, transactional_id=f"embedded-test-{number}")
        await producer.start()
        await producer.begin_transaction()
        await (await producer.send(WORKSPACE_EVENTS.name, b"%d" % number))
        producers.append(producer)
    return producers


async def committed(bootstrap_servers: str, count: int) -> set[int]:
    consumer = AIOKafkaConsumer(
        WORKSPACE_EVENTS.name,
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    records = [await asyncio.wait_for(consumer.getone(), 30) for _ in range(count)]
    await consumer.stop()
    return {int(record.value) for record in records}


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def about(pid: int, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text()


async def test_all_that_was_committed_before_a_kill_is_read_after_it(tmp_path):
    kafka = embedded(tmp_path / "kafka")
    await kafka.start()
    await ensure_topics(kafka.bootstrap_servers, [WORKSPACE_EVENTS])
    producers = await in_transactions(kafka.bootstrap_servers, 8)
    port, first = kafka.port, kafka.pid

    # Committed is decided; that it was is not yet written to the partitions (router/kafka/embedded/recovery.py).
    await asyncio.gather(*(producer.commit_transaction() for producer in producers))
    kafka.kill()
    assert not await is_serving("127.0.0.1", port)
    assert kafka.exit_code == -signal.SIGKILL
    await kafka.start()

    assert (kafka.port, kafka.pid == first) == (port, False)
    assert await committed(kafka.bootstrap_servers, 8) == set(range(8))
    for producer in producers:
        await producer.stop()
    assert await kafka.stop()
    assert not kafka.is_running


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_jvm_is_left_when_the_parent_is_killed(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(router.__file__).parents[1])},
    )
    jvm = int(parent.stdout.readline())
    assert b"kafka.Kafka" in Path(f"/proc/{jvm}/cmdline").read_bytes()

    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 30
    while lives(jvm) and time.monotonic() < end:
        time.sleep(0.01)

    assert not lives(jvm)


async def test_a_kafka_that_ends_while_it_starts_says_why_and_where_its_log_is(tmp_path):
    kafka = embedded(tmp_path)
    await kafka.start()
    await kafka.stop()
    meta = log_directory(tmp_path) / "meta.properties"
    meta.write_text(meta.read_text().replace("node.id=1", "node.id=7"))

    with pytest.raises(EmbeddedKafkaError, match=r"Kafka ended while it started \(exit code 1\): .*7") as raised:
        await kafka.start()

    assert str(kafka.log_path) in raised.value.hint
    assert not kafka.is_running


async def test_ports_that_somebody_takes_while_it_starts_are_replaced(tmp_path, monkeypatch):
    kafka = embedded(tmp_path)
    with socket.socket() as quicker:
        quicker.bind(("127.0.0.1", 0))
        quicker.listen()
        chosen = [quicker.getsockname()[1]]

        def free(**given):
            return chosen.pop() if chosen else free_port(**given)

        monkeypatch.setattr("router.kafka.embedded.broker.free_port", free)
        await kafka.start()
    assert await is_serving("127.0.0.1", kafka.port)
    await kafka.stop()


async def test_topics_are_not_made_by_asking_for_them(kafka):
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    await producer.client.force_metadata_update()

    assert "never-created" not in await partition_counts(kafka.bootstrap_servers)
    await producer.stop()


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_the_first_start_makes_an_archive_of_classes_that_later_ones_use(tmp_path):
    first = embedded(tmp_path / "fetches-the-jars")
    await first.start()
    first.kill()
    cache = tmp_path / "cache"
    shutil.copytree(cache_directory(), cache, ignore=shutil.ignore_patterns("*.jsa*"))
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(tmp_path / "kafka", port=0, cache_dir=cache))

    await kafka.start()
    await until(lambda: [path.stat().st_size > 0 for path in cache.glob("classes-*.jsa")] == [True], seconds=200)
    kafka.kill()
    await kafka.start()

    archive = next(cache.glob("classes-*.jsa"))
    assert f"-XX:SharedArchiveFile={archive}" in about(kafka.pid, "cmdline")
    assert str(archive) in about(kafka.pid, "maps")
    kafka.kill()
