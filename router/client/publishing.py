"""Batches of events, over HTTP, to the publish endpoint of a workspace (§3)."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Self

import httpx

from router.client.access import Access, start_hint
from router.client.arm import ArmClient
from router.client.batches import Batch
from router.client.connection import open_connection
from router.client.errors import error_of
from router.client.resource_ids import WORKSPACES_VERSION, last_segment, workspace_id
from router.errors import RouterError

API_VERSION: Final = "2018-01-01"
BUSY: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})
"""Answers after which nothing was accepted, and a later try may succeed."""
PAUSES_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
LONGEST_PAUSE_SECONDS: Final = 10.0


class Publisher:
    """Publishes to one workspace with its key."""

    def __init__(
        self,
        access: Access,
        path: str,
        key: str,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._access = access
        self._path = path
        self._sleep = sleep
        self._was_reached = False
        self._client = open_connection(access, {"aeg-sas-key": key}, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def publish(self, batch: Batch) -> None:
        """Return once the batch was accepted; a busy server, or one that restarts, is tried again a few times.

        Raises:
            RouterError: it was refused, or nobody answers; unless the connection broke, nothing was accepted.
        """
        body, headers = batch.body(), {"content-type": batch.content_type}
        pauses = iter(PAUSES_SECONDS)
        while True:
            try:
                response = self._client.post(
                    self._path, params={"api-version": API_VERSION}, content=body, headers=headers
                )
            except httpx.ConnectError as error:
                pause = next(pauses, None)
                if pause is None or not self._was_reached:
                    raise self._nobody_answers() from error
            except httpx.TransportError as error:
                raise RouterError(f"the connection broke while {batch.events[0]} was published: {error}") from error
            else:
                self._was_reached = True
                if response.is_success:
                    return
                pause = next(pauses, None)
                if response.status_code not in BUSY or pause is None:
                    raise error_of(response)
                pause = max(pause, _retry_after(response))
            self._sleep(pause)

    def _nobody_answers(self) -> RouterError:
        return RouterError(f"no router answers at {self._access.server}", hint=start_hint(self._access.data_dir))


def publisher_for(access: Access, workspace: str | None = None) -> Publisher:
    """Return a publisher for a workspace (name or id), the local one unless told; an unknown key is asked for."""
    resource_id = access.workspace if workspace is None else workspace_id(workspace)
    path = f"/workspaces/{last_segment(resource_id)}/api/events"
    if resource_id.lower() == access.workspace.lower() and access.key is not None:
        return Publisher(access, path, access.key)
    with ArmClient(access) as arm:
        keys = arm.request("POST", f"{resource_id}/listKeys", WORKSPACES_VERSION).body
    return Publisher(access, path, str(keys["key1"]))


def _retry_after(response: httpx.Response) -> float:
    try:
        return min(float(response.headers.get("retry-after", 0)), LONGEST_PAUSE_SECONDS)
    except ValueError:
        return 0.0
