"""`router loadtest` against a router that runs."""

import asyncio
import json
import subprocess
import sys

import pytest

from router.kafka.embedded.ports import free_port
from tests.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("loadtest")
    command = [sys.executable, "-m", "router", "up", "--data-dir", str(directory)]
    ports = ["--port", str(free_port()), "--kafka-port", str(free_port()), "--metrics-port", str(free_port())]
    with (directory / "up.log").open("wb") as log:
        process = subprocess.Popen([*command, *ports], stdout=log, stderr=log)
    yield directory
    process.terminate()
    process.wait(60)


async def loadtest(data_dir, *arguments):
    await until(lambda: "is ready" in (data_dir / "up.log").read_text(), seconds=180)
    command = [sys.executable, "-m", "router", "loadtest", "--data-dir", str(data_dir), "--json", "-", *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


async def test_every_event_is_verified_at_every_topic(data_dir, tmp_path):
    page = tmp_path / "report.html"
    options = ("--events", "3000", "--rate", "1500", "--subscriptions", "2", "--matching", "0.5", "--html", str(page))
    figures = await loadtest(data_dir, *options)
    assert (figures["published"], figures["expected"], figures["delivered"]) == (3000, 3000, 3000)
    assert (figures["lost"], figures["duplicates"]) == (0, 0)
    assert "<svg" in page.read_text()


async def test_webhooks_are_verified_too(data_dir):
    figures = await loadtest(data_dir, "--events", "500", "--rate", "250", "--sink", "webhook", "--publish", "kafka")
    assert (figures["delivered"], figures["lost"]) == (500, 0)


async def test_a_stopped_worker_is_seen_by_the_measurement(data_dir):
    figures = await loadtest(data_dir, "--events", "3000", "--rate", "1000", "--pause-worker", "2")
    assert figures["lost"] == 0
    assert figures["latency_ms"]["max"] > 1500


async def test_a_test_that_is_told_to_stop_leaves_nothing_behind(data_dir):
    await until(lambda: "is ready" in (data_dir / "up.log").read_text(), seconds=180)
    router = [sys.executable, "-m", "router"]
    where = ["--data-dir", str(data_dir)]

    def subscriptions() -> str:
        listed = [*router, "event-subscription", "list", *where]
        return subprocess.run(listed, capture_output=True, text=True, check=True).stdout

    test = await asyncio.create_subprocess_exec(*router, "loadtest", "--events", "1000000", *where)
    try:
        while "loadtest/" not in await asyncio.to_thread(subscriptions):
            assert test.returncode is None
        test.terminate()
        assert await test.wait() == 143
    finally:
        if test.returncode is None:
            test.kill()
    assert "loadtest/" not in await asyncio.to_thread(subscriptions)
