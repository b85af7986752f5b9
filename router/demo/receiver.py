"""The demo's webhooks: a small HTTP server on loopback, as a subscriber would write one."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web

from router.demo.board import Called

MAX_BODY_BYTES = 2 * 1024 * 1024


@asynccontextmanager
async def receiving(answers: Mapping[str, int], called: Callable[[Called], None]) -> AsyncIterator[str]:
    """Serve one webhook for each name, which answers events with its status; give the base URL."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)

    async def post(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in answers:
            raise web.HTTPNotFound
        body = await request.json()
        events = body if isinstance(body, list) else [body]
        if request.headers.get("aeg-event-type") == "SubscriptionValidation":
            return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
        for event in events:
            called(Called(name, str(event["id"]), answers[name]))
        return web.Response(status=answers[name])

    async def options(request: web.Request) -> web.Response:
        """Take the CloudEvents handshake (§6.3)."""
        origin = request.headers.get("webhook-request-origin", "")
        return web.Response(
            status=HTTPStatus.OK, headers={"webhook-allowed-origin": origin, "webhook-allowed-rate": "*"}
        )

    app.router.add_post("/{name}", post)
    app.router.add_route("OPTIONS", "/{name}", options)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
