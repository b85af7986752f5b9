"""Why deliveries die, as a person asks: who is at fault, with which status, saying what. Pure."""

import re
from typing import Final, Literal

Fault = Literal["endpoint", "network", "credentials", "configuration", "event"]

_FAULTS: Final[dict[str, Fault]] = {
    "BadRequest": "event",
    "PayloadTooLarge": "event",
    "Unauthorized": "credentials",
    "Forbidden": "credentials",
    "NotFound": "configuration",
    "ResolutionError": "network",
    "SocketError": "network",
    "TimedOut": "endpoint",
    "Busy": "endpoint",
    "GenericError": "endpoint",
    "Probation": "endpoint",
}
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_TOKEN: Final = re.compile(r"\S+")
_EDGES: Final = "\"'`.,:;!?()[]{}<>"
_SEPARATORS: Final = re.compile(r"[\"`,:;=(){}\[\]<>]+")
WORDS: Final = 8
LENGTH: Final = 60


def cause_of(last_outcome: str, status: int | None, detail: str) -> str:
    """Return `<fault>/<status>/<message class>`, the same for all deliveries that died alike."""
    fault = _FAULTS.get(last_outcome, "endpoint")
    if last_outcome == "Forbidden" and status is None:
        fault = "configuration"  # the address guard refused the endpoint
    message = message_class(detail) or _kebab(last_outcome)
    return f"{fault}/{'none' if status is None else status}/{message}"


def message_class(detail: str) -> str:
    """Return the first words of an answer without what differs from one to the next: numbers, ids, addresses."""
    words: list[str] = []
    for token in _TOKEN.findall(_SEPARATORS.sub(" ", detail[:400])):
        word = token.strip(_EDGES).lower()
        # What holds a digit or a slash is an id, a number, a time or an address.
        if _WORD.fullmatch(word.replace("-", "")):
            words.append(word.replace("'", ""))
        if len(words) == WORDS:
            break
    return "-".join(words)[:LENGTH].strip("-")


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
