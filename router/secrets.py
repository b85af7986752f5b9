"""Secrets at rest: sealed with authenticated encryption before they reach a topic, opened where they are used."""

import os
import secrets
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from router.errors import SettingsError
from router.settings import Settings

KEY_FILE = "secret.key"


class SecretBox:
    """Seals with the first key, opens with any of them, so that keys can be rotated."""

    def __init__(self, *keys: str) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise SettingsError(
                "ROUTER_SECRET_KEY: not a key (32 random bytes in URL-safe base64)",
                hint="Make one: openssl rand -base64 32 | tr '+/' '-_'",
            ) from None

    def seal(self, text: str) -> str:
        """Return `text` encrypted, as URL-safe ASCII."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return the text that was sealed.

        Raises:
            SettingsError: it was sealed with a key that is not at hand.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SettingsError(
                "a stored secret cannot be opened: it was sealed with another key",
                hint="Give every server and worker the same ROUTER_SECRET_KEY, or the same data directory.",
            ) from None


def secret_box(settings: Settings) -> SecretBox:
    """Return the box of this installation; its key comes from ROUTER_SECRET_KEY, else from the data directory."""
    if settings.secret_key is not None:
        return SecretBox(*(key.strip() for key in settings.secret_key.get_secret_value().split(",")))
    return SecretBox(_key_from(settings.data_dir / KEY_FILE))


def _key_from(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Linked into place whole: two processes that start together must end up with one key.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        write_private(draft, Fernet.generate_key().decode())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode=0o600), "w") as file:
        file.write(text)


def new_access_key() -> str:
    """Return a new access key: 32 random bytes in base64, as Event Grid's keys look."""
    return b64encode(secrets.token_bytes(32)).decode()


def new_token() -> str:
    """Return a new bearer token."""
    return secrets.token_urlsafe(32)
