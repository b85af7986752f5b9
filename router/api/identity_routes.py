"""Where clients learn who they are: token endpoints, discovery documents, metadata of the cloud (§9.6, design §10)."""

import hmac
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

import jwt
import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from router.api.cloud import audience_of, cloud_metadata, instance_discovery, openid_configuration
from router.identity.callers import MACHINE, AccessTokens
from router.identity.tokens import LIFETIME_SECONDS, TENANT, Subject
from topics.resources import Principal

log = structlog.get_logger(__name__)

MSI_VERSION: Final = "2019-08-01"
METADATA_VERSION: Final = "2022-09-01"
MAX_FORM_BYTES: Final = 16 * 1024
TENANT_ALIASES: Final = frozenset(("common", "organizations", TENANT))

Json = dict[str, Any]


class IdentityRoutes:
    """The routes that take no token: who comes here comes to get one, or asks what anybody may know."""

    def __init__(self, tokens: AccessTokens, identity_header: str) -> None:
        self._tokens = tokens
        self._header = identity_header.encode()
        self.routes = [
            Route("/msi/token", self._machine_token, methods=["GET"]),
            Route("/{tenant}/oauth2/v2.0/token", self._principal_token, methods=["POST"]),
            Route("/{tenant}/oauth2/token", self._principal_token, methods=["POST"]),
            *(
                Route(path, self._openid, methods=["GET"])
                for path in (
                    "/.well-known/openid-configuration",
                    "/{tenant}/.well-known/openid-configuration",
                    "/{tenant}/v2.0/.well-known/openid-configuration",
                )
            ),
            *(
                Route(path, self._keys, methods=["GET"])
                for path in ("/{tenant}/discovery/keys", "/{tenant}/discovery/v2.0/keys")
            ),
            Route("/common/discovery/instance", self._instance, methods=["GET"]),
            # az joins the address and the path with one slash too many.
            *(Route(path, self._metadata, methods=["GET"]) for path in ("/metadata/endpoints", "//metadata/endpoints")),
        ]

    async def _machine_token(self, request: Request) -> Response:
        """Answer a managed identity, in the form of App Service."""
        if not hmac.compare_digest(request.headers.get("x-identity-header", "").encode(), self._header):
            return _refused(HTTPStatus.UNAUTHORIZED, "unauthorized_client", "X-IDENTITY-HEADER is missing or wrong.")
        if request.query_params.get("api-version") != MSI_VERSION:
            return _refused(HTTPStatus.BAD_REQUEST, "invalid_request", f"api-version must be {MSI_VERSION}.")
        resource = request.query_params.get("resource", "")
        if not self._tokens.is_audience(resource):
            return _refused(
                HTTPStatus.BAD_REQUEST, "invalid_resource", f"There is no resource '{resource[:200]}' here."
            )
        return _json(self._token(request, MACHINE, resource) | {"client_id": MACHINE.application_id})

    async def _principal_token(self, request: Request) -> Response:
        """Answer a service principal: OAuth's client credentials, versions 1 (resource) and 2 (scope)."""
        if request.path_params["tenant"].lower() not in TENANT_ALIASES:
            return _refused(HTTPStatus.BAD_REQUEST, "invalid_request", f"There is no such tenant; it is {TENANT}.")
        form = await _form(request)
        if form is None:
            return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "invalid_request", "The form is too large.")
        if form.get("grant_type") != "client_credentials":
            return _refused(HTTPStatus.BAD_REQUEST, "unsupported_grant_type", "Only client_credentials is known here.")
        principal = self._tokens.principal(form.get("client_id", ""), form.get("client_secret", ""))
        if principal is None:
            log.info("identity.refused")
            return _refused(HTTPStatus.UNAUTHORIZED, "invalid_client", "AADSTS7000215: Invalid client id or secret.")
        audience = form.get("resource") or audience_of(form.get("scope", ""))
        if not self._tokens.is_audience(audience):
            return _refused(HTTPStatus.BAD_REQUEST, "invalid_scope", f"There is no resource '{audience[:200]}' here.")
        return _json(self._token(request, _subject(principal), audience))

    def _token(self, request: Request, subject: Subject, audience: str) -> Json:
        token = self._tokens.issue(subject, audience, _base_url(request))
        expires = jwt.decode(token, options={"verify_signature": False})["exp"]
        return {
            "access_token": token,
            "expires_in": LIFETIME_SECONDS,
            "ext_expires_in": LIFETIME_SECONDS,
            "expires_on": str(expires),
            "resource": audience,
            "token_type": "Bearer",
        }

    async def _keys(self, _request: Request) -> Response:
        """Show the public keys that prove tokens."""
        found = [
            jwt.algorithms.RSAAlgorithm.to_jwk(key, as_dict=True) | {"kid": name, "use": "sig", "alg": "RS256"}
            for name, key in self._tokens.public_keys().items()
        ]
        return _json({"keys": found})

    async def _openid(self, request: Request) -> Response:
        return _json(openid_configuration(_base_url(request), request.path_params.get("tenant", TENANT)))

    async def _instance(self, request: Request) -> Response:
        return _json(instance_discovery(_base_url(request)))

    async def _metadata(self, request: Request) -> Response:
        version = request.query_params.get("api-version", "")
        if version != METADATA_VERSION:
            message = f"The api-version '{version[:80]}' is invalid. The supported versions are '{METADATA_VERSION}'."
            error = {"code": "InvalidApiVersionParameter", "message": message}
            return _json({"error": error}, HTTPStatus.BAD_REQUEST)
        return _json(cloud_metadata(_base_url(request)))


def is_identity_path(path: str) -> bool:
    """Say whether a path is answered without a token, on purpose."""
    return path == "/msi/token" or any(
        part in path for part in ("/oauth2/", "/.well-known/", "/discovery/", "/metadata/")
    )


async def _form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form; None when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return None
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _subject(principal: Principal) -> Subject:
    return Subject(principal.object_id, principal.application_id)


def _base_url(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _json(body: Json, status: HTTPStatus = HTTPStatus.OK) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), status, headers, media_type="application/json")


def _refused(status: HTTPStatus, code: str, message: str) -> Response:
    """Return an error as OAuth has it."""
    return _json({"error": code, "error_description": message}, status)
