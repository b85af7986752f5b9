"""Webhook endpoints, as the management API sees them: may events go there, and does the endpoint want them (§6)?"""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode
from uuid import uuid4

from router.handlers import EndpointPolicy, Handshake, HttpClient, Refused, Validated, resolve_and_check
from router.handlers.attributes import static_headers
from router.handlers.endpoint import client_certificates
from router.handlers.handshake import REFUSED_CODE, validate_endpoint
from router.handlers.oauth import AccessTokens, NoTokenError
from router.secrets import SecretBox
from router.settings import Settings
from topics import Subscription, WebhookSink

VALIDATION_PATH: Final = "/eventsubscriptions/{name}/validate"
_API_VERSION: Final = "2018-05-01-preview"
"""What Azure's validation URLs say; nothing depends on it."""


class WebhookEndpoints:
    """Checks URLs and does handshakes; `start` and `stop` hold the HTTP client."""

    def __init__(self, settings: Settings, now: Callable[[], datetime], box: SecretBox) -> None:
        self._policy = EndpointPolicy.from_settings(settings)
        self._public_url = (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")
        self._timeout_seconds = settings.webhook_timeout_seconds
        self._certificates = client_certificates(settings)
        self._now = now
        self._box = box
        self._client: HttpClient | None = None

    async def start(self) -> None:
        """Open the HTTP client."""
        self._client = HttpClient(self._policy)

    async def stop(self) -> None:
        """Close the HTTP client."""
        if self._client is not None:
            await self._client.close()

    async def check(self, url: str) -> None:
        """Check a URL and what its host resolves to.

        Raises:
            RefusedError: webhooks may not go there; in Azure's words.
        """
        await resolve_and_check(url, self._policy)

    async def validate(
        self, subscription: Subscription, sink: WebhookSink, validation_id: str, token: str
    ) -> Validated | Refused:
        """Ask an endpoint whether it wants the events of a subscription.

        Raises:
            RuntimeError: called before `start`.
            RefusedError: webhooks may not go there.
            SettingsError: a secret of the subscription cannot be opened.
        """
        if self._client is None:
            raise RuntimeError("the HTTP client is not open")
        moment = self._now()
        # A custom schema is asked about as Event Grid's is (§6.1).
        of_cloud_events = subscription.delivery_schema == "CloudEventSchemaV1_0"
        headers = static_headers(sink.delivery_attributes, self._box.open)
        if sink.oauth is not None:
            tokens = AccessTokens(self._client, self._policy, self._box)
            try:
                headers.append(("Authorization", f"Bearer {await tokens.get(sink.oauth, self._timeout_seconds)}"))
            except (NoTokenError, TimeoutError) as error:
                message = f"Webhook validation handshake failed: {error or 'no token in time'}."
                return Refused(REFUSED_CODE, message, may_pass=True)
        handshake = Handshake(
            url=self._box.open(sink.sealed_endpoint_url),
            subscription_name=subscription.name,
            topic=subscription.source,
            schema="CloudEventSchemaV1_0" if of_cloud_events else "EventGridSchema",
            validation_url=self._validation_url(subscription.name, validation_id, token, moment),
            validation_code=str(uuid4()),
            headers=tuple(headers),
            certificate=self._certificates.get(sink.client_certificate or ""),
        )
        return await validate_endpoint(
            self._client,
            handshake,
            policy=self._policy,
            now=moment,
            timeout_seconds=self._timeout_seconds,
        )

    def _validation_url(self, name: str, validation_id: str, token: str, moment: datetime) -> str:
        query = urlencode({"id": validation_id, "t": moment.isoformat(), "apiVersion": _API_VERSION, "token": token})
        return f"{self._public_url}{VALIDATION_PATH.format(name=quote(name))}?{query}"
