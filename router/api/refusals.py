"""Refusals: everything that is wrong with a body, told at once."""

from collections.abc import Callable
from typing import Final, TypeVar, cast

from router.errors import RefusedError

MOST: Final = 25
"""As many are told; who sends more mistakes learns of the others next time."""

Read = TypeVar("Read")


class Refusals:
    """Collects what readers refuse; what they return counts only once `raise_any` has let pass."""

    def __init__(self) -> None:
        self._found: list[RefusedError] = []

    def read(self, read: Callable[[], Read]) -> Read:
        """Return what a reader returns, and remember what it refuses."""
        try:
            return read()
        except RefusedError as error:
            self._found += (error, *error.others)
            return cast("Read", None)

    def raise_any(self) -> None:
        """Raise the first refusal, with the others in it.

        Raises:
            RefusedError: something was refused.
        """
        if self._found:
            first, *others = self._found[:MOST]
            raise RefusedError(first.message, code=first.code, target=first.target, hint=first.hint, others=others)
