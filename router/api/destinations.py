"""Where a subscription's events go (§7): read from JSON, and written as ARM shows it, without its secrets."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from router.api.json_bodies import Members, refused, shown
from router.api.oauth_bodies import HIDDEN, oauth_json, read_oauth
from router.errors import RefusedError, SettingsError
from router.secrets import SecretBox
from topics import TopicSink, WebhookSink
from topics.subscribers import NAME_RULE, is_subscriber_name
from topics.subscriptions import DeliveryAttribute, Sink

WEBHOOK: Final = "WebHook"
EVENT_HUB: Final = "EventHub"
LOCAL_EVENT_HUBS: Final = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
    "/providers/Microsoft.EventHub/namespaces/local/eventhubs"
)
"""How every topic sink is shown: an event hub is a Kafka topic to its Kafka clients (design §2)."""

BATCH_EVENTS: Final = range(1, 5001)
BATCH_KILOBYTES: Final = range(1, 1025)
DEFAULT_KILOBYTES: Final = 64
LEAST_RATE: Final = 0.01
MOST_RATE: Final = 100_000
MAX_ATTRIBUTES: Final = 10
MAX_ATTRIBUTE_BYTES: Final = 4096
BAD_URL: Final = (
    "Invalid event subscription request: Supplied URL is invalid. It cannot be null or empty and should be a proper "
    "HTTPS URL like https://www.example.com."
)
"""Azure's own words (§6.4)."""

_QUEUE: Final = f"A queue is a Kafka topic with one consumer group: give an {EVENT_HUB} of its name."
_INSTEAD: Final = {
    "storagequeue": _QUEUE,
    "servicebusqueue": _QUEUE,
    "servicebustopic": f"A topic is a Kafka topic: give an {EVENT_HUB} of its name.",
    "namespacetopic": f"Pull from a Kafka topic: give an {EVENT_HUB}.",
    "azurefunction": f"Give a {WEBHOOK} with the function's own URL: "
    "https://<host>/runtime/webhooks/EventGrid?functionName=<name>&code=<key>.",
    "hybridconnection": f"There is no relay here: give a {WEBHOOK} that the router reaches.",
    "monitoralert": f"There are no alerts of Azure Monitor here: give a {WEBHOOK} of what alerts you.",
    "partnerdestination": f"There are no partners here: give a {WEBHOOK}.",
}

Json = dict[str, Any]
_EVENT_HUB_ID: Final = re.compile(r"/providers/Microsoft\.EventHub/namespaces/[^/]+/eventhubs/([^/]+)\Z", re.IGNORECASE)
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}\Z")
_TLS_VERSIONS: Final = ("1.0", "1.1", "1.2")


@dataclass(frozen=True, slots=True)
class Destination:
    """A sink as a body gives it; `new_endpoint_url` is set when the endpoint is not the one that is stored."""

    sink: Sink
    new_endpoint_url: str | None = None


@dataclass(frozen=True, slots=True)
class DestinationReader:
    """Reads destinations for one subscription; `stored` is the sink that it has now, if any."""

    box: SecretBox
    stored: Sink | None = None
    may_omit: bool = False
    """Whether what is not given keeps its stored value, as in a PATCH."""

    def read(self, members: Members) -> Destination:
        """Return the destination that `members` mean.

        Raises:
            RefusedError: its type is not one that events can go to, or a member is not allowed.
        """
        kind, target = members.needed_text("endpointType"), members.target_of("endpointType")
        properties = members.needed_members("properties")
        match kind.lower():
            case "webhook":
                return self._webhook(properties)
            case "eventhub":
                return Destination(_topic(properties))
            case _:
                raise _without_meaning(target, kind)

    def _webhook(self, given: Members) -> Destination:
        stored = self.stored if isinstance(self.stored, WebhookSink) else None
        url = given.text("endpointUrl")
        if url is None and stored is not None and self.may_omit:
            base_url, sealed, new_url = stored.endpoint_base_url, stored.sealed_endpoint_url, None
        elif not url:
            raise RefusedError(BAD_URL, target=given.target_of("endpointUrl"))
        elif stored is not None and self._is_stored(url, stored):
            base_url, sealed, new_url = stored.endpoint_base_url, stored.sealed_endpoint_url, None
        else:
            base_url, sealed, new_url = _without_query(url, given), self.box.seal(url), url
        _refuse_unsupported(given)
        kept = stored if self.may_omit and stored is not None else None
        events, kilobytes = _batching(given, kept, is_change=self.may_omit)
        sink = WebhookSink(
            endpoint_base_url=base_url,
            sealed_endpoint_url=sealed,
            max_events_per_batch=events,
            preferred_batch_size_kilobytes=kilobytes,
            delivery_attributes=self._attributes(given, stored, kept),
            max_deliveries_per_second=_rate(given)
            if "maxDeliveriesPerSecond" in given or kept is None
            else kept.max_deliveries_per_second,
            oauth=read_oauth(given, stored.oauth if stored else None, self.box)
            if "oauth" in given or kept is None
            else kept.oauth,
            client_certificate=given.text("clientCertificate")
            if "clientCertificate" in given or kept is None
            else kept.client_certificate,
            minimum_tls_version=given.choice("minimumTlsVersionAllowed", _TLS_VERSIONS)
            if "minimumTlsVersionAllowed" in given or kept is None
            else kept.minimum_tls_version,
        )
        return Destination(sink, new_url)

    def _is_stored(self, url: str, stored: WebhookSink) -> bool:
        try:
            return self.box.open(stored.sealed_endpoint_url) == url
        except SettingsError:
            # Sealed with a key that is lost: sending the definition again must mend it.
            return False

    def _attributes(
        self, given: Members, stored: WebhookSink | None, kept: WebhookSink | None
    ) -> tuple[DeliveryAttribute, ...]:
        if kept is not None and "deliveryAttributeMappings" not in given:
            return kept.delivery_attributes
        known = {one.name.lower(): one for one in stored.delivery_attributes} if stored else {}
        found = tuple(_attribute(one, known, self.box.seal) for one in given.objects("deliveryAttributeMappings"))
        target = given.target_of("deliveryAttributeMappings")
        if len(found) > MAX_ATTRIBUTES:
            raise RefusedError(
                f"{target}: {len(found)} headers are too many; at most {MAX_ATTRIBUTES} are allowed.", target=target
            )
        names = [one.name.lower() for one in found]
        doubled = next((name for name in names if names.count(name) > 1), None)
        if doubled is not None:
            raise RefusedError(f"{target}: header {shown(doubled)} is given twice.", target=target)
        return found


def _without_meaning(target: str, kind: str) -> RefusedError:
    """Return the refusal of a destination that there is nothing of here, with what to take in its place."""
    instead = _INSTEAD.get(kind.lower())
    error = refused(target, kind, f"{WEBHOOK} or {EVENT_HUB} (which means a Kafka topic)")
    return error if instead is None else RefusedError(error.message, target=target, hint=instead)


def destination_json(sink: Sink) -> Json:
    """Return a sink as ARM shows it: URLs without their query, secrets as `Hidden` (§8.4)."""
    match sink:
        case TopicSink(name=name):
            return {
                "endpointType": EVENT_HUB,
                "properties": {"resourceId": f"{LOCAL_EVENT_HUBS}/{name}", "deliveryAttributeMappings": None},
            }
        case WebhookSink():
            return {
                "endpointType": WEBHOOK,
                "properties": {
                    "endpointUrl": None,
                    "endpointBaseUrl": sink.endpoint_base_url,
                    "maxEventsPerBatch": sink.max_events_per_batch,
                    "preferredBatchSizeInKilobytes": sink.preferred_batch_size_kilobytes,
                    "deliveryAttributeMappings": attributes_json(sink, lambda _sealed: HIDDEN) or None,
                    **_extensions_json(sink),
                },
            }


def _extensions_json(sink: WebhookSink) -> Json:
    """Return what few use, and what Event Grid does not have (decision 0017), where it is in use."""
    found: Json = {}
    if sink.minimum_tls_version is not None:
        found["minimumTlsVersionAllowed"] = sink.minimum_tls_version
    if sink.max_deliveries_per_second is not None:
        found["maxDeliveriesPerSecond"] = sink.max_deliveries_per_second
    if sink.oauth is not None:
        found["oauth"] = oauth_json(sink.oauth)
    if sink.client_certificate is not None:
        found["clientCertificate"] = sink.client_certificate
    return found


def _batching(given: Members, kept: WebhookSink | None, *, is_change: bool) -> tuple[int, int]:
    """Return the most events and the kilobytes of a batch; either one turns batching on (§5.5).

    A size without a number is a wish for batches of that size, so that only what is allowed at all bounds the number.
    """
    # What `az … update` does not know, as of an event hub that a webhook takes the place of, it sends as 0.
    events, kilobytes = (
        None if is_change and given.value(name) == 0 else given.whole(name, allowed)
        for name, allowed in (("maxEventsPerBatch", BATCH_EVENTS), ("preferredBatchSizeInKilobytes", BATCH_KILOBYTES))
    )
    if events is None:
        events = kept.max_events_per_batch if kept else BATCH_EVENTS[0]
        if kilobytes is not None and events == BATCH_EVENTS[0]:
            events = BATCH_EVENTS[-1]
    return events, kilobytes or (kept.preferred_batch_size_kilobytes if kept else DEFAULT_KILOBYTES)


def _rate(given: Members) -> float | None:
    value, target = given.value("maxDeliveriesPerSecond"), given.target_of("maxDeliveriesPerSecond")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_RATE <= value <= MOST_RATE:
        raise refused(target, value, f"a number of requests from {LEAST_RATE} to {MOST_RATE:,}")
    return float(value)


def attributes_json(sink: Sink, open_secret: Callable[[str], str]) -> list[Json]:
    """Return a sink's delivery attributes; `open_secret` gives what is shown of a sealed value."""
    return [
        {"name": one.name, "type": one.kind, "properties": _attribute_properties(one, open_secret)}
        for one in (sink.delivery_attributes if isinstance(sink, WebhookSink) else ())
    ]


def _attribute_properties(one: DeliveryAttribute, open_secret: Callable[[str], str]) -> Json:
    if one.kind == "Dynamic":
        return {"sourceField": one.source_field}
    if one.sealed_value is not None:
        return {"value": open_secret(one.sealed_value), "isSecret": True}
    return {"value": one.value, "isSecret": False}


def _topic(given: Members) -> TopicSink:
    resource_id, target = given.needed_text("resourceId"), given.target_of("resourceId")
    found = _EVENT_HUB_ID.search(resource_id)
    if found is None:
        raise refused(
            target,
            resource_id,
            "the id of an event hub: …/providers/Microsoft.EventHub/namespaces/<namespace>/eventhubs/<name>",
        )
    if not is_subscriber_name(found[1]):
        raise RefusedError(
            f"{target}: {shown(found[1])} is not allowed as the name of a topic; it must be {NAME_RULE}.", target=target
        )
    if given.elements("deliveryAttributeMappings"):
        where = given.target_of("deliveryAttributeMappings")
        raise RefusedError(
            f"{where}: an {EVENT_HUB} destination takes none here; events keep the headers they were published with.",
            target=where,
        )
    return TopicSink(name=found[1])


def _refuse_unsupported(given: Members) -> None:
    for name in ("azureActiveDirectoryTenantId", "azureActiveDirectoryApplicationIdOrUri"):
        if given.text(name):
            raise RefusedError(
                f"{given.target_of(name)}: there is no Microsoft Entra here to issue tokens; leave it out "
                "(requests are signed, see webhook-signature, and may carry a static Authorization header).",
                target=given.target_of(name),
            )


def _without_query(url: str, given: Members) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise RefusedError(BAD_URL, target=given.target_of("endpointUrl")) from None
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _attribute(one: Members, known: Mapping[str, DeliveryAttribute], seal: Callable[[str], str]) -> DeliveryAttribute:
    name, kind = _header_name(one), one.choice("type", ("Static", "Dynamic"))
    properties = one.needed_members("properties")
    if kind is None:
        raise refused(one.target_of("type"), None, "Static or Dynamic")
    if kind == "Dynamic":
        return DeliveryAttribute(name=name, kind="Dynamic", source_field=properties.needed_text("sourceField"))
    value = _header_value(properties)
    if not properties.truth("isSecret"):
        return DeliveryAttribute(name=name, kind="Static", value=value)
    before = known.get(name.lower())
    if value == HIDDEN and before is not None and before.sealed_value is not None:
        return DeliveryAttribute(name=name, kind="Static", sealed_value=before.sealed_value)
    return DeliveryAttribute(name=name, kind="Static", sealed_value=seal(value))


def _header_name(one: Members) -> str:
    name, target = one.needed_text("name"), one.target_of("name")
    if not _HEADER_NAME.match(name):
        raise refused(target, name, "the name of an HTTP header")
    if name.lower().startswith("aeg-"):
        raise refused(target, name, "a name that does not begin with aeg-, which Event Grid's own headers do")
    if name.lower() in _OWN_HEADERS:
        raise refused(
            target, name, f"a name other than {', '.join(sorted(_OWN_HEADERS))}, which the request itself sets"
        )
    return name


_OWN_HEADERS: Final = frozenset(
    {"connection", "content-length", "content-type", "host", "transfer-encoding"}
    | {"webhook-id", "webhook-signature", "webhook-timestamp"}
)


def _header_value(properties: Members) -> str:
    value, target = properties.text("value"), properties.target_of("value")
    if value is None:
        raise refused(target, None, "a string")
    # A secret must not be quoted back, so the value itself is left out of these refusals.
    if len(value.encode()) > MAX_ATTRIBUTE_BYTES:
        raise RefusedError(f"{target}: a header's value has at most {MAX_ATTRIBUTE_BYTES} bytes.", target=target)
    if not all(" " <= letter != "\x7f" or letter == "\t" for letter in value):
        raise RefusedError(f"{target}: a header's value cannot hold control characters.", target=target)
    return value
