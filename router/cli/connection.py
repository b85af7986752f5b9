"""The one way in which commands reach a server or a broker."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from router.errors import NotFoundError

if TYPE_CHECKING:
    from router.client.access import Access
    from router.client.arm import ArmClient


def access_to(data_dir: Path) -> "Access":
    """Return how to reach the router of a data directory, or the one that the environment names."""
    from router.client.access import find_access  # noqa: PLC0415 (pydantic is heavy)

    return find_access(data_dir, os.environ)


def arm_client(data_dir: Path) -> "tuple[Access, ArmClient]":
    """Return how to reach the router, and a client for its ARM API."""
    from router.client.arm import ArmClient  # noqa: PLC0415 (httpx is heavy)

    access = access_to(data_dir)
    return access, ArmClient(access)


def brokers(given: str | None, data_dir: Path) -> str:
    """Return the Kafka brokers: those given, else those of the router.

    Raises:
        NotFoundError: neither is known.
    """
    _hush_kafka_client()
    if given:
        return given
    try:
        found = access_to(data_dir).bootstrap_servers
    except NotFoundError as error:
        raise NotFoundError(error.message, hint=f"Give --bootstrap-servers. {error.hint}") from None
    if found is None:
        raise NotFoundError("no Kafka brokers are known", hint="Give --bootstrap-servers.")
    return found


def _hush_kafka_client() -> None:
    """Keep the Kafka client's own log off the terminal: what a person must know comes as an error."""
    if os.environ.get("ROUTER_LOG_LEVEL", "").lower() != "debug":
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
