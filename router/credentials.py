"""credentials.json: how the commands find the server, and prove who they are (design §9)."""

import hmac
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from router.secrets import write_private

FILE_NAME = "credentials.json"


class Identity(BaseModel):
    """The managed-identity token endpoint of this machine."""

    endpoint: str
    header: str


class WorkspaceCredentials(BaseModel):
    """The local workspace, where to publish its events, and its two keys."""

    resource_id: str
    publish_url: str
    key1: str
    key2: str


class Credentials(BaseModel):
    """What `router up` and `router server` write, and every other command reads."""

    model_config = ConfigDict(extra="ignore")

    server: str
    tls_server: str | None = None
    ca_file: str | None = None
    bootstrap_servers: str
    admin_token: str
    identity: Identity
    workspace: WorkspaceCredentials

    def write(self, data_dir: Path) -> Path:
        """Write the file so that only its owner can read it, whole or not at all."""
        data_dir.mkdir(parents=True, exist_ok=True)
        path, draft = data_dir / FILE_NAME, data_dir / f".{FILE_NAME}.{os.getpid()}"
        write_private(draft, self.model_dump_json(indent=2) + "\n")
        draft.replace(path)
        return path


def read_credentials(data_dir: Path) -> Credentials | None:
    """Return the credentials of a data directory, or None when it has none."""
    try:
        return Credentials.model_validate_json((data_dir / FILE_NAME).read_text())
    except FileNotFoundError:
        return None


class BearerTokens:
    """Who may manage, and publish everywhere: the holder of the administrator's token (design §10)."""

    def __init__(self, admin_token: str) -> None:
        self._admin_token = admin_token.encode()

    def is_administrator(self, authorization: str | None) -> bool:
        """Say whether an Authorization header, as it came, carries the administrator's token; in constant time."""
        scheme, _, token = (authorization or "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._admin_token)

    def accepts(self, authorization: str | None) -> bool:
        """Say whether an Authorization header proves someone who may change everything."""
        return self.is_administrator(authorization)

    def may_send(self, authorization: str | None, scope: str) -> bool | None:  # noqa: ARG002 (all of them are one scope here)
        """Say whether a header proves someone who may publish the events of `scope`; None when it proves nobody."""
        return True if self.is_administrator(authorization) else None
