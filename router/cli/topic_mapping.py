"""The input schema of a custom topic from flags, as `az eventgrid topic create` has them (§9.3)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from router.errors import RefusedError

_PROPERTIES: Final = {
    name.lower(): name for name in ("id", "topic", "eventTime", "eventType", "subject", "dataVersion")
}
_WITH_DEFAULTS: Final = ("eventType", "subject", "dataVersion")


class InputSchema(StrEnum):
    """The schemas in which events may be published to a custom topic."""

    event_grid = "EventGridSchema"
    cloud_events = "CloudEventSchemaV1_0"
    custom = "CustomEventSchema"


def topic_properties(schema: InputSchema, fields: Iterable[str], defaults: Iterable[str]) -> dict[str, Any]:
    """Return the `properties` of a custom topic; a mapping belongs to a custom schema, which needs one.

    Raises:
        RefusedError: a flag names an unknown property, or does not fit to the schema.
    """
    mapping: dict[str, dict[str, str]] = {}
    for flag, member, pairs, allowed in (
        ("--input-mapping-fields", "sourceField", fields, tuple(_PROPERTIES.values())),
        ("--input-mapping-default-values", "defaultValue", defaults, _WITH_DEFAULTS),
    ):
        for pair in pairs:
            name, equals, value = pair.partition("=")
            known = _PROPERTIES.get(name.strip().lower())
            if known not in allowed or not equals or not value:
                raise RefusedError(f"{flag} {pair}: must be PROPERTY=VALUE, PROPERTY one of {', '.join(allowed)}")
            mapping.setdefault(known, {})[member] = value
    if bool(mapping) != (schema is InputSchema.custom):
        raise RefusedError(
            "--input-mapping-default-values and/or --input-mapping-fields must be given with, and only with, "
            "--input-schema CustomEventSchema"
        )
    properties: dict[str, Any] = {"inputSchema": schema.value}
    if mapping:
        properties["inputSchemaMapping"] = {"inputSchemaMappingType": "Json", "properties": mapping}
    return properties
