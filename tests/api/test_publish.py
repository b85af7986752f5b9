"""The publish endpoint over a real socket: requests in, answers and records out."""

import asyncio
import http.client
import json
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import structlog

from router.ingress.http import Limits
from router.kafka.memory import MemoryProducer
from tests.api.publishing import ADMIN_TOKEN, Publishing, SlowProducer, publishing
from tests.builders import WORKSPACE, a_cloud_event, an_access_key, an_event

STRUCTURED = "application/cloudevents+json; charset=utf-8"
BATCH = "application/cloudevents-batch+json; charset=utf-8"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Publishing]:
    """One endpoint for all tests that need no special one: to start and stop it takes longer than to use it."""
    async with publishing() as started:
        yield started


@pytest.fixture
def endpoint(running: Publishing) -> Publishing:
    running.producer.topics.clear()
    return running


def error_of(answer):
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    error = answer.json()["error"]
    assert error["details"][0]["message"] == error["message"]
    assert answer.headers["x-ms-request-id"]
    return answer.status_code, error["code"], error["details"][0]["code"]


async def test_an_accepted_request_is_answered_like_event_grid_does(endpoint):
    answer = await endpoint.post([an_event(), an_event(id="2")])
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["api-supported-versions"] == "2018-01-01"
    assert answer.headers["x-ms-request-id"]
    assert answer.headers["content-length"] == "0"
    assert "server" not in answer.headers
    assert [json.loads(message.value)["id"] for message in endpoint.messages] == [an_event()["id"], "2"]


async def test_the_answer_waits_for_the_acknowledgement():
    producer = SlowProducer()
    async with publishing(producer) as endpoint:
        request = asyncio.create_task(endpoint.post([an_event()]))
        await producer.waiting.wait()
        assert not request.done()
        producer.acknowledge.set()
        assert (await request).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/events?api-version=2018-01-01", "/", "/workspaces/local/api/events", "/workspaces/LOCAL/api/events"]
)
async def test_every_path_takes_events(endpoint, path):
    assert (await endpoint.post([an_event()], path)).status_code == 200
    assert len(endpoint.messages) == 1


@pytest.mark.parametrize(("body", "content_type"), [(a_cloud_event(), STRUCTURED), ([a_cloud_event()], BATCH)])
async def test_cloud_events_are_taken(endpoint, body, content_type):
    assert (await endpoint.post(body, content_type=content_type)).status_code == 200
    assert json.loads(endpoint.messages[0].value) == a_cloud_event()


async def test_cloud_events_in_binary_mode_are_stored_structured(endpoint):
    answer = await endpoint.post(
        b'{"n": 1.50}', ce_specversion="1.0", ce_id="1", ce_source="/me", ce_type="t", ce_subject="%C3%A9", ce_mine="x"
    )
    assert answer.status_code == 200
    message = endpoint.messages[0]
    assert json.loads(message.value) == {
        "specversion": "1.0",
        "id": "1",
        "source": "/me",
        "type": "t",
        "subject": "é",
        "mine": "x",
        "datacontenttype": "application/json",
        "data": {"n": 1.5},
    }
    assert b'"data":{"n": 1.50}' in message.value
    assert message.key == "é".encode()
    assert dict(message.headers)["router-source"] == WORKSPACE.encode()


async def test_the_key_tells_the_source(endpoint):
    event = {name: value for name, value in an_event().items() if name != "topic"}
    assert (await endpoint.post([event], aeg_sas_key=an_access_key("other", 2))).status_code == 200
    assert json.loads(endpoint.messages[0].value)["topic"] == WORKSPACE.replace("local", "other").replace(
        "Groups/other", "Groups/local"
    )


async def test_the_key_may_stand_in_the_query(endpoint):
    answer = await endpoint.post([an_event()], f"/api/events?aeg-sas-key={an_access_key()}", aeg_sas_key=None)
    assert answer.status_code == 200


async def test_the_administrator_publishes_everywhere(endpoint):
    bearer = {"aeg_sas_key": None, "authorization": f"Bearer {ADMIN_TOKEN}"}
    assert (await endpoint.post([an_event()], **bearer)).status_code == 200
    assert (
        await endpoint.post(a_cloud_event(), "/topics/clouds/api/events", content_type=STRUCTURED, **bearer)
    ).status_code == 200


async def test_wrong_credentials_are_401_and_no_event_passes(endpoint):
    for headers in (
        {"aeg_sas_key": "d3Jvbmc="},
        {"aeg_sas_key": None},
        {"aeg_sas_key": None, "authorization": "Bearer x"},
    ):
        answer = await endpoint.post([an_event()], **headers)
        assert error_of(answer) == (401, "Unauthorized", "Unauthorized")
        assert f"Report '{answer.headers['x-ms-request-id']}:" in answer.json()["error"]["message"]
        assert answer.json()["error"]["message"].endswith(
            "(UTC)' to our forums for assistance or raise a support ticket."
        )
    assert error_of(await endpoint.post([an_event()], aeg_sas_key="")) == (400, "BadRequest", "InvalidSas")
    assert error_of(await endpoint.post([an_event()], "/workspaces/other/api/events"))[0] == 401
    assert endpoint.messages == []


async def test_a_refused_event_refuses_the_whole_request(endpoint):
    answer = await endpoint.post([an_event(), an_event(id=1)])
    assert error_of(answer) == (400, "BadRequest", "InputJsonInvalid")
    assert endpoint.messages == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/event",
        "/workspaces/nobody/api/events",
        "/topics/local/api/events",
        "/workspaces/local",
        "/workspaces//api/events",
    ],
)
async def test_unknown_addresses_are_404_and_never_a_redirect(endpoint, path):
    answer = await endpoint.post([an_event()], path + "?aeg-sas-key=secret")
    assert error_of(answer) == (404, "NotFound", "ResourceNotFound")
    assert f"the request URI '{endpoint.url}{path}'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
async def test_other_verbs_are_405(endpoint, method):
    answer = await endpoint.client.request(method, "/api/events")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


async def test_options_says_what_the_endpoint_takes(endpoint):
    answer = await endpoint.client.options("/topics/clouds/api/events")
    assert (answer.status_code, answer.headers["allow"]) == (200, "POST, OPTIONS")
    assert answer.headers["aeg-input-event-schema"] == "CloudEventV10"
    assert answer.headers["api-supported-versions"] == "2018-01-01"


async def test_a_body_that_is_too_large_is_413_however_it_comes(endpoint):
    async def chunks():
        for _ in range(30):
            yield b" " * 100_000

    for body in (b" " * 1_700_000, b" " * 12_000_000, chunks()):
        answer = await endpoint.post(body)
        assert error_of(answer) == (413, "RequestEntityTooLarge", "PayloadTooLarge")
        assert answer.json()["error"]["message"] == "The maximum size (1536000) has been exceeded."


@pytest.mark.parametrize(("key", "status"), [(an_access_key(), 413), ("d3Jvbmc=", 401)])
async def test_clients_that_send_everything_before_they_read_get_their_answer(endpoint, key, status):
    def publish() -> int:
        client = http.client.HTTPConnection("127.0.0.1", endpoint.client.base_url.port, timeout=20)
        headers = {"aeg-sas-key": key, "connection": "close"}
        client.request("POST", "/api/events", b"x" * 5_000_000, headers)
        status = client.getresponse().status
        client.close()
        return status

    assert await asyncio.to_thread(publish) == status


async def test_without_kafka_the_answer_is_503_with_retry_after(endpoint):
    endpoint.producer.broken = True
    answer = await endpoint.post([an_event()])
    assert error_of(answer) == (503, "ServiceUnavailable", "ServiceUnavailable")
    assert int(answer.headers["retry-after"]) > 0
    endpoint.producer.broken = False
    assert (await endpoint.post([an_event()])).status_code == 200


async def test_kafka_that_does_not_acknowledge_is_waited_for_a_bounded_time():
    async with publishing(SlowProducer(), Limits(produce_seconds=0.05)) as endpoint:
        assert error_of(await endpoint.post([an_event()]))[0] == 503


async def test_more_bytes_than_the_budget_wait_a_bounded_time():
    producer = SlowProducer()
    async with publishing(producer, Limits(memory_bytes=600, wait_seconds=0.05)) as endpoint:
        first = asyncio.create_task(endpoint.post([an_event()]))
        await producer.waiting.wait()
        second = await endpoint.post([an_event()])
        assert error_of(second)[0] == 503
        producer.acknowledge.set()
        await first


async def test_a_body_that_does_not_arrive_is_408():
    async with publishing(limits=Limits(body_seconds=0.05)) as endpoint:
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.client.base_url.port)
        head = f"POST / HTTP/1.1\r\nhost: localhost\r\naeg-sas-key: {an_access_key()}\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n"
        writer.write(head.encode())
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        await reader.readline()
        assert await reader.readline() == b"HTTP/1.1 408 Request Timeout\r\n"
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_goes_away_leaves_nothing_behind(endpoint):
    with socket.create_connection(("127.0.0.1", endpoint.client.base_url.port)) as client:
        client.sendall(
            f"POST / HTTP/1.1\r\nhost: x\r\naeg-sas-key: {an_access_key()}\r\ncontent-length: 99\r\n\r\n[".encode()
        )
    assert (await endpoint.post([an_event()])).status_code == 200
    assert len(endpoint.messages) == 1


async def test_stopping_finishes_what_was_accepted():
    producer = SlowProducer()
    async with publishing(producer) as endpoint:
        request = asyncio.create_task(endpoint.post([an_event()]))
        await producer.waiting.wait()
        stopping = asyncio.create_task(endpoint.server.stop())
        await asyncio.sleep(0)
        producer.acknowledge.set()
        assert (await request).status_code == 200
        await stopping


async def test_requests_are_counted(endpoint):
    def count(name, **labels):
        return endpoint.metrics.registry.get_sample_value(name, labels) or 0

    accepted, refused, answered = (
        count("router_events_published_total"),
        count("router_publish_failed_total", error="InputJsonInvalid"),
        count("router_publish_seconds_count"),
    )
    await endpoint.post([an_event(), an_event()])
    await endpoint.post([an_event(id=None)])
    assert count("router_events_published_total") == accepted + 2
    assert count("router_publish_failed_total", error="InputJsonInvalid") == refused + 1
    assert count("router_publish_seconds_count") == answered + 2


async def test_one_line_is_logged_a_request_without_a_word_of_the_publisher(endpoint):
    hostile = "\x1b[31mevil"
    with structlog.testing.capture_logs() as lines:
        await endpoint.post([an_event(id=hostile), an_event(subject=hostile)])
        await endpoint.post([{hostile: hostile}], aeg_sas_key=an_access_key())
        await endpoint.post([an_event()], aeg_sas_key="c2VjcmV0")
    assert [line["event"] for line in lines] == ["event.accepted", "event.refused", "event.refused"]
    assert (lines[0]["events"], lines[0]["source"]) == (2, WORKSPACE)
    assert "evil" not in repr(lines)
    assert "c2VjcmV0" not in repr(lines)


@pytest.mark.parametrize("host", ["[", "evil.test:99999999", "\u00e9".encode(), "a b", ":::"])
async def test_an_odd_host_header_is_no_trouble(endpoint, host):
    answer = await endpoint.client.post(
        "/api/events", content=b"[]", headers=[(b"host", host if isinstance(host, bytes) else host.encode())]
    )
    assert answer.status_code in (400, 401)


async def test_many_at_once_are_all_answered():
    producer = MemoryProducer()
    async with publishing(producer) as endpoint:
        answers = await asyncio.gather(*(endpoint.post([an_event(id=str(n))]) for n in range(100)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({message.value for message in endpoint.messages}) == 100
