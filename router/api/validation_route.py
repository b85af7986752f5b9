"""The validation URL (§6.2): whoever holds it confirms an endpoint, by GET or POST and without other credentials."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from router.api.endpoints import VALIDATION_PATH
from router.api.provisioning import Provisioning
from router.api.validation import Confirmation
from router.errors import KafkaUnavailableError

_ANSWERS: Final[dict[Confirmation, tuple[HTTPStatus, str]]] = {
    "confirmed": (HTTPStatus.OK, "Webhook successfully validated as a subscription endpoint.\n"),
    "too late": (HTTPStatus.GONE, "This validation URL has expired. Create the event subscription again.\n"),
    "unknown": (HTTPStatus.NOT_FOUND, "This validation URL is not valid, or was used before.\n"),
}
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
_LONGEST: Final = 200


def validation_route(provisioning: Provisioning) -> Route:
    """Return the route of validation URLs."""

    async def answer(request: Request) -> Response:
        asked = request.path_params["name"], request.query_params.get("id", ""), request.query_params.get("token", "")
        if any(len(part) > _LONGEST for part in asked):
            return _say("unknown")
        try:
            return _say(await provisioning.confirm(*asked))
        except KafkaUnavailableError:
            return PlainTextResponse("Try again in a moment.\n", HTTPStatus.SERVICE_UNAVAILABLE, _HEADERS)

    return Route(VALIDATION_PATH, answer, methods=["GET", "POST"])


def _say(confirmation: Confirmation) -> Response:
    status, text = _ANSWERS[confirmation]
    return PlainTextResponse(text, status, _HEADERS)
