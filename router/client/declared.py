"""Subscriptions as a file declares them: our own YAML, what `az … show` prints, and ARM templates."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from router.client.resource_ids import local_event_hub_id, workspace_id
from router.errors import RefusedError

Json = dict[str, Any]
MEMBERS: Final = (
    "destination",
    "filter",
    "labels",
    "retryPolicy",
    "eventDeliverySchema",
    "deadLetterDestination",
    "expirationTimeUtc",
)
"""The properties of a subscription that a file may give."""

CONDITIONS: Final = (
    "includedEventTypes",
    "subjectBeginsWith",
    "subjectEndsWith",
    "isSubjectCaseSensitive",
    "advancedFilters",
    "enableAdvancedFilteringOnArrays",
)
"""What a filter may ask."""

LIST: Final = "eventSubscriptions"
_OWN: Final = frozenset(("name", "source", "topic", "webhook", *MEMBERS))
_TYPE: Final = "microsoft.eventgrid/eventsubscriptions"
_NESTED_TYPE: Final = "/providers/eventsubscriptions"
_PARAMETER: Final = re.compile(r"\[parameters\('([^']+)'\)\]\Z")
_ID: Final = re.compile(
    r"(?P<scope>/.+)/providers/Microsoft\.EventGrid/eventSubscriptions/(?P<name>[^/]+)\Z", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Declared:
    """One subscription that a file wants: on `source`, with these properties in ARM's form."""

    source: str
    name: str
    properties: Json


def declared_in(documents: list[Any]) -> list[Declared]:
    """Return the subscriptions that the documents of a file declare.

    Raises:
        RefusedError: something in them is not understood; the message says where.
    """
    found = [one for document in documents if document is not None for one in _of_document(document)]
    seen: set[tuple[str, str]] = set()
    for one in found:
        place = (one.source.lower(), one.name.lower())
        if place in seen:
            raise RefusedError(f"{one.name}: it is declared twice on {one.source}")
        seen.add(place)
    return found


def _of_document(document: Any) -> Iterator[Declared]:  # noqa: ANN401 (any YAML)
    if isinstance(document, list):
        for element in document:
            yield from _of_document(element)
    elif not isinstance(document, dict):
        raise RefusedError(f"{document!r:.80}: a subscription is an object", hint=f"Write a list under {LIST}:")
    elif isinstance(document.get("resources"), list):
        yield from _of_template(document)
    elif LIST in document:
        source = document.get("source")
        for element in document[LIST] or []:
            yield _own({"source": source, **element} if source else element)
    elif "id" in document:
        yield _shown(document)
    else:
        yield _own(document)


def refuse_unknown_conditions(where: str, conditions: Json) -> None:
    """Refuse what a filter does not have: the API passes over it, so that a typing error would want every event."""
    known = {name.lower() for name in CONDITIONS}
    unknown = sorted(str(key) for key in conditions if str(key).lower() not in known)
    if unknown:
        raise RefusedError(f"{where}: a filter has no {unknown[0]}", hint=f"It has {', '.join(CONDITIONS)}.")


def _own(given: Any) -> Declared:  # noqa: ANN401 (any YAML)
    """Read our own form: properties beside the name; `topic: NAME` and `webhook: URL` are short for destinations."""
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise RefusedError(
            f"{given!r:.80}: a subscription needs a name, which is text", hint=f"Write a list under {LIST}:"
        )
    name = given["name"]
    unknown = sorted(str(key) for key in given.keys() - _OWN)
    if unknown:
        raise RefusedError(f"{name}: there is no {unknown[0]}", hint=f"There are {', '.join(sorted(_OWN))}.")
    properties = {key: given[key] for key in MEMBERS if given.get(key) is not None}
    if isinstance(properties.get("filter"), dict):
        refuse_unknown_conditions(name, properties["filter"])
    if "topic" in given:
        properties["destination"] = _destination("EventHub", resourceId=local_event_hub_id(str(given["topic"])))
    elif "webhook" in given:
        properties["destination"] = _destination("WebHook", endpointUrl=str(given["webhook"]))
    elif "destination" not in given:
        raise RefusedError(f"{name}: it needs a destination", hint="Give topic: NAME, webhook: URL, or destination:.")
    return Declared(workspace_id(str(given.get("source") or "local")), name, _wrapped(properties))


def _shown(given: Json) -> Declared:
    """Read what the API or `az … show` prints; the latter has what is in `properties` beside it."""
    found = _ID.match(str(given["id"]))
    if found is None:
        raise RefusedError(f"{given['id']!s:.200}: this is no id of an event subscription of a source")
    inner = given["properties"] if isinstance(given.get("properties"), dict) else given
    properties = {key: inner[key] for key in MEMBERS if inner.get(key) is not None}
    return Declared(found["scope"], found["name"], _wrapped(properties))


def _of_template(template: Json) -> Iterator[Declared]:
    """Read the event subscriptions of an ARM template; other resources are left to Azure."""
    parameters = template.get("parameters") or {}
    for resource in template["resources"]:
        kind = str(resource.get("type", "")).lower()
        if kind != _TYPE and not kind.endswith(_NESTED_TYPE):
            continue
        known = _filled(resource, parameters)
        name, scope = str(known.get("name", "")), known.get("scope")
        if kind != _TYPE:
            # …/workspaces/providers/eventSubscriptions, called <workspace>/Microsoft.EventGrid/<name>
            workspace, _, rest = name.partition("/")
            scope, name = workspace_id(workspace), rest.rpartition("/")[2]
        if not isinstance(scope, str) or not scope.startswith("/") or not name:
            raise RefusedError(
                f"{name or 'a resource'}: it needs a name and a scope",
                hint="Give scope: the resource id of the source.",
            )
        given = known.get("properties") or {}
        yield Declared(
            scope, name, _wrapped({key: given[key] for key in MEMBERS if given.get(key) is not None})
        )  # fmt: skip


def _filled(value: Any, parameters: Json) -> Any:  # noqa: ANN401 (any JSON)
    """Return a value of a template with its parameters put in; only those with a default are known."""
    if isinstance(value, dict):
        return {key: _filled(inner, parameters) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, parameters) for inner in value]
    if not isinstance(value, str) or not (value.startswith("[") and value.endswith("]")) or value.startswith("[["):
        return value
    found = _PARAMETER.match(value)
    default = (parameters.get(found[1]) or {}).get("defaultValue") if found else None
    if default is None:
        raise RefusedError(
            f"{value[:200]}: this expression is not understood",
            hint="Only [parameters('…')] with a defaultValue; write others out.",
        )
    return default


def _wrapped(properties: Json) -> Json:
    """Return the properties with destinations in ARM's form: `az` prints them without their inner `properties`."""
    result = dict(properties)
    for member in ("destination", "deadLetterDestination"):
        given = result.get(member)
        if isinstance(given, dict) and not isinstance(given.get("properties"), dict):
            inner = {key: value for key, value in given.items() if key != "endpointType" and value is not None}
            result[member] = {"endpointType": given.get("endpointType"), "properties": inner}
    webhook = (result.get("destination") or {}).get("properties")
    if isinstance(webhook, dict):
        base_url = webhook.pop("endpointBaseUrl", None)
        if base_url and not webhook.get("endpointUrl"):
            webhook["endpointUrl"] = base_url
    return result


def _destination(kind: str, **properties: str) -> Json:
    return {"endpointType": kind, "properties": properties}
