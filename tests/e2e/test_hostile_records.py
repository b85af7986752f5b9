"""Hostile corpora as records of workspace.events: what is an event is routed, the rest is put aside, nothing stops."""

import asyncio
import json
import uuid

import pytest

from router.kafka.producer import Message
from tests.builders import an_event, as_bytes, event_headers
from tests.e2e.test_fanout import world  # noqa: F401 (a fixture)
from tests.hostile_corpora import json_cases, naughty_strings

pytestmark = [pytest.mark.kafka, pytest.mark.npm, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(400)]

LEAST_TELLING = 12
"""Shorter strings may be in a log by chance."""


async def test_hostile_records_are_routed_or_put_aside_and_the_next_good_event_arrives(world):  # noqa: F811
    sink = await world.subscribe("hostile")
    worker = await world.worker().ready()
    cases, texts = json_cases(), naughty_strings()
    before, after = as_bytes(an_event(data="@")).split(b'"@"')
    marker = uuid.uuid4().hex
    bare = [Message(b"k", case.raw) for case in cases]
    inside = [Message(b"k", before + case.raw + after, event_headers(an_event())) for case in cases]
    named = [Message(b"k", as_bytes(an_event(subject=text)), event_headers(an_event(subject=text))) for text in texts]
    good = Message(b"k", as_bytes(an_event(id=marker)), event_headers(an_event(id=marker)))
    await world.producer.send_all("workspace.events", [world.mark(one) for one in (*bare, *inside, *named, good)])
    valid = [before + case.raw + after for case in cases if case.valid is True]
    expected = len({*valid, *(message.value for message in named), good.value})
    routed = [message.value() for message in await asyncio.to_thread(world.read, sink, expected)]
    assert json.loads(routed[-1])["id"] == marker
    assert set(valid) <= set(routed)
    assert {message.value for message in named} <= set(routed)
    # None of the bare texts is an event, and of those inside an event none is routed that is not JSON.
    assert not {message.value for message in bare} & set(routed)
    assert not {before + case.raw + after for case in cases if case.valid is False} & set(routed)
    unreadable = await asyncio.to_thread(world.read, "router.unreadable", len(bare), own=False)
    assert {message.value for message in bare} <= {one.value() or b"" for one in unreadable}
    log = worker.log
    telling = [text for text in texts if len(text) >= LEAST_TELLING]
    assert not [text for text in telling if text in log or json.dumps(text)[1:-1] in log]
    assert worker.terminate() == 0
