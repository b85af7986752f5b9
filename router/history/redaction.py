"""Taking secrets out of what endpoints answer, before it is kept: many an endpoint repeats the request it got."""

import re
from typing import Final

DETAIL_LIMIT: Final = 512
"""Characters of an answer that are kept."""
REDACTED: Final = "[redacted]"

_NAMES: Final = (
    r"[\w-]*(?:password|passwd|secret|token|api[-_]?key|access[-_]?key|sas[-_]?key|account[-_]?key|shared[-_]?key"
    r"|credential|signature|authorization|cookie)[\w-]*|aeg-sas-\w+|pwd|sig|code"
)
_PATTERNS: Final = (
    # The query of any URL: access codes of functions and SAS signatures stand there (§5.11).
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s\"'<>?]+)\?[^\s\"'<>]*", re.IGNORECASE), rf"\1?{REDACTED}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@\"'<>]+@", re.IGNORECASE), rf"\1{REDACTED}@"),
    (
        re.compile(r"\b(Bearer|Basic|SharedAccessSignature|SharedAccessKey)([\s=]+)[^\s\"',;]+", re.IGNORECASE),
        rf"\1\2{REDACTED}",
    ),
    (
        re.compile(
            rf"((?<![\w-])(?:{_NAMES})[\"']?\s*[:=]\s*)(\"[^\"]*\"?|'[^']*'?|(?!\[redacted\])[^\s,;&\"'}}\]]+)",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"), REDACTED),
    (re.compile(r"\bwhsec_[\w+/=-]+"), REDACTED),
    # Long runs that only keys have: letters of both cases and digits, or base64 with its padding.
    (re.compile(r"(?<![\w+-])(?=[\w+-]*[a-z])(?=[\w+-]*[A-Z])(?=[\w+-]*[0-9])[\w+-]{40,}={0,2}"), REDACTED),
    (re.compile(r"(?<![\w+/-])[\w+/-]{30,}={1,2}(?!=)"), REDACTED),
)


def redact(detail: str) -> str:
    """Return the beginning of an answer without what looks like a secret."""
    if not detail:
        return detail
    # Cut last: half a secret would not be recognised.
    for pattern, replacement in _PATTERNS:
        detail = pattern.sub(replacement, detail)
    return detail[:DETAIL_LIMIT]
