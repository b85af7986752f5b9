"""The input schema of a custom topic, and for a schema of its own the mapping (§2.4), read from a body."""

from typing import Final, cast, get_args

from router.api.answers import Json
from router.api.json_bodies import Members, refused
from router.errors import RefusedError
from topics.sources import InputSchema

INPUT_SCHEMAS: Final[tuple[InputSchema, ...]] = get_args(InputSchema)
_ONLY_FIELDS: Final = ("id", "topic", "eventTime")
_WITH_DEFAULTS: Final = ("eventType", "subject", "dataVersion")


def read_input_schema(properties: Members) -> tuple[InputSchema, Json | None]:
    """Return schema and mapping that a body's `properties` give; Event Grid's schema is the default.

    Raises:
        RefusedError: something in it is not allowed, or a mapping stands where none belongs.
    """
    schema = cast(InputSchema, properties.choice("inputSchema", INPUT_SCHEMAS) or "EventGridSchema")
    given, target = properties.members("inputSchemaMapping"), properties.target_of("inputSchemaMapping")
    if given is None:
        return schema, None
    if schema != "CustomEventSchema":
        raise RefusedError(f"{target}: it belongs to the input schema CustomEventSchema only.", target=target)
    given.choice("inputSchemaMappingType", ("Json",))
    fields = given.members("properties") or Members({})
    mapping: Json = {}
    for name in (*_ONLY_FIELDS, *_WITH_DEFAULTS):
        rule = fields.members(name)
        if rule is not None and (read := _read_rule(rule, may_have_default=name in _WITH_DEFAULTS)):
            mapping[name] = read
    return schema, {"inputSchemaMappingType": "Json", "properties": mapping}


def _read_rule(rule: Members, *, may_have_default: bool) -> Json:
    """Return what of `sourceField` and `defaultValue` is given."""
    default = rule.text("defaultValue")
    if default is not None and not may_have_default:
        raise refused(
            rule.target_of("defaultValue"), default, f"left out; only {', '.join(_WITH_DEFAULTS)} take a default"
        )
    read = {"sourceField": rule.text("sourceField"), "defaultValue": default}
    return {name: value for name, value in read.items() if value is not None}
