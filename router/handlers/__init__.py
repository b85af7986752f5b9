"""How to deliver, one file for each kind of sink; and which endpoints may be delivered to."""

from router.handlers.handshake import AcceptedWithoutCode, Handshake, Refused, Validated, validate_endpoint
from router.handlers.outcome import Delivered, Failed, Outcome, Rejected
from router.handlers.protocol import DeliveryRequest, Handler
from router.handlers.safe_address import EndpointPolicy, check_endpoint_url
from router.handlers.session import new_session, resolve_and_check
from router.handlers.webhook import WebhookHandler

__all__ = [
    "AcceptedWithoutCode",
    "Delivered",
    "DeliveryRequest",
    "EndpointPolicy",
    "Failed",
    "Handler",
    "Handshake",
    "Outcome",
    "Refused",
    "Rejected",
    "Validated",
    "WebhookHandler",
    "check_endpoint_url",
    "new_session",
    "resolve_and_check",
    "validate_endpoint",
]
