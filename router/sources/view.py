"""The view: every source in memory, and a quick way from an access key to its source."""

import hmac
import secrets
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

import structlog
from pydantic import ValidationError

from router.errors import SettingsError
from router.secrets import SecretBox
from router.sources.resource_ids import SourceKind
from topics import Source
from topics.sources import source_key

log = structlog.get_logger(__name__)


class AccessKeys(NamedTuple):
    """The two keys of a source, opened; either of them lets publish (§3.3)."""

    key1: str
    key2: str


class SourcesView:
    """All sources by resource id (compared without regard to case, §8.1), by name and by key."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box
        self._sources: dict[bytes, Source] = {}
        self._names: dict[tuple[SourceKind, str], bytes] = {}
        self._keys: dict[bytes, AccessKeys] = {}
        # Keys are found by a digest under a secret of this process: the time that a look-up takes tells nothing of
        # the keys, and a thousand sources cost what one costs.
        self._pepper = secrets.token_bytes(32)
        self._by_digest: dict[bytes, bytes] = {}
        self._listeners: dict[bytes, Callable[[AccessKeys], None]] = {}

    def get(self, resource_id: str) -> Source | None:
        """Return a source, or None."""
        return self._sources.get(source_key(resource_id))

    def named(self, kind: SourceKind, name: str) -> Source | None:
        """Return the source of that kind and name, or None; of several the one that was written last."""
        record_key = self._names.get((kind, name.lower()))
        return None if record_key is None else self._sources[record_key]

    def all(self) -> list[Source]:
        """Return every source."""
        return list(self._sources.values())

    def keys(self, source: Source) -> AccessKeys:
        """Return the opened keys that a source has now.

        Raises:
            SettingsError: they were sealed with a key that is not at hand.
        """
        return self.known_keys(source) or self._open(source)

    def known_keys(self, source: Source) -> AccessKeys | None:
        """Return the keys that the source has now; None when it is gone, or when they cannot be opened."""
        return self._keys.get(source_key(source.id))

    def by_key(self, candidate: str) -> Source | None:
        """Return the source that an access key belongs to, or None; compared in constant time."""
        record_key = self._by_digest.get(self._digest(candidate))
        if record_key is None:
            return None
        given = candidate.encode()
        keys = self._keys[record_key]
        same = [hmac.compare_digest(given, key.encode()) for key in keys]
        return self._sources[record_key] if any(same) else None

    def on_keys_changed(self, resource_id: str, callback: Callable[[AccessKeys], None]) -> None:
        """Call back with the keys of a source whenever a record of it was read."""
        self._listeners[source_key(resource_id)] = callback

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take a record of router.sources; one that cannot be read is logged and changes nothing."""
        if value is None:
            self._forget(key)
            return
        try:
            source = Source.model_validate_json(value)
        except ValidationError as error:
            log.warning("source.unreadable", problems=error.error_count())
            return
        self._forget(key)
        self._sources[key] = source
        self._names[source.kind, source.name.lower()] = key
        self._learn_keys(key, source)

    def _learn_keys(self, key: bytes, source: Source) -> None:
        try:
            keys = self._open(source)
        except SettingsError as error:
            # It stays in the view, so that nobody makes it anew and overwrites the keys of those who can open them.
            log.warning("source.keys_sealed", source=source.id, problem=error.message)
            return
        self._keys[key] = keys
        for access_key in keys:
            self._by_digest[self._digest(access_key)] = key
        if key in self._listeners:
            self._listeners[key](keys)

    def _forget(self, key: bytes) -> None:
        former = self._sources.pop(key, None)
        if former is None:
            return
        name = (former.kind, former.name.lower())
        if self._names.get(name) == key:
            del self._names[name]
        for access_key in self._keys.pop(key, ()):
            self._by_digest.pop(self._digest(access_key), None)

    def _open(self, source: Source) -> AccessKeys:
        return AccessKeys(self._box.open(source.sealed_key1), self._box.open(source.sealed_key2))

    def _digest(self, access_key: str) -> bytes:
        return blake2b(access_key.encode(), key=self._pepper).digest()
