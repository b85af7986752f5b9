"""How to deliver, one file for each kind of sink; and which endpoints may be delivered to."""

from router.handlers.attributes import dynamic_headers
from router.handlers.handshake import AcceptedWithoutCode, Handshake, Refused, Validated, validate_endpoint
from router.handlers.http_client import HttpClient
from router.handlers.outcome import Delivered, Failed, Outcome, Rejected
from router.handlers.protocol import DeliveryRequest, Handler
from router.handlers.registry import Handlers
from router.handlers.resolver import resolve_and_check
from router.handlers.safe_address import EndpointPolicy, check_endpoint_url
from router.handlers.signing import algorithm_of, batch_id, new_signing_secret, verifying_key
from router.handlers.webhook import WebhookHandler

__all__ = [
    "AcceptedWithoutCode",
    "Delivered",
    "DeliveryRequest",
    "EndpointPolicy",
    "Failed",
    "Handler",
    "Handlers",
    "Handshake",
    "HttpClient",
    "Outcome",
    "Refused",
    "Rejected",
    "Validated",
    "WebhookHandler",
    "algorithm_of",
    "batch_id",
    "check_endpoint_url",
    "dynamic_headers",
    "new_signing_secret",
    "resolve_and_check",
    "validate_endpoint",
    "verifying_key",
]
