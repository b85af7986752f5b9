"""Asks a server whether it is ready."""

import asyncio
import json
from http.client import HTTPException
from typing import Final, NamedTuple
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

ANSWER_SECONDS: Final = 5.0


class Readiness(NamedTuple):
    """Whether a server is ready, and what it waits for in a few words."""

    ready: bool
    waiting_for: str


async def readiness(server_url: str) -> Readiness:
    """Return what the server's /readyz says, or why it does not answer."""
    return await asyncio.to_thread(_ask, f"{server_url}/readyz")


def _ask(url: str) -> Readiness:
    # The server is on this machine: a proxy of the environment is not for it.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(url, timeout=ANSWER_SECONDS):
            return Readiness(ready=True, waiting_for="")
    except HTTPError as error:
        return Readiness(ready=False, waiting_for=_waiting_for(error.read(), error.code))
    except (OSError, HTTPException):
        return Readiness(ready=False, waiting_for="server: does not answer yet")


def _waiting_for(body: bytes, status: int) -> str:
    try:
        return ", ".join(f"{check}: {problem}" for check, problem in json.loads(body)["waiting_for"].items())
    except (ValueError, KeyError, AttributeError, TypeError):
        return f"server: answers {status}"
