"""Publishing a batch, and trying again when nothing was accepted."""

import httpx
import pytest

from router.client.access import Access
from router.client.batches import cut, read_events
from router.client.publishing import PAUSES_SECONDS, Publisher
from router.errors import RefusedError, RouterError
from tests.builders import a_cloud_event, an_event, as_bytes

ACCEPTED = httpx.Response(200)
BUSY = httpx.Response(503, json={"error": {"code": "Busy", "message": "Kafka is away."}})


def batch_of(event):
    return next(cut(read_events(as_bytes(event)), 10))


def publish(*answers, event=None, times=1):
    """Publish against answers given in turn, the last one for ever; return the requests and the pauses."""
    left, requests, pauses = list(answers), [], []

    def service(request):
        requests.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    access = Access("http://127.0.0.1:8080", "token", "/w")
    with Publisher(
        access, "/api/events", "the key", transport=httpx.MockTransport(service), sleep=pauses.append
    ) as publisher:
        for _ in range(times):
            publisher.publish(batch_of(event or an_event()))
    return requests, pauses


@pytest.mark.parametrize(
    ("event", "content_type"),
    [
        (an_event(), "application/json; charset=utf-8"),
        (a_cloud_event(), "application/cloudevents-batch+json; charset=utf-8"),
    ],
)
def test_a_batch_is_posted_with_key_and_content_type(event, content_type):
    ((request,), _) = publish(ACCEPTED, event=event)
    assert request.headers["aeg-sas-key"] == "the key"
    assert request.headers["content-type"] == content_type
    assert request.content == b"[" + as_bytes(event) + b"]"


def test_a_busy_server_is_tried_again():
    requests, pauses = publish(BUSY, BUSY, ACCEPTED)
    assert len(requests) == 3
    assert pauses == list(PAUSES_SECONDS[:2])


def test_the_server_may_say_how_long_to_wait():
    _, pauses = publish(httpx.Response(503, headers={"retry-after": "3"}), ACCEPTED)
    assert pauses == [3.0]


def test_a_server_that_stays_busy_is_given_up_in_its_words():
    with pytest.raises(RouterError, match="Kafka is away"):
        publish(BUSY)


def test_a_refused_batch_is_not_tried_again():
    refusal = httpx.Response(400, json={"error": {"code": "BadRequest", "message": "No."}})
    with pytest.raises(RefusedError, match="No"):
        publish(refusal, ACCEPTED)


def test_a_server_that_was_never_there_is_not_waited_for():
    with pytest.raises(RouterError, match="no router answers"):
        publish(httpx.ConnectError("refused"), ACCEPTED)


def test_a_server_that_restarts_is_waited_for():
    requests, pauses = publish(ACCEPTED, httpx.ConnectError("refused"), ACCEPTED, times=2)
    assert len(requests) == 3
    assert len(pauses) == 1


def test_a_connection_that_breaks_is_not_tried_again_as_the_batch_may_be_accepted():
    with pytest.raises(RouterError, match="the connection broke"):
        publish(httpx.ReadError("reset"), ACCEPTED)
