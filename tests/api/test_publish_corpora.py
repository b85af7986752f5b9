"""Hostile bodies: accepted or refused as the rules say, and never in a log."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import structlog

from tests.api.publishing import Publishing, publishing
from tests.builders import a_cloud_event, an_event
from tests.hostile_corpora import json_cases, naughty_strings

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.npm,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(240),
]

LOGGED = {
    "bytes",
    "duration_ms",
    "error",
    "event",
    "events",
    "log_level",
    "request_id",
    "source",
    "status",
}
GRID_TEXTS = ("id", "subject", "eventType", "dataVersion")
CLOUD_TEXTS = ("id", "source", "type", "subject", "datacontenttype", "dataschema", "traceid")
STRUCTURED = {"content_type": "application/cloudevents-batch+json"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Publishing]:
    async with publishing() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def endpoint(running: Publishing) -> AsyncIterator[Publishing]:
    """The endpoint; after each test its log holds nothing of what was sent, and it takes the next good event."""
    running.producer.topics.clear()
    with structlog.testing.capture_logs() as lines:
        yield running
        assert (await running.post([an_event()])).status_code == 200
    assert {name for line in lines for name in line} <= LOGGED
    assert {line["event"] for line in lines} <= {"event.accepted", "event.refused"}


async def test_json_as_a_whole_body(endpoint):
    for case in json_cases():
        answer = await endpoint.post(case.raw)
        # Of all of them only an empty array is a request that has nothing wrong.
        expected = 200 if case.valid is not False and case.raw.strip() in (b"[]", b"[ ]") else 400
        assert answer.status_code == expected, case.name
        assert answer.status_code == 200 or answer.json()["error"]["details"][0]["code"] == "InputJsonInvalid"
    assert endpoint.messages == []


@pytest.mark.parametrize("schema", ["grid", "cloud"])
async def test_json_as_the_data_of_an_event(endpoint, schema):
    event, headers = (an_event(), {}) if schema == "grid" else (a_cloud_event(), STRUCTURED)
    before, after = json.dumps(event | {"data": "@"}).encode().split(b'"@"')
    for case in json_cases():
        endpoint.producer.topics.clear()
        answer = await endpoint.post(b"[" + before + case.raw + after + b"]", **headers)
        assert answer.status_code in {True: (200,), False: (400,), None: (200, 400)}[case.valid], case.name
        if answer.status_code == 200:
            assert endpoint.messages[0].value == before + case.raw + after, case.name


async def test_json_as_one_element_of_a_batch_lets_none_of_it_through(endpoint):
    good = json.dumps(an_event()).encode()
    for case in json_cases():
        answer = await endpoint.post(b"[" + good + b"," + case.raw + b"," + good + b"]")
        assert answer.status_code == 400, case.name
    assert endpoint.messages == []


@pytest.mark.parametrize("field", GRID_TEXTS)
async def test_naughty_strings_in_event_grid_events(endpoint, field):
    await check_strings(endpoint, an_event(), field, must_have_text=("id", "eventType"))


@pytest.mark.parametrize("field", CLOUD_TEXTS)
async def test_naughty_strings_in_cloud_events(endpoint, field):
    await check_strings(endpoint, a_cloud_event(), field, must_have_text=("id", "source", "type"), **STRUCTURED)


@pytest.mark.parametrize(
    ("event", "field", "headers"),
    [(an_event(), "eventTime", {}), (a_cloud_event(), "time", STRUCTURED), (an_event(), "topic", {})],
)
async def test_naughty_strings_are_neither_times_nor_topics(endpoint, event, field, headers):
    for text in naughty_strings():
        answer = await endpoint.post([event | {field: text}], **headers)
        assert answer.status_code == (200 if field == "topic" and not text else 400), text


async def test_naughty_strings_in_headers_of_binary_mode(endpoint):
    for text in naughty_strings():
        try:
            value = text.encode("latin-1").decode("latin-1")
        except UnicodeEncodeError:
            continue
        if not value or not value.isprintable() or value != value.strip():
            continue
        given = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/me", "ce_type": "t", "ce_subject": value}
        answer = await endpoint.post(b"{}", **given)
        assert answer.status_code in (200, 400), text


async def check_strings(endpoint, event, field, must_have_text, **headers):
    texts = naughty_strings()
    good = [text for text in texts if "\0" not in text and (text or field not in must_have_text)]
    assert (await endpoint.post([event | {field: text} for text in good], **headers)).status_code == 200
    assert [json.loads(message.value)[field] for message in endpoint.messages] == good
    for text in set(texts) - set(good):
        assert (await endpoint.post([event | {field: text}], **headers)).status_code == 400
