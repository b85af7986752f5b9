"""Fixtures of the API's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.settings import Settings
from tests.api.running_api import Api, Endpoint, credentials_for, running
from tests.api.running_history import Past, running_history
from tests.api.running_site import Site, running_site


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A management API that lets webhooks go to this machine."""
    settings = Settings(webhook_allowed_networks="127.0.0.0/8", webhook_allow_http=True)
    async with running(Api(settings)) as started:
        yield started


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """A webhook on this machine."""
    async with Endpoint().running() as started:
        yield started


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A server with every route, and one subscription in it."""
    async with running_site(tmp_path) as started:
        yield started


@pytest.fixture
async def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Past]:
    """An empty history behind /v1, with credentials for it where the commands look; redrives look often."""
    monkeypatch.setattr("router.history.redrive.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("router.cli.dead_letters.LOOK_SECONDS", 0.01)
    for name in ("ROUTER_SERVER", "ROUTER_TOKEN", "ROUTER_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROUTER_DATA_DIR", str(tmp_path))
    async with running_history(tmp_path) as started:
        credentials_for(started.url).write(tmp_path)
        yield started
