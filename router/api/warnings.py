"""What is allowed and yet probably not meant: told in a header, so that the body stays as the SDKs expect it."""

import json
from collections.abc import Sequence
from difflib import get_close_matches

from router.api.filter_bodies import DEFAULT_TYPES
from topics.subscriptions import Filter

WARNINGS_HEADER = "x-router-warnings"
"""A JSON list of sentences, in ASCII."""

_SHOWN_TYPES = 20


def warnings_about(wanted: Filter) -> list[str]:
    """Return a sentence for each included event type that no workspace raises (design §2)."""
    known = {name.lower(): name for name in DEFAULT_TYPES}
    unknown = [name for name in wanted.included_event_types or () if name.lower() not in known]
    return [
        f"includedEventTypes: no workspace raises {json.dumps(name)}; "
        f"the nearest event type is {known[get_close_matches(name.lower(), known, n=1, cutoff=0.0)[0]]}."
        for name in unknown[:_SHOWN_TYPES]
    ]


def warnings_header(warnings: Sequence[str]) -> dict[str, str]:
    """Return the header that carries the warnings; none when there is nothing to warn of."""
    return {WARNINGS_HEADER: json.dumps(list(warnings))} if warnings else {}
