"""What this cloud is: the documents that tell an Azure client where to get tokens, and for what (§9.6)."""

from typing import Any, Final
from urllib.parse import urlsplit

from router.identity.tokens import TENANT

Json = dict[str, Any]
_DEFAULT_SCOPE: Final = "/.default"


def audience_of(scope: str) -> str:
    """Return the audience that a scope of OAuth 2 asks for: `https://management.azure.com/.default`."""
    first = next((one for one in scope.split() if one.endswith(_DEFAULT_SCOPE)), scope)
    return first.removesuffix(_DEFAULT_SCOPE)


def openid_configuration(base_url: str, tenant: str) -> Json:
    """Return the discovery document of OpenID Connect."""
    return {
        "issuer": f"{base_url}/{tenant}/v2.0",
        "token_endpoint": f"{base_url}/{tenant}/oauth2/v2.0/token",
        "authorization_endpoint": f"{base_url}/{tenant}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base_url}/{tenant}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base_url}/{tenant}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "tenant_region_scope": None,
    }


def instance_discovery(base_url: str) -> Json:
    """Return the document by which MSAL makes sure that an authority is one."""
    host = urlsplit(base_url).netloc
    return {
        "tenant_discovery_endpoint": f"{base_url}/{TENANT}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }


def cloud_metadata(base_url: str) -> Json:
    """Return what `az cloud register` asks for."""
    resource = f"{base_url}/"
    return {
        "name": "Router",
        "portal": base_url,
        "authentication": {
            "loginEndpoint": base_url,
            "audiences": [resource, "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": resource,
        "graphAudience": resource,
        "graph": resource,
        "suffixes": {},
    }
