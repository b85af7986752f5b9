"""OAuth client credentials of a webhook: read from JSON, and written without their secret."""

from typing import Any, Final

from router.api.json_bodies import Members, refused
from router.errors import RefusedError
from router.secrets import SecretBox
from topics.subscriptions import OAuthCredentials

HIDDEN: Final = "Hidden"
"""Shown in place of a secret; sent back, it keeps the secret (design §8)."""


def read_oauth(given: Members, stored: OAuthCredentials | None, box: SecretBox) -> OAuthCredentials | None:
    """Return the credentials that a webhook's properties give; None when they give none.

    Raises:
        RefusedError: a member is missing or not allowed.
    """
    members = given.members("oauth")
    if members is None:
        return None
    url, secret = members.needed_text("tokenUrl"), members.needed_text("clientSecret")
    if not url.lower().startswith(("https://", "http://")) or "@" in url.partition("://")[2].partition("/")[0]:
        raise refused(members.target_of("tokenUrl"), url.partition("?")[0], "an https URL without a user name")
    if secret == HIDDEN and stored is None:
        target = members.target_of("clientSecret")
        raise RefusedError(f"{target}: there is no stored secret to keep; give it.", target=target)
    sealed = stored.sealed_client_secret if secret == HIDDEN and stored is not None else box.seal(secret)
    return OAuthCredentials(
        token_url=url,
        client_id=members.needed_text("clientId"),
        sealed_client_secret=sealed,
        scope=members.text("scope"),
    )


def oauth_json(credentials: OAuthCredentials) -> dict[str, Any]:
    """Return credentials as ARM shows them."""
    return {
        "tokenUrl": credentials.token_url,
        "clientId": credentials.client_id,
        "clientSecret": HIDDEN,
        "scope": credentials.scope,
    }
