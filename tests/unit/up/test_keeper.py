"""A keeper brings its part back. The part is made of events, not of a process."""

import asyncio

import pytest

from router.errors import EmbeddedKafkaError
from router.up.keeper import Keeper, how_it_ended
from router.up.supervisor import Supervisor
from tests.waiting import until


class APart:
    """Ends when told; may refuse to start."""

    def __init__(self, log_path):
        self.log_path = log_path
        self.exit_code = None
        self.starts = 0
        self.refusals = []
        self.ended = asyncio.Event()
        self.started = asyncio.Condition()
        self.stopped = []
        self.obeys = True

    async def start(self):
        if self.refusals:
            raise self.refusals.pop(0)
        self.ended.clear()
        self.exit_code = None
        async with self.started:
            self.starts += 1
            self.started.notify_all()

    async def wait(self):
        await self.ended.wait()

    async def stop(self, *, timeout_seconds):
        self.stopped.append(timeout_seconds)
        return self.obeys

    def kill(self):
        self.stopped.append("killed")

    def end(self, exit_code=1):
        self.exit_code = exit_code
        self.ended.set()

    async def started_times(self, count):
        async with self.started:
            await asyncio.wait_for(self.started.wait_for(lambda: self.starts >= count), 10)


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr("router.up.restarts.FIRST_PAUSE_SECONDS", 0.001)


@pytest.fixture
async def part(tmp_path):
    return APart(tmp_path / "part.log")


@pytest.fixture
async def reported():
    return []


@pytest.fixture
async def supervisor(reported):
    supervisor = Supervisor(reported.append)
    yield supervisor
    await supervisor.close()


async def test_a_part_that_ends_is_started_again_and_that_is_one_line(supervisor, part, reported):
    await supervisor.start("worker-0", part)

    part.end(-9)
    await part.started_times(2)
    await until(lambda: reported)

    assert [line.split(";")[0] for line in reported] == ["worker-0 was ended by SIGKILL"]


async def test_a_part_that_was_stopped_stays_so(supervisor, part):
    await supervisor.start("server", part)
    await supervisor.stop("server", timeout_seconds=3)
    part.end(0)
    await asyncio.sleep(0.02)

    assert (part.starts, part.stopped) == (1, [3])


async def test_one_that_had_to_be_killed_is_reported(supervisor, part, reported):
    part.obeys = False
    await supervisor.start("server", part)
    await supervisor.stop("server", timeout_seconds=3)

    assert reported == ["server did not end within 3 s and was killed"]


async def test_stopping_what_was_never_started_is_nothing(supervisor):
    await supervisor.stop("kafka", timeout_seconds=1)


async def test_a_first_start_that_fails_is_an_error(supervisor, part):
    part.refusals = [EmbeddedKafkaError("no room")]

    with pytest.raises(EmbeddedKafkaError, match="no room"):
        await supervisor.start("kafka", part)


async def test_a_later_start_that_fails_is_reported_and_tried_again(supervisor, part, reported):
    await supervisor.start("kafka", part)
    part.refusals = [EmbeddedKafkaError("no room"), OSError("no memory")]

    part.end(1)
    await part.started_times(2)
    await until(lambda: len(reported) > 2)

    assert reported[:2] == ["kafka ended with exit code 1: no room", "kafka could not be started: no memory"]
    assert reported[2].startswith("kafka could not be started; started again")


async def test_a_part_waits_for_the_one_that_it_needs(supervisor, part, tmp_path):
    kafka = APart(tmp_path / "kafka.log")
    await supervisor.start("kafka", kafka)
    await supervisor.start("worker-0", part, needs="kafka")
    kafka.refusals = [OSError("not yet")] * 3

    kafka.end()
    part.end()
    await part.started_times(2)

    assert kafka.starts == 2


async def test_one_that_keeps_ending_is_told_with_its_last_words(supervisor, part, reported):
    part.log_path.write_text("".join(f"line {n}\n" for n in range(20)))
    await supervisor.start("worker-0", part)
    for n in range(5):
        part.end()
        await part.started_times(n + 2)

    trouble = await supervisor.troubles.get()

    assert trouble.name == "worker-0"
    assert trouble.lines[-1] == "line 19"
    assert any("keeps ending" in line and "line 19" in line for line in reported)


async def test_closing_ends_everything_by_force(supervisor, part):
    await supervisor.start("server", part)
    await supervisor.close()

    assert part.stopped == ["killed"]


async def test_a_keeper_that_never_started_can_be_let_go(part):
    await Keeper("x", part, report=print, on_trouble=print).let_go()


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [(0, "ended with exit code 0"), (-15, "was ended by SIGTERM"), (-250, "was ended by signal 250")],
)
def test_an_exit_code_is_put_in_words(exit_code, words):
    assert how_it_ended(exit_code) == words
