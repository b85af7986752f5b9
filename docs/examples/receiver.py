"""A webhook receiver: passes Event Grid's validation handshake, and prints what it gets.

Usage: receiver.py [HOST [PORT]]
"""

import sys

from aiohttp import web


async def hook(request: web.Request) -> web.Response:
    body = await request.json()
    events = body if isinstance(body, list) else [body]
    if request.headers.get("aeg-event-type") == "SubscriptionValidation":
        return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
    for event in events:
        print(event["id"], event.get("eventType") or event["type"], event["subject"], flush=True)
    return web.Response()


host, port = [*sys.argv[1:], *["127.0.0.1", "9000"][len(sys.argv) - 1 :]]
app = web.Application(client_max_size=2 * 1024 * 1024)
app.router.add_post("/hook", hook)
web.run_app(app, host=host, port=int(port), access_log=None)
