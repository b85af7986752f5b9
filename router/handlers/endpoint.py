"""What is the same for every request to a subscription's endpoint, prepared once: opening secrets is slow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yarl import URL

from router.errors import SettingsError
from router.handlers.attributes import static_headers
from router.handlers.http_client import ClientCertificate, Origin, origin_of, request_head
from router.handlers.safe_address import EndpointPolicy, check_endpoint_url
from router.handlers.signing import Sign, signer
from router.secrets import SecretBox
from router.settings import Settings
from topics.subscriptions import Subscription, WebhookSink

ENDPOINTS_KEPT: Final = 16_384
METADATA_VERSION: Final = "1"
REDACTED: Final = b"[redacted]"
_SHORTEST_SECRET: Final = 6


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An origin, the beginning of each request, who signs until when, and what no answer may be kept with."""

    subscription: Subscription
    origin: Origin
    head: bytes
    signers: tuple[tuple[datetime | None, Sign], ...]
    secrets: tuple[str, ...] = ()

    def signers_at(self, now: datetime) -> list[Sign]:
        """Return the signers whose secrets are in use."""
        return [sign for expires, sign in self.signers if expires is None or expires > now]

    def without_secrets(self, body: bytes, *more: str) -> bytes:
        """Return an answer without the secrets that the request carried: many an endpoint repeats what it got."""
        return redacted(body, (*more, *self.secrets)) if body else body


def client_certificates(settings: Settings) -> dict[str, ClientCertificate]:
    """Return the client certificates that ROUTER_WEBHOOK_CLIENT_CERTIFICATES names."""
    return {
        name: ClientCertificate(str(certificate), None if key is None else str(key))
        for name, (certificate, key) in settings.webhook_client_certificates.items()
    }


class Endpoints:
    """The endpoints of subscriptions; one whose subscription has changed is prepared anew."""

    def __init__(self, policy: EndpointPolicy, box: SecretBox, certificates: Mapping[str, ClientCertificate]) -> None:
        self._policy = policy
        self._box = box
        self._certificates = certificates
        self._known: dict[str, Endpoint] = {}

    def of(self, subscription: Subscription, sink: WebhookSink) -> Endpoint:
        """Return a subscription's endpoint.

        Raises:
            RefusedError: webhooks may not go to its URL.
            SettingsError: a secret cannot be opened, or there is no such client certificate.
        """
        known = self._known.get(subscription.id)
        # The view gives the same object until something changes.
        if known is not None and known.subscription is subscription:
            return known
        endpoint = self._prepare(subscription, sink)
        if len(self._known) >= ENDPOINTS_KEPT:
            self._known.clear()
        self._known[subscription.id] = endpoint
        return endpoint

    def _prepare(self, subscription: Subscription, sink: WebhookSink) -> Endpoint:
        url = check_endpoint_url(self._box.open(sink.sealed_endpoint_url), self._policy)
        added = static_headers(sink.delivery_attributes, self._box.open)
        return Endpoint(
            subscription=subscription,
            origin=origin_of(url, self._certificate(sink)),
            head=b"".join(
                (
                    request_head("POST", url),
                    *(header_line(name, value) for name, value in added),
                    b"aeg-event-type: Notification\r\n",
                    b"aeg-subscription-name: %b\r\n" % subscription.name.upper().encode(),
                    b"aeg-metadata-version: %b\r\n" % METADATA_VERSION.encode(),
                )
            ),
            signers=tuple((one.expires, signer(self._box.open(one.sealed))) for one in subscription.signing_secrets),
            secrets=secrets_of(url, sink, dict(added)),
        )

    def _certificate(self, sink: WebhookSink) -> ClientCertificate | None:
        if sink.client_certificate is None:
            return None
        try:
            return self._certificates[sink.client_certificate]
        except KeyError:
            raise SettingsError(
                f"there is no client certificate {sink.client_certificate}",
                hint="Name it in ROUTER_WEBHOOK_CLIENT_CERTIFICATES.",
            ) from None


def secrets_of(url: URL, sink: WebhookSink, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a sink's requests carry that nobody may read elsewhere: values of its URL's query, secret headers."""
    sealed = [headers[one.name] for one in sink.delivery_attributes if one.kind == "Static" and one.sealed_value]
    return (*query_values(url), *sealed)


def query_values(url: URL) -> tuple[str, ...]:
    """Return the values of a URL's query, as they are and as they are written."""
    return (*url.query.values(), *(part.partition("=")[2] for part in url.raw_query_string.split("&")))


def redacted(body: bytes, secrets: Iterable[str]) -> bytes:
    """Return an answer without these secrets; what is very short stands in any text, and stays."""
    # The longest first, so that no part of one is left over.
    for secret in sorted((one for one in secrets if len(one) >= _SHORTEST_SECRET), key=len, reverse=True):
        body = body.replace(secret.encode(), REDACTED)
    return body


def header_line(name: str, value: str) -> bytes:
    """Return a header as it stands in a request; the value must be one that can."""
    return f"{name}: {value}\r\n".encode("latin-1")
