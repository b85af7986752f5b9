"""The view: every resource of router.resources in memory."""

from typing import TypeVar

import structlog
from pydantic import ValidationError

from topics.resources import RESOURCE, Resource, resource_key

log = structlog.get_logger(__name__)

Kind = TypeVar("Kind")


class ResourcesView:
    """All resources by id (compared without regard to case, §8.1)."""

    def __init__(self) -> None:
        self._resources: dict[bytes, Resource] = {}

    def get(self, kind: type[Kind], resource_id: str) -> Kind | None:
        """Return the resource of that kind and id, or None."""
        found = self._resources.get(resource_key(resource_id))
        return found if isinstance(found, kind) else None

    def all(self, kind: type[Kind]) -> list[Kind]:
        """Return every resource of a kind."""
        return [one for one in self._resources.values() if isinstance(one, kind)]

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take a record of router.resources; one that cannot be read is logged and changes nothing."""
        if value is None:
            self._resources.pop(key, None)
            return
        try:
            self._resources[key] = RESOURCE.validate_json(value)
        except ValidationError as error:
            log.warning("resource.unreadable", problems=error.error_count())
