"""Requests to the ARM API, and waiting for what the service finishes later."""

import httpx
import pytest

from router.client.access import Access
from router.client.arm import ArmClient
from router.errors import ConflictError, NotFoundError, RefusedError, RouterError, UnauthorizedError

PATH = "/subscriptions/s/providers/Microsoft.EventGrid/eventSubscriptions/alerts"
OPERATION = "https://router.example/subscriptions/s/operationsStatus/7?api-version=1"


class Clock:
    """A time that passes only by sleeping."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Service:
    """Answers in turn, the last answer for ever, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body, *headers = answer
        return httpx.Response(status, json=body, headers=dict(*headers))


def client(service):
    return ArmClient(Access("http://127.0.0.1:8080", "token", "/w"), httpx.MockTransport(service))


def resource(state):
    return {"name": "alerts", "properties": {"provisioningState": state}}


def waited(*answers, limit_seconds=60.0):
    service, clock = Service(*answers), Clock()
    with client(service) as arm:
        answer = arm.request("PUT", PATH, body={})
        arm.wait(PATH, answer, limit_seconds=limit_seconds, clock=clock, sleep=clock.sleep)
    return service


def test_requests_carry_the_token_and_the_version():
    service = Service((200, resource("Succeeded")))
    with client(service) as arm:
        assert arm.get(PATH)["name"] == "alerts"
    (request,) = service.asked
    assert request.headers["authorization"] == "Bearer token"
    assert request.url.params["api-version"] == "2025-02-15"


def test_what_succeeded_at_once_is_not_waited_for():
    assert len(waited((201, resource("Succeeded"))).asked) == 1


def test_without_an_operation_the_resource_is_asked_until_it_is_settled():
    service = waited((201, resource("Creating")), (200, resource("Creating")), (200, resource("Succeeded")))
    assert [request.method for request in service.asked] == ["PUT", "GET", "GET"]


def test_the_operation_is_asked_at_the_server_that_is_known():
    service = waited(
        (201, resource("Creating"), {"azure-asyncoperation": OPERATION}),
        (200, {"status": "InProgress"}),
        (200, {"status": "Succeeded"}),
    )
    assert str(service.asked[-1].url) == "http://127.0.0.1:8080/subscriptions/s/operationsStatus/7?api-version=1"


def test_a_failed_operation_is_refused_in_the_services_words():
    with pytest.raises(RefusedError, match="handshake failed"):
        waited(
            (201, resource("Creating"), {"azure-asyncoperation": OPERATION}),
            (200, {"status": "Failed", "error": {"code": "Url validation", "message": "The handshake failed."}}),
        )


def test_what_is_not_finished_in_time_says_so():
    with pytest.raises(RouterError, match="still Creating after 5 seconds"):
        waited((201, resource("Creating")), limit_seconds=5.0)


def test_every_page_of_a_list_is_given():
    following = "https://router.example/list?$skiptoken=2"
    service = Service((200, {"value": [{"name": "a"}], "nextLink": following}), (200, {"value": [{"name": "b"}]}))
    with client(service) as arm:
        assert [found["name"] for found in arm.pages("/list")] == ["a", "b"]
    assert str(service.asked[1].url).startswith("http://127.0.0.1:8080/list?")


def test_warnings_are_read():
    service = Service((201, {}, {"x-router-warnings": '["one", "two"]'}))
    with client(service) as arm:
        assert arm.request("PUT", PATH).warnings == ("one", "two")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (401, UnauthorizedError),
        (403, UnauthorizedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, RefusedError),
        (500, RouterError),
    ],
)
def test_a_refusal_becomes_an_error_with_its_message(status, kind):
    service = Service((status, {"error": {"code": "InvalidRequest", "message": "No."}}))
    with client(service) as arm, pytest.raises(kind, match="No"):
        arm.get(PATH)


def test_a_target_is_named_unless_the_message_does():
    service = Service(
        (400, {"error": {"code": "InvalidRequest", "message": "is wrong", "target": "properties.filter"}})
    )
    with client(service) as arm, pytest.raises(RefusedError, match=r"properties\.filter: is wrong"):
        arm.get(PATH)


def test_problem_details_are_understood():
    service = Service((404, {"title": "Not found", "detail": "No such event."}))
    with client(service) as arm, pytest.raises(NotFoundError, match="No such event"):
        arm.get(PATH)


def test_nobody_there_is_said_with_a_way_out():
    with client(Service(httpx.ConnectError("refused"))) as arm, pytest.raises(RouterError) as raised:
        arm.get(PATH)
    assert raised.value.message == "no router answers at http://127.0.0.1:8080"
    assert "router up" in raised.value.hint


def test_somebody_else_there_is_said():
    def page(_request):
        return httpx.Response(200, text="<html>")

    with client(page) as arm, pytest.raises(RouterError, match="does not answer as a router does"):
        arm.get(PATH)
