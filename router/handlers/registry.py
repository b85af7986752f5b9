"""Which handler delivers to which kind of sink; another kind is one file, and one line here."""

from collections.abc import Callable
from typing import Final

from router.handlers.outcome import Outcome
from router.handlers.protocol import DeliveryRequest, Handler
from router.handlers.webhook import WebhookHandler
from router.secrets import SecretBox
from router.settings import Settings

BUILDERS: Final[dict[str, Callable[[Settings, SecretBox], Handler]]] = {"webhook": WebhookHandler}


class Handlers:
    """Delivers by the handler of a request's sink; it is a handler itself."""

    def __init__(self, settings: Settings, box: SecretBox) -> None:
        self._by_kind = {kind: build(settings, box) for kind, build in BUILDERS.items()}

    async def deliver(self, request: DeliveryRequest) -> Outcome:
        """Make one attempt."""
        return await self._by_kind[request.sink.kind].deliver(request)

    async def close(self) -> None:
        """Let go of every handler's connections."""
        for handler in self._by_kind.values():
            await handler.close()
