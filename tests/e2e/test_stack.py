"""A stack of real processes on a real Kafka: stand-ins for server and worker, which are quick to start and easy to break."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from router.errors import SettingsError
from router.kafka.embedded.ports import free_port
from router.up.options import UpOptions
from router.up.programs import ProgramSpec
from router.up.stack import Stack, StartError

pytestmark = pytest.mark.kafka

SERVER = """
import http.server, sys, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
WORKER = "import time; time.sleep(600)"
BROKEN = "raise SystemExit('the stand-in is broken')"


class Programs:
    """Command lines for a stack; remembers what it was asked."""

    def __init__(self, server: str = SERVER, worker: str = WORKER):
        self._server, self._worker = server, worker
        self.asked = {}

    def __call__(self, options, **asked):
        self.asked = asked
        python = (sys.executable, "-S", "-c")
        workers = [
            ProgramSpec(f"worker-{n}", (*python, self._worker), dict(os.environ))
            for n, _ in enumerate(asked["metrics_ports"])
        ]
        return ProgramSpec("server", (*python, self._server, str(options.port)), dict(os.environ)), workers


@pytest.fixture
def options(tmp_path, kafka):
    return UpOptions(data_dir=tmp_path, port=free_port(), bootstrap_servers=kafka.bootstrap_servers, workers=2)


def children() -> dict[int, str]:
    """Process id and command line of each living child of this test, Kafka aside."""
    found = {}
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        if line and "kafka.Kafka" not in line:
            found[int(pid)] = line
    return found


async def until(condition) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.02)
    assert condition()


async def test_a_stack_is_ready_and_leaves_nothing_behind(options):
    async with Stack(options, specs=Programs()) as stack:
        await stack.wait_ready()
        assert len(children()) == 3

    assert children() == {}


async def test_what_is_killed_comes_back_and_the_rest_goes_on(options):
    reported = []
    async with Stack(options, report=reported.append, specs=Programs()) as stack:
        await stack.wait_ready()
        before = children()
        victim = next(pid for pid, line in before.items() if WORKER in line)
        os.kill(victim, signal.SIGKILL)
        await until(lambda: victim not in children() and len(children()) == 3)

        assert len(before.keys() & children().keys()) == 2
    assert [line.split(";")[0] for line in reported] == ["worker-0 was ended by SIGKILL"] or reported[0].startswith(
        "worker-1"
    )


async def test_a_part_that_cannot_live_is_named_with_its_last_words(options):
    async with Stack(options, specs=Programs(server=BROKEN)) as stack:
        with pytest.raises(StartError, match="server keeps ending: the stand-in is broken") as raised:
            await stack.wait_ready()

    assert "server.log" in raised.value.hint
    assert children() == {}


async def test_one_that_takes_too_long_is_told_what_it_waits_for(options):
    async with Stack(options, specs=Programs(server=WORKER)) as stack:
        with pytest.raises(StartError, match="not ready after 0 s; still waiting for server: does not answer yet"):
            await stack.wait_ready(timeout_seconds=0.0)


async def test_a_data_directory_is_for_one_stack(options):
    async with Stack(options, specs=Programs()):
        with pytest.raises(SettingsError, match=rf"in use by another `router up` \(process {os.getpid()}\)"):
            await Stack(options, specs=Programs()).start()
        await until(lambda: len(children()) == 3)


async def test_a_taken_port_of_the_server_is_refused_before_anything_starts(options, monkeypatch):
    monkeypatch.setattr("router.up.stack.PORT_PATIENCE_SECONDS", 0.0)
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", options.port):
        with pytest.raises(SettingsError, match=r"the server cannot listen on 127\.0\.0\.1:"):
            await Stack(options, specs=Programs()).start()

    assert children() == {}


async def test_workers_keep_their_instance_over_restarts(options):
    instances = []
    for _ in range(2):
        programs = Programs()
        async with Stack(options, specs=programs):
            instances.append(programs.asked["instance"])

    assert instances[0] == instances[1]


async def test_a_stack_can_be_ended_by_force(options):
    stack = Stack(options, specs=Programs())
    await stack.start()
    stack.kill()
    await stack.stop()

    assert children() == {}
