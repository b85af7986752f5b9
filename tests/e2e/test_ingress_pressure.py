"""A thousand connections at once while Kafka is gone: memory stays bounded, everyone gets an answer, nothing is lost."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.builders import an_event
from tests.e2e.test_ingress import ServerProcess, server  # noqa: F401 (a fixture)

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(400),
]

CONNECTIONS = 1000
MEGABYTE = 1024 * 1024
BODY = json.dumps([an_event(data={"pad": "x" * 1_000_000})]).encode()
ALLOWED_BYTES = 400 * MEGABYTE
"""All bodies are a gigabyte; the budget for bodies is 64 MiB, and what is made of one holds it a few times over."""


def resident_bytes(process_id: int) -> int:
    fields = (line.split() for line in Path(f"/proc/{process_id}/status").read_text().splitlines())
    return next(int(field[1]) * 1024 for field in fields if field[0] == "VmRSS:")


async def publish(server: ServerProcess, head: bytes) -> tuple[int, bytes]:  # noqa: F811
    """Publish over a connection of its own; return status and head of the answer, 0 when the connection broke."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head + BODY)
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    except (ConnectionError, asyncio.IncompleteReadError):
        return 0, b""
    return int(answer.split()[1]), answer


async def test_a_thousand_connections_without_kafka_are_answered_503_in_bounded_memory(server):  # noqa: F811
    key = server.credentials["workspace"]["key1"]
    head = f"POST /api/events HTTP/1.1\r\nHost: localhost\r\naeg-sas-key: {key}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    idle = resident_bytes(server.process_id)
    server.kafka.kill()
    await server.kafka.wait()
    publishers = [asyncio.create_task(publish(server, head.encode())) for _ in range(CONNECTIONS)]
    peak = idle
    while not all(task.done() for task in publishers):
        peak = max(peak, resident_bytes(server.process_id))
        await asyncio.sleep(0.1)
    answers = [task.result() for task in publishers]
    assert {status for status, _ in answers} == {503}
    assert all(b"retry-after: " in answer for _, answer in answers)
    assert peak - idle < ALLOWED_BYTES, f"{(peak - idle) // MEGABYTE} MiB"
    await server.kafka.start()
    await server.wait_until_ready()
    assert await server.publish("after-the-storm") == 200
    assert "after-the-storm" in await server.stored()
