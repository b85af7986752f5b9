"""From the flags of `event-subscription create|update` to the body that ARM takes (§8.2, §8.4)."""

from datetime import UTC, datetime
from typing import Any, Final

from router.cli.arguments import unpack
from router.cli.destinations import dead_letter_destination, destination
from router.cli.filters import advanced_filter, boolean, delivery_attribute
from router.cli.subscription_flags import DeliverySchema, SubscriptionFlags
from router.errors import RefusedError

Json = dict[str, Any]


ARM_SCHEMAS: Final = {
    DeliverySchema.eventgridschema: "EventGridSchema",
    DeliverySchema.cloudeventschemav1_0: "CloudEventSchemaV1_0",
    DeliverySchema.custominputschema: "CustomInputSchema",
}


def properties_of(flags: SubscriptionFlags) -> Json:
    """Return the properties of a new subscription.

    Raises:
        RefusedError: a flag's value is wrong; the message names the flag.
    """
    return {"destination": _destination(flags), **_without_destination(flags, {})}


def changes_of(flags: SubscriptionFlags, existing: Json) -> Json:
    """Return the flat body of a PATCH: what the flags change of the existing properties, filters kept otherwise.

    Raises:
        RefusedError: a flag's value is wrong, or there is nothing to change.
    """
    changes = _without_destination(flags, existing)
    if flags.endpoint is not None:
        changes["destination"] = _with_kept_attributes(_destination(flags), existing.get("destination") or {})
    elif flags.delivery_attribute_mapping or _batching(flags):
        changes["destination"] = _changed_destination(flags, existing.get("destination") or {})
    if not changes:
        raise RefusedError("nothing to change: no option was given", hint="See event-subscription update --help.")
    return changes


def _destination(flags: SubscriptionFlags) -> Json:
    return destination(
        flags.endpoint_type,
        flags.endpoint,
        attributes=_attributes(flags),
        max_events_per_batch=flags.max_events_per_batch,
        preferred_batch_size_in_kilobytes=flags.preferred_batch_size_in_kilobytes,
    )


def _changed_destination(flags: SubscriptionFlags, existing: Json) -> Json:
    """Change batching and attributes of the destination that is there; a URL left out is kept by the service (§8.4)."""
    if _batching(flags) and existing.get("endpointType") != "WebHook":
        raise RefusedError("--max-events-per-batch and --preferred-batch-size-in-kilobytes are for webhooks only")
    kept = (existing.get("properties") or {}).items()
    properties = {name: value for name, value in kept if name not in ("endpointUrl", "endpointBaseUrl")}
    if flags.delivery_attribute_mapping:
        properties["deliveryAttributeMappings"] = _attributes(flags)
    batching = _batching(flags)
    if "maxEventsPerBatch" not in batching and batching and properties.get("maxEventsPerBatch") == 1:
        # It was never asked for; sent along it would say that batches are of one.
        del properties["maxEventsPerBatch"]
    return {**existing, "properties": {**properties, **batching}}


def _with_kept_attributes(new: Json, existing: Json) -> Json:
    kept = (existing.get("properties") or {}).get("deliveryAttributeMappings")
    if kept and existing.get("endpointType") == new["endpointType"]:
        new["properties"].setdefault("deliveryAttributeMappings", kept)
    return new


def _attributes(flags: SubscriptionFlags) -> list[Json]:
    return [delivery_attribute(words) for words in unpack(flags.delivery_attribute_mapping or ())]


def _batching(flags: SubscriptionFlags) -> Json:
    return _given(
        maxEventsPerBatch=flags.max_events_per_batch,
        preferredBatchSizeInKilobytes=flags.preferred_batch_size_in_kilobytes,
    )


def _without_destination(flags: SubscriptionFlags, existing: Json) -> Json:
    return _given(
        filter=_merged(existing.get("filter"), _filter(flags)),
        labels=flags.labels or None,
        eventDeliverySchema=None if flags.event_delivery_schema is None else ARM_SCHEMAS[flags.event_delivery_schema],
        retryPolicy=_merged(
            existing.get("retryPolicy"),
            _given(maxDeliveryAttempts=flags.max_delivery_attempts, eventTimeToLiveInMinutes=flags.event_ttl),
        ),
        expirationTimeUtc=None if flags.expiration_date is None else _expiration(flags.expiration_date),
        deadLetterDestination=(
            None if flags.deadletter_endpoint is None else dead_letter_destination(flags.deadletter_endpoint)
        ),
    )


def _filter(flags: SubscriptionFlags) -> Json:
    return _given(
        includedEventTypes=flags.included_event_types or None,
        subjectBeginsWith=flags.subject_begins_with,
        subjectEndsWith=flags.subject_ends_with,
        isSubjectCaseSensitive=_boolean("--subject-case-sensitive", flags.subject_case_sensitive),
        enableAdvancedFilteringOnArrays=_boolean(
            "--enable-advanced-filtering-on-arrays", flags.enable_advanced_filtering_on_arrays
        ),
        advancedFilters=[advanced_filter(words) for words in unpack(flags.advanced_filter or ())] or None,
    )


def _boolean(flag: str, text: str | None) -> bool | None:
    return None if text is None else boolean(flag, text)


def _expiration(text: str) -> str:
    """Read an ISO 8601 date or datetime, UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(
            f"--expiration-date {text!r} is no ISO 8601 date", hint="Such as 2030-01-01 or 2030-01-01T12:00:00Z."
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _merged(existing: Json | None, changes: Json) -> Json | None:
    return {**(existing or {}), **changes} if changes else None


def _given(**values: object) -> Json:
    return {name: value for name, value in values.items() if value is not None}
