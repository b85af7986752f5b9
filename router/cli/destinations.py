"""Where a subscription's events go: from `--endpoint` and its relatives to an ARM destination (§7, design §8)."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from router.cli.subscription_flags import EndpointType
from router.client.resource_ids import local_event_hub_id
from router.errors import RefusedError
from topics.subscribers import NAME_RULE, is_subscriber_name

Json = dict[str, Any]

TOPIC_HINT: Final = "To send to a Kafka topic, give --endpoint-type topic --endpoint NAME."

_CONTAINER: Final = re.compile(r"(/.+)/blobServices/default/containers/([^/]+)\Z", re.IGNORECASE)


def destination(
    kind: EndpointType,
    endpoint: str | None,
    *,
    attributes: Sequence[Json] = (),
    max_events_per_batch: int | None = None,
    preferred_batch_size_in_kilobytes: int | None = None,
) -> Json:
    """Return the destination of a subscription.

    Raises:
        RefusedError: there is no endpoint, or it is not what its type says.
    """
    if endpoint is None:
        raise RefusedError(
            "--endpoint is missing: where shall the events go?",
            hint=f"A webhook: --endpoint http://127.0.0.1:9000/hook. {TOPIC_HINT}",
        )
    batching = {
        "maxEventsPerBatch": max_events_per_batch,
        "preferredBatchSizeInKilobytes": preferred_batch_size_in_kilobytes,
    }
    given = {name: value for name, value in batching.items() if value is not None}
    if kind is EndpointType.webhook:
        properties: Json = {"endpointUrl": _url(endpoint), **given}
    elif given:
        raise RefusedError("--max-events-per-batch and --preferred-batch-size-in-kilobytes are for webhooks only")
    else:
        properties = {"resourceId": _event_hub(kind, endpoint)}
    if attributes:
        properties["deliveryAttributeMappings"] = list(attributes)
    return {"endpointType": "WebHook" if kind is EndpointType.webhook else "EventHub", "properties": properties}


def dead_letter_destination(endpoint: str) -> Json:
    """Return the dead-letter destination of a blob container's resource id (§5.8).

    Raises:
        RefusedError: it is no such id.
    """
    parts = _CONTAINER.match(endpoint)
    if parts is None:
        raise RefusedError(
            f"--deadletter-endpoint {endpoint!r} is no blob container's resource id",
            hint="It ends in /storageAccounts/<account>/blobServices/default/containers/<container>.",
        )
    return {"endpointType": "StorageBlob", "properties": {"resourceId": parts[1], "blobContainerName": parts[2]}}


def described(value: Json) -> str:
    """Say in a few words where an ARM destination sends to."""
    properties = value.get("properties") or {}
    if value.get("endpointType") == "EventHub":
        namespace, _, hub = str(properties.get("resourceId", "")).rpartition("/")
        return f"topic subscriber.{hub}" if namespace else "event hub"
    return str(properties.get("endpointUrl") or properties.get("endpointBaseUrl") or value.get("endpointType", "none"))


def _url(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or any(character.isspace() for character in endpoint):
        raise RefusedError(
            f"--endpoint {endpoint!r} is not a URL of a webhook: it must be http://… or https://…", hint=TOPIC_HINT
        )
    return endpoint


def _event_hub(kind: EndpointType, endpoint: str) -> str:
    if kind is EndpointType.topic:
        if not is_subscriber_name(endpoint):
            raise RefusedError(f"--endpoint {endpoint!r} cannot name a topic: it must be {NAME_RULE}")
        return local_event_hub_id(endpoint)
    if not endpoint.startswith("/") or "/eventhubs/" not in endpoint.lower():
        raise RefusedError(
            f"--endpoint {endpoint!r} is no event hub's resource id",
            hint=f"It ends in /providers/Microsoft.EventHub/namespaces/<namespace>/eventhubs/<hub>. {TOPIC_HINT}",
        )
    return endpoint
