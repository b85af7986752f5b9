"""Tags of a resource: an object of strings."""

from router.api.json_bodies import Members, refused


def read_tags(given: Members) -> dict[str, str] | None:
    """Return the tags that a body gives.

    Raises:
        RefusedError: they are no object of strings.
    """
    tags = given.value("tags")
    if tags is None:
        return None
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise refused("tags", tags, "an object of strings")
    return tags
