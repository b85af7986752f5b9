"""`$filter` of lists (§8.1): what Event Grid documents of OData: eq, ne, contains, and, or, not, and parentheses."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from router.api.json_bodies import refused
from router.errors import RefusedError

ListFilter = Callable[[Mapping[str, str]], bool]
"""Says whether what has these fields is wanted."""

MAX_TOKENS: Final = 512
MAX_DEPTH: Final = 32

_TOKEN: Final = re.compile(r"\s*(?:'((?:[^']|'')*)'|([A-Za-z]+(?![A-Za-z0-9_/.])|[(),]))\s*")


def list_filter(text: str, fields: Sequence[str]) -> ListFilter:
    """Return what a `$filter` on some fields means; values are compared without regard to case, as all of ARM's are.

    Raises:
        RefusedError: it is not in the subset of OData that Event Grid documents, or asks for another field.
    """
    return _Parser(text, fields).whole()


class _Parser:
    """Reads by recursive descent: `or` joins what `and` joins, and `not` binds closest."""

    def __init__(self, text: str, fields: Sequence[str]) -> None:
        self._text = text
        self._fields = {name.lower(): name for name in fields}
        self._tokens = self._tokenized()
        self._at = 0
        self._depth = 0

    def whole(self) -> ListFilter:
        wanted = self._any()
        if self._at < len(self._tokens):
            raise self._refused()
        return wanted

    def _any(self) -> ListFilter:
        wanted = [self._all()]
        while self._take("or"):
            wanted.append(self._all())
        return wanted[0] if len(wanted) == 1 else lambda item: any(one(item) for one in wanted)

    def _all(self) -> ListFilter:
        wanted = [self._one()]
        while self._take("and"):
            wanted.append(self._one())
        return wanted[0] if len(wanted) == 1 else lambda item: all(one(item) for one in wanted)

    def _one(self) -> ListFilter:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refused()
        try:
            if self._take("not"):
                unwanted = self._one()
                return lambda item: not unwanted(item)
            if self._take("("):
                wanted = self._any()
                self._need(")")
                return wanted
            return self._contains() if self._take("contains") else self._comparison()
        finally:
            self._depth -= 1

    def _contains(self) -> ListFilter:
        self._need("(")
        field = self._field()
        self._need(",")
        part = self._quoted()
        self._need(")")
        return lambda item: part in item.get(field, "").casefold()

    def _comparison(self) -> ListFilter:
        field = self._field()
        is_equal = self._take("eq")
        if not is_equal:
            self._need("ne")
        given = self._quoted()
        return lambda item: (item.get(field, "").casefold() == given) is is_equal

    def _field(self) -> str:
        for word, name in self._fields.items():
            if self._take(word):
                return name
        raise self._refused()

    def _quoted(self) -> str:
        quoted, text = self._tokens[self._at] if self._at < len(self._tokens) else (False, "")
        if not quoted:
            raise self._refused()
        self._at += 1
        return text

    def _take(self, word: str) -> bool:
        """Go past a word, when it is the next one."""
        found = self._at < len(self._tokens) and self._tokens[self._at] == (False, word)
        self._at += found
        return found

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise self._refused()

    def _tokenized(self) -> list[tuple[bool, str]]:
        """Return the tokens with their case folded, each with whether it was quoted."""
        found: list[tuple[bool, str]] = []
        at = 0
        while at < len(self._text):
            token = _TOKEN.match(self._text, at)
            if token is None or len(found) == MAX_TOKENS:
                raise self._refused()
            quoted, word = token[1], token[2]
            found.append((False, word.lower()) if quoted is None else (True, quoted.replace("''", "'").casefold()))
            at = token.end()
        return found

    def _refused(self) -> RefusedError:
        first = next(iter(self._fields.values()))
        others = f" ({', '.join(self._fields.values())} are known)" if len(self._fields) > 1 else ""
        allowed = f"{first} eq '<{first}>', {first} ne '<{first}>' or contains({first}, '<part>'){others}"
        return refused("$filter", self._text, f"{allowed}, joined by and, or, not and parentheses")
