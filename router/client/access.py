"""Where the router is and what proves that one may talk to it: credentials.json, or ROUTER_SERVER and ROUTER_TOKEN."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from router.client.resource_ids import workspace_id
from router.credentials import FILE_NAME, Credentials, read_credentials
from router.errors import NotFoundError, SettingsError

LOCAL_WORKSPACE = "local"


@dataclass(frozen=True, slots=True)
class Access:
    """A server with its administrator's token; `key` is the local workspace's, where it is known."""

    server: str
    token: str
    workspace: str
    key: str | None = None
    bootstrap_servers: str | None = None
    ca_file: str | None = None
    data_dir: Path = Path(".router")


def find_access(data_dir: Path, environment: Mapping[str, str]) -> Access:
    """Return how to reach the router; the environment goes before the file.

    Raises:
        NotFoundError: there is no credentials.json and the environment does not stand in for it.
        SettingsError: credentials.json cannot be read.
    """
    server, token = environment.get("ROUTER_SERVER"), environment.get("ROUTER_TOKEN")
    credentials = _read(data_dir)
    if credentials is None:
        if not (server and token):
            raise NotFoundError(f"no {FILE_NAME} in {data_dir}: no router was started there", hint=start_hint(data_dir))
        return Access(server.rstrip("/"), token, workspace_id(LOCAL_WORKSPACE), data_dir=data_dir)
    elsewhere = server is not None and server.rstrip("/") != credentials.server
    return Access(
        server=(server or credentials.server).rstrip("/"),
        token=token or credentials.admin_token,
        workspace=credentials.workspace.resource_id,
        key=None if elsewhere else credentials.workspace.key1,
        bootstrap_servers=credentials.bootstrap_servers,
        ca_file=credentials.ca_file,
        data_dir=data_dir,
    )


def access_of(credentials: Credentials, data_dir: Path) -> Access:
    """Return the access that a router's own credentials give."""
    return Access(
        server=credentials.server,
        token=credentials.admin_token,
        workspace=credentials.workspace.resource_id,
        key=credentials.workspace.key1,
        bootstrap_servers=credentials.bootstrap_servers,
        ca_file=credentials.ca_file,
        data_dir=data_dir,
    )


def start_hint(data_dir: Path) -> str:
    """Say how to start a router, or to point at one that runs."""
    return (
        f"Start one: router up --data-dir {data_dir}. If one runs elsewhere, give its --data-dir, "
        "or set ROUTER_SERVER and ROUTER_TOKEN."
    )


def _read(data_dir: Path) -> Credentials | None:
    try:
        return read_credentials(data_dir)
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{data_dir / FILE_NAME} cannot be read: {type(error).__name__}",
            hint="It is written anew by each `router up`; it must be readable by you.",
        ) from None
