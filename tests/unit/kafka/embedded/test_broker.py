"""The parts of the embedded Kafka that need no Kafka."""

import asyncio
import socket
import threading

import pytest

from router.errors import EmbeddedKafkaError
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions, cause, in_thread


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["INFO fine", "java.lang.RuntimeException: outer", "\tat x", "Caused by: java.io.IOException: disk"], "disk"),
        (["Error: Could not find or load main class kafka.Kafka", "bye"], "main class"),
        (["one", "", "two"], "one | two"),
        ([], "it said nothing"),
    ],
)
def test_the_line_that_says_why_is_found(lines, said):
    assert said in cause(lines)


async def test_a_taken_port_is_refused_before_anything_is_started(tmp_path, monkeypatch):
    monkeypatch.setattr("router.kafka.embedded.broker.PORT_PATIENCE_SECONDS", 0.0)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        kafka = EmbeddedKafka(EmbeddedKafkaOptions(tmp_path, port=listener.getsockname()[1]))

        with pytest.raises(EmbeddedKafkaError, match="taken by") as raised:
            await kafka.start()

    assert "--kafka-port" in raised.value.hint
    assert not kafka.is_running


async def test_a_kafka_that_was_never_started_can_be_stopped(tmp_path):
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(tmp_path, port=0))

    assert await kafka.stop()
    await kafka.wait()
    kafka.kill()
    assert kafka.pid is None


async def test_work_in_a_thread_gives_its_result_or_its_error():
    assert await in_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_who_waits_for_a_thread_can_give_up():
    go_on, ended = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait()
        ended.set()

    waiting = asyncio.create_task(in_thread(work))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    go_on.set()
    assert await asyncio.to_thread(ended.wait, 10)
