"""Scopes that hold sources: a resource group, an Azure subscription (§8.1); all in lower case here."""

import re
from typing import Final

_GROUP: Final = re.compile(r"/subscriptions/[^/]+(?:/resourcegroups/[^/]+)?\Z")
_SUBSCRIPTION_SEGMENTS: Final = 2
_GROUP_SEGMENTS: Final = 4


def is_group(scope: str) -> bool:
    """Say whether a scope is a resource group or an Azure subscription, and not one source."""
    return _GROUP.match(scope) is not None


def is_below(scope: str, group: str) -> bool:
    """Say whether a scope is in a group."""
    return scope.startswith(f"{group}/")


def topic_type_of(scope: str) -> str:
    """Return the topic type of a source or a group: `microsoft.resources.resourcegroups` of a resource group."""
    segments = scope.strip("/").split("/")
    if is_group(scope):
        return f"microsoft.resources.{segments[-2]}"
    return ".".join(segments[-3:-1])


def above(scope: str) -> list[str]:
    """Return the resource group and the Azure subscription that a scope is in, the nearest first."""
    segments = scope.split("/")
    lengths = (_GROUP_SEGMENTS + 1, _SUBSCRIPTION_SEGMENTS + 1)
    return ["/".join(segments[:length]) for length in lengths if length < len(segments)]
