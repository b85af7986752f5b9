"""The reference of the ingress benchmark: a Starlette handler that reads the body and answers 200, on uvicorn."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def publish(request: Request) -> Response:
    """Read the body, do nothing with it."""
    await request.body()
    return Response()


if __name__ == "__main__":
    application = Starlette(routes=[Route("/api/events", publish, methods=["POST"])])
    uvicorn.run(application, port=int(sys.argv[1]), log_config=None, access_log=False, loop="uvloop", http="httptools")
