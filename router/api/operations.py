"""Long-running operations (§8.5): what became of a PUT, PATCH or DELETE whose answer came before it was over."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, Literal
from uuid import uuid4

from router.api.answers import Answer, Json, error_answer
from router.api.calls import Call
from router.api.paths import EVENT_GRID, OperationPath
from topics import Subscription

Status = Literal["InProgress", "Succeeded", "Failed", "Canceled"]
MAX_REMEMBERED: Final = 20_000
FAILED_CODE: Final = "Url validation"
"""Azure's code for a handshake that failed (§6.4)."""

_RESOURCE: Final = "resource"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on a resource, and how it stands."""

    id: str
    resource_id: str
    status: Status
    error: str | None = None


class Operations:
    """The latest operations of this server.

    One that it does not know, as after a restart or when another server began it, is told from the state of its
    resource, whose id travels in the operation's URL.
    """

    def __init__(self, subscription: Callable[[str], Subscription | None]) -> None:
        self._subscription = subscription
        self._known: OrderedDict[str, Operation] = OrderedDict()

    def begin(self, resource_id: str, status: Status) -> Operation:
        """Remember a new operation."""
        operation = Operation(str(uuid4()), resource_id, status)
        self._known[operation.id] = operation
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return operation

    def finish(self, operation_id: str, status: Status, error: str | None = None) -> None:
        """Remember how an operation ended."""
        operation = self._known.get(operation_id)
        if operation is not None:
            self._known[operation_id] = replace(operation, status=status, error=error)

    def headers(self, call: Call, operation: Operation, subscription_id: str) -> dict[str, str]:
        """Return the headers by which a client follows an operation; without Retry-After it would wait 30 s."""
        url = self._url(call, "operationsStatus", operation, subscription_id)
        return {"Azure-AsyncOperation": url, "Retry-After": "0"}

    def result_url(self, call: Call, operation: Operation, subscription_id: str) -> str:
        """Return the URL that answers 204 once an operation is over (the `Location` of a DELETE)."""
        return self._url(call, "operationResults", operation, subscription_id)

    def answer(self, call: Call, path: OperationPath) -> Answer:
        """Answer the question what became of an operation."""
        resource_id = call.query.get(_RESOURCE)
        operation = self._known.get(path.id) or self._told_by_resource(path.id, resource_id)
        # The right to ask was given for the resource that the query names.
        if operation is None or operation.resource_id.lower() != (resource_id or operation.resource_id).lower():
            return error_answer(HTTPStatus.NOT_FOUND, "ResourceNotFound", "There is no such operation.")
        if path.status:
            return Answer(HTTPStatus.OK, _status_json(call, operation))
        if operation.status == "InProgress":
            return Answer(HTTPStatus.ACCEPTED, headers={"Retry-After": "0"})
        return Answer(HTTPStatus.NO_CONTENT)

    def _told_by_resource(self, operation_id: str, resource_id: str | None) -> Operation | None:
        if resource_id is None:
            return None
        subscription = self._subscription(resource_id)
        if subscription is None or subscription.provisioning_state == "Succeeded":
            error = subscription.provisioning_error if subscription else None
            return Operation(operation_id, resource_id, "Failed" if error else "Succeeded", error)
        if subscription.provisioning_state == "Failed":
            return Operation(operation_id, resource_id, "Failed", subscription.provisioning_error)
        return Operation(operation_id, resource_id, "InProgress")

    def _url(self, call: Call, collection: str, operation: Operation, subscription_id: str) -> str:
        path = f"/subscriptions/{subscription_id}/providers/{EVENT_GRID}/locations/local/{collection}/{operation.id}"
        return call.url(path, [("api-version", call.api_version), (_RESOURCE, operation.resource_id)])


def _status_json(call: Call, operation: Operation) -> Json:
    body: Json = {
        "id": call.url(call.path, call.query.items()),
        "name": operation.id,
        "status": operation.status,
    }
    if operation.status == "Failed":
        body["error"] = {"code": FAILED_CODE, "message": operation.error or "The operation failed."}
    return body
