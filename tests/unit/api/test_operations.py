"""Long-running operations: what became of what was begun."""

from http import HTTPStatus
from typing import Any

import pytest

from router.api import operations
from router.api.answers import Answer
from router.api.calls import Call
from router.api.operations import Operations
from router.api.paths import OperationPath
from tests.builders import a_subscription
from topics import Subscription

STORED = a_subscription()
REFUSED = "Webhook validation handshake failed."


def ask(known: Operations, operation_id: str, *, status: bool = True, resource: str | None = STORED.id) -> Answer:
    query = {"api-version": "2025-02-15"} | ({} if resource is None else {"resource": resource})
    call = Call("GET", f"/subscriptions/s/operations/{operation_id}", query, b"", "http://router")
    return known.answer(call, OperationPath(operation_id, status=status))


def knowing(subscription: Subscription | None) -> Operations:
    return Operations(lambda _resource_id: subscription)


def test_an_operation_is_in_progress_until_it_ends():
    known = knowing(STORED)
    operation = known.begin(STORED.id, "InProgress")
    assert (ask(known, operation.id).body or {})["status"] == "InProgress"
    assert ask(known, operation.id, status=False).status == HTTPStatus.ACCEPTED
    known.finish(operation.id, "Failed", REFUSED)
    body = ask(known, operation.id).body or {}
    assert (body["status"], body["error"]) == ("Failed", {"code": "Url validation", "message": REFUSED})
    assert ask(known, operation.id, status=False).status == HTTPStatus.NO_CONTENT


@pytest.mark.parametrize(
    ("subscription", "status", "error"),
    [
        (None, "Succeeded", None),
        (STORED, "Succeeded", None),
        (a_subscription(provisioning_state="Creating"), "InProgress", None),
        (a_subscription(provisioning_state="Updating"), "InProgress", None),
        (a_subscription(provisioning_state="Failed", provisioning_error=REFUSED), "Failed", REFUSED),
        (a_subscription(provisioning_error=REFUSED), "Failed", REFUSED),
    ],
)
def test_an_operation_of_another_server_is_told_from_its_resource(subscription: Any, status: str, error: str | None):
    body = ask(knowing(subscription), "of-another-server").body or {}
    assert body["status"] == status
    assert body.get("error", {}).get("message") == error


def test_an_operation_that_nothing_is_known_of_is_not_found():
    answer = ask(knowing(STORED), "unknown", resource=None)
    assert answer.status == HTTPStatus.NOT_FOUND


def test_only_the_latest_operations_are_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(operations, "MAX_REMEMBERED", 2)
    known = knowing(None)
    first, *later = [known.begin(STORED.id, "InProgress") for _ in range(3)]
    assert ask(known, first.id, resource=None).status == HTTPStatus.NOT_FOUND
    assert all(ask(known, one.id, resource=None).status == HTTPStatus.OK for one in later)
