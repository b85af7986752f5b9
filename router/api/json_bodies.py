"""JSON that people send: read strictly, member by member; a refusal names the member, its value and what is allowed."""

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from router.errors import RefusedError

_SHOWN: Final = 80


def read_object(body: bytes) -> "Members":
    """Return the members of a JSON object.

    Raises:
        RefusedError: the body is empty, no JSON or no object, or holds a number or string that JSON cannot carry on.
    """
    if not body.strip():
        raise RefusedError("The request has no body; a JSON object is needed.", code="InvalidRequestContent")
    try:
        # The standard library's reader: it keeps integers of any size exact, and shows NaN and lone surrogates
        # where they stand instead of failing as a whole, so that the refusal can name the member.
        tree = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = f"{error}" if isinstance(error, ValueError) else "it is nested too deeply"
        raise RefusedError(f"The body is not valid JSON: {reason}.", code="InvalidRequestContent") from None
    if not isinstance(tree, dict):
        raise RefusedError(f"The body must be a JSON object, not {shown(tree)}.", code="InvalidRequestContent")
    refuse_unwritable(tree)
    return Members(tree)


def refuse_unwritable(tree: object, target: str = "") -> None:
    """Refuse what could be read but not be written again: NaN, infinite numbers and lone surrogates.

    Raises:
        RefusedError: names the member.
    """
    waiting = [(target, tree)]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, dict):
            waiting += ((_inside(where, name), member) for name, member in value.items())
            waiting += ((where, name) for name in value)
        elif isinstance(value, list):
            waiting += ((f"{where}[{at}]", element) for at, element in enumerate(value))
        elif isinstance(value, float) and not math.isfinite(value):
            raise refused(where, value, "a finite number")
        elif isinstance(value, str) and not _is_unicode(value):
            raise refused(where, value, "text without lone surrogates")


def shown(value: object) -> str:
    """Return a value as JSON on one line of ASCII, cut short: fit for a message."""
    try:
        text = json.dumps(value)
    except RecursionError:
        return "what is nested too deeply"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def refused(target: str, value: object, allowed: str) -> RefusedError:
    """Return the refusal of a member: it names the member, its value and what is allowed."""
    return RefusedError(f"{target}: {shown(value)} is not allowed; it must be {allowed}.", target=target)


class Members:
    """The members of a JSON object; names are found exactly, else without regard to case. Null means not given."""

    def __init__(self, tree: dict[str, Any], target: str = "") -> None:
        self._tree = tree
        self._by_folded_name = {name.lower(): name for name in reversed(tree)}
        self.target = target

    def __contains__(self, name: str) -> bool:
        """Say whether a member is there, be it null."""
        return name.lower() in self._by_folded_name

    def target_of(self, name: str) -> str:
        """Return how a refusal names a member."""
        return _inside(self.target, name)

    def value(self, name: str) -> Any:  # noqa: ANN401 (any JSON)
        """Return a member as it is, None when there is none."""
        return self._tree.get(name, self._tree.get(self._by_folded_name.get(name.lower(), name)))

    def text(self, name: str) -> str | None:
        """Return a string; raises RefusedError for anything else."""
        value = self.value(name)
        if value is None or isinstance(value, str):
            return value
        raise refused(self.target_of(name), value, "a string")

    def needed_text(self, name: str) -> str:
        """Return a string that must be there and not be empty; raises RefusedError."""
        text = self.text(name)
        if text:
            return text
        raise refused(self.target_of(name), text, "a string that is not empty")

    def truth(self, name: str) -> bool | None:
        """Return true or false; raises RefusedError for anything else."""
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return value
        raise refused(self.target_of(name), value, "true or false")

    def whole(self, name: str, allowed: range) -> int | None:
        """Return a whole number of a range; raises RefusedError for anything else."""
        value = self.value(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value in allowed):
            return value
        raise refused(self.target_of(name), value, f"a whole number from {allowed.start} to {allowed.stop - 1}")

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """Return one of the allowed words in its canonical spelling, read in any; raises RefusedError."""
        value = self.value(name)
        if value is None:
            return None
        spellings = {word.lower(): word for word in allowed}
        if isinstance(value, str) and value.lower() in spellings:
            return spellings[value.lower()]
        raise refused(self.target_of(name), value, f"one of {', '.join(allowed)}")

    def members(self, name: str) -> "Members | None":
        """Return an object; raises RefusedError for anything else."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, dict):
            return Members(value, self.target_of(name))
        raise refused(self.target_of(name), value, "an object")

    def needed_members(self, name: str) -> "Members":
        """Return an object that must be there; raises RefusedError."""
        found = self.members(name)
        if found is None:
            raise refused(self.target_of(name), None, "an object")
        return found

    def elements(self, name: str) -> list[tuple[str, Any]] | None:
        """Return the elements of an array, each with the name that a refusal gives it; raises RefusedError."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, list):
            return [(f"{self.target_of(name)}[{at}]", element) for at, element in enumerate(value)]
        raise refused(self.target_of(name), value, "an array")

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return an array of strings that are not empty; raises RefusedError for anything else."""
        found = self.elements(name)
        if found is None:
            return None
        for target, element in found:
            if not isinstance(element, str) or not element:
                raise refused(target, element, "a string that is not empty")
        return tuple(element for _, element in found)

    def objects(self, name: str) -> "Iterator[Members]":
        """Give the elements of an array of objects; raises RefusedError for anything else."""
        for target, element in self.elements(name) or ():
            if not isinstance(element, dict):
                raise refused(target, element, "an object")
            yield Members(element, target)


def _inside(target: str, name: str) -> str:
    return f"{target}.{name}" if target else name


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
