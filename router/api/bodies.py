"""Event subscriptions as JSON (§8.2, §8.4): bodies into definitions, stored subscriptions into answers."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, get_args

from router.api.destinations import Destination, DestinationReader, destination_json
from router.api.filter_bodies import filter_json, read_filter
from router.api.json_bodies import Members, refused
from router.api.paths import EVENT_GRID, EVENT_SUBSCRIPTIONS
from router.api.refusals import Refusals
from router.errors import RefusedError
from router.history.dead_letter_files import CONTAINER_RULE, is_container_name
from router.secrets import SecretBox
from topics import Source, Subscription
from topics.events import DeliverySchema
from topics.subscriptions import Filter, ProvisioningState, RetryPolicy

ATTEMPTS: Final = range(1, 31)
TIME_TO_LIVE_MINUTES: Final = range(1, 1441)
DELIVERY_SCHEMAS: Final[tuple[DeliverySchema, ...]] = get_args(DeliverySchema)

Json = dict[str, Any]
Changed = TypeVar("Changed")
_NAME: Final = re.compile(r"[A-Za-z0-9-]{3,64}\Z")
_IDENTITY_MEMBERS: Final = ("deliveryWithResourceIdentity", "deadLetterWithResourceIdentity")


@dataclass(frozen=True, slots=True)
class Definition:
    """What a body says that a subscription shall be."""

    destination: Destination
    filter: Filter
    delivery_schema: DeliverySchema | None
    retry_policy: RetryPolicy
    dead_letter: Json | None
    labels: tuple[str, ...]
    expiration: datetime | None

    def of(
        self, source: Source, resource_id: str, stored: Subscription | None, state: ProvisioningState, now: datetime
    ) -> Subscription:
        """Return the subscription of that id with this definition; a stored one keeps its id and its age."""
        return Subscription(
            id=stored.id if stored else resource_id,
            name=stored.name if stored else resource_id.rpartition("/")[2],
            source=source.id,
            sink=self.destination.sink,
            filter=self.filter,
            delivery_schema=self.delivery_schema,
            retry_policy=self.retry_policy,
            dead_letter=self.dead_letter,
            labels=self.labels,
            expiration=self.expiration,
            provisioning_state=state,
            created_at=stored.created_at if stored else now,
            updated_at=now,
        )


@dataclass(frozen=True, slots=True)
class DefinitionReader:
    """Reads the bodies that are sent for one subscription; `stored` is what there is now, if anything."""

    box: SecretBox
    source: Source
    stored: Subscription | None
    now: datetime

    def whole(self, body: Members) -> Definition:
        """Return the definition of a PUT, whose body wraps it in `properties`; what is not given has its default.

        Raises:
            RefusedError: something in it is not allowed.
        """
        given = body.needed_members("properties")
        _refuse_identities(given)
        reader, refusals = DestinationReader(self.box, self.stored.sink if self.stored else None), Refusals()
        definition = Definition(
            destination=refusals.read(lambda: reader.read(given.needed_members("destination"))),
            filter=refusals.read(lambda: self._filter(given)),
            delivery_schema=refusals.read(lambda: self._delivery_schema(given)),
            retry_policy=refusals.read(lambda: _retry_policy(given)),
            dead_letter=refusals.read(lambda: _dead_letter(given)),
            labels=refusals.read(lambda: given.texts("labels") or ()),
            expiration=refusals.read(lambda: self._expiration(given)),
        )
        refusals.raise_any()
        return definition

    def change(self, given: Members, stored: Subscription) -> Definition:
        """Return the definition after a PATCH, whose body is not wrapped: what is given replaces what is stored.

        Raises:
            RefusedError: something in it is not allowed.
        """
        if "properties" in given:
            raise RefusedError(
                "properties: a PATCH is not wrapped in it; give destination, filter and so on at the top.",
                target="properties",
            )
        _refuse_identities(given)
        refusals = Refusals()

        def changed(name: str, read: Callable[[Members], Changed], former: Changed) -> Changed:
            return refusals.read(lambda: read(given)) if name in given else former

        definition = Definition(
            destination=refusals.read(lambda: self._changed_destination(given, stored)),
            filter=changed("filter", self._filter, stored.filter),
            delivery_schema=changed("eventDeliverySchema", self._delivery_schema, stored.delivery_schema),
            retry_policy=changed("retryPolicy", _retry_policy, stored.retry_policy),
            dead_letter=changed("deadLetterDestination", _dead_letter, stored.dead_letter),
            labels=changed("labels", lambda members: members.texts("labels") or (), stored.labels),
            expiration=changed("expirationTimeUtc", self._expiration, stored.expiration),
        )
        refusals.raise_any()
        return definition

    def _changed_destination(self, given: Members, stored: Subscription) -> Destination:
        destination = given.members("destination")
        if destination is None:
            return Destination(stored.sink)
        return DestinationReader(self.box, stored.sink, may_omit=True).read(destination)

    def _filter(self, given: Members) -> Filter:
        return read_filter(given.members("filter"), of_workspace=is_workspace(self.source))

    def _delivery_schema(self, given: Members) -> DeliverySchema | None:
        chosen = given.choice("eventDeliverySchema", DELIVERY_SCHEMAS)
        schema = next((name for name in DELIVERY_SCHEMAS if name == chosen), None)
        if schema is None and self.source.input_schema == "CloudEventSchemaV1_0":
            # As published, which is known here, and so is the handshake that belongs to it (§6.3).
            return "CloudEventSchemaV1_0"
        if schema is None and self.source.input_schema == "CustomEventSchema":
            return "CustomInputSchema"
        if schema == "EventGridSchema" and self.source.input_schema == "CloudEventSchemaV1_0":
            raise refused(
                given.target_of("eventDeliverySchema"),
                schema,
                f"CloudEventSchemaV1_0, as {self.source.name} takes CloudEvents",
            )
        if schema == "CustomInputSchema" and self.source.input_schema != "CustomEventSchema":
            raise refused(
                given.target_of("eventDeliverySchema"),
                schema,
                f"EventGridSchema or CloudEventSchemaV1_0, as {self.source.name} takes no events of a custom schema",
            )
        return schema

    def _expiration(self, given: Members) -> datetime | None:
        text, target = given.text("expirationTimeUtc"), given.target_of("expirationTimeUtc")
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise refused(target, text, "a moment in ISO 8601, such as 2030-01-01T00:00:00Z") from None
        if moment <= self.now:
            raise RefusedError(f"Invalid expiration time. {target}: {text} has passed.", target=target)
        return moment


def is_workspace(source: Source) -> bool:
    """Say whether a source is a workspace, which raises five event types, and not a custom topic, which raises any."""
    return source.kind == "workspace"


def check_name(name: str) -> None:
    """Refuse a name that an event subscription cannot have; raises RefusedError."""
    if not _NAME.match(name):
        raise refused("name", name, "3 to 64 of the characters A-Z, a-z, 0-9 and '-'")


def subscription_json(
    subscription: Subscription, *, of_workspace: bool, state: ProvisioningState | None = None
) -> Json:
    """Return a subscription as ARM shows it (§8.4); `state` is shown in place of its own."""
    return {
        "id": subscription.id,
        "name": subscription.name,
        "type": _type_of(subscription.id),
        "systemData": None,
        "properties": {
            "topic": _topic(subscription.source),
            "provisioningState": state or subscription.provisioning_state,
            "destination": destination_json(subscription.sink),
            "filter": filter_json(subscription.filter, of_workspace=of_workspace),
            "labels": list(subscription.labels) or None,
            "eventDeliverySchema": subscription.delivery_schema,
            "expirationTimeUtc": _moment(subscription.expiration),
            "retryPolicy": {
                "maxDeliveryAttempts": subscription.retry_policy.max_delivery_attempts,
                "eventTimeToLiveInMinutes": subscription.retry_policy.event_time_to_live_minutes,
            },
            "deadLetterDestination": subscription.dead_letter,
        },
    }


def _type_of(resource_id: str) -> str:
    nested = "systemTopics/" if "/systemtopics/" in resource_id.lower() else ""
    return f"{EVENT_GRID}/{nested}{EVENT_SUBSCRIPTIONS}"


def _topic(source: str) -> str:
    """Return a source's id as `properties.topic` shows it: lower-cased after `providers/` (§8.4)."""
    head, providers, tail = source.partition("/providers/")
    return head + providers + tail.lower()


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _retry_policy(given: Members) -> RetryPolicy:
    policy, default = given.members("retryPolicy"), RetryPolicy()
    if policy is None:
        return default
    return RetryPolicy(
        max_delivery_attempts=policy.whole("maxDeliveryAttempts", ATTEMPTS) or default.max_delivery_attempts,
        event_time_to_live_minutes=policy.whole("eventTimeToLiveInMinutes", TIME_TO_LIVE_MINUTES)
        or default.event_time_to_live_minutes,
    )


def _dead_letter(given: Members) -> Json | None:
    destination = given.members("deadLetterDestination")
    if destination is None:
        return None
    kind = destination.choice("endpointType", ("StorageBlob",))
    if kind is None:
        raise refused(destination.target_of("endpointType"), None, "StorageBlob")
    properties = destination.needed_members("properties")
    read = {name: properties.needed_text(name) for name in ("resourceId", "blobContainerName")}
    if not is_container_name(read["blobContainerName"]):
        raise refused(properties.target_of("blobContainerName"), read["blobContainerName"], CONTAINER_RULE)
    return {"endpointType": kind, "properties": read}


def _refuse_identities(given: Members) -> None:
    for name in _IDENTITY_MEMBERS:
        if given.value(name) is not None:
            raise RefusedError(
                f"{given.target_of(name)}: managed identities are not supported here; give the destination itself.",
                target=given.target_of(name),
            )
