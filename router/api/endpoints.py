"""Webhook endpoints, as the management API sees them: may events go there, and does the endpoint want them (§6)?"""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode
from uuid import uuid4

from aiohttp import ClientSession

from router.handlers.handshake import Handshake, Refused, Validated, validate_endpoint
from router.handlers.safe_address import EndpointPolicy
from router.handlers.session import new_session, resolve_and_check
from router.settings import Settings
from topics import Subscription


class WebhookEndpoints:
    """Checks URLs and does handshakes; `start` and `stop` hold the HTTP client."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._policy = EndpointPolicy.from_settings(settings)
        self._public_url = (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")
        self._timeout_seconds = settings.webhook_timeout_seconds
        self._now = now
        self._session: ClientSession | None = None

    async def start(self) -> None:
        """Open the HTTP client."""
        self._session = new_session(self._policy)

    async def stop(self) -> None:
        """Close the HTTP client."""
        if self._session is not None:
            await self._session.close()

    async def check(self, url: str) -> None:
        """Check a URL and what its host resolves to.

        Raises:
            RefusedError: webhooks may not go there; in Azure's words.
        """
        await resolve_and_check(url, self._policy)

    async def validate(self, subscription: Subscription, url: str) -> Validated | Refused:
        """Ask an endpoint whether it wants the events of a subscription.

        Raises:
            RuntimeError: called before `start`.
            RefusedError: webhooks may not go there.
        """
        if self._session is None:
            raise RuntimeError("the HTTP client is not open")
        code, moment = str(uuid4()), self._now()
        query = urlencode({"id": code, "t": moment.isoformat(), "apiVersion": "2018-05-01-preview"})
        handshake = Handshake(
            url=url,
            subscription_name=subscription.name,
            topic=subscription.source,
            schema=subscription.delivery_schema,
            validation_url=f"{self._public_url}/eventsubscriptions/{subscription.name}/validate?{query}",
            validation_code=code,
        )
        return await validate_endpoint(
            self._session,
            handshake,
            policy=self._policy,
            now=moment,
            timeout_seconds=self._timeout_seconds,
        )
