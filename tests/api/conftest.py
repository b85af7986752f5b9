"""Fixtures of the API's tests."""

from collections.abc import AsyncIterator

import pytest

from router.settings import Settings
from tests.api.running_api import Api, Endpoint, running


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
