"""/metrics, /healthz and /readyz, the same in every process that has an HTTP port."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.observability.health import Health
from router.observability.metrics import CONTENT_TYPE, Metrics


def operations_routes(metrics: Metrics, health: Health) -> list[Route]:
    """Return the routes for operators; `/readyz` is 503 while a check fails and names it."""

    async def metrics_text(_request: Request) -> Response:
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_request: Request) -> Response:
        readiness = await health.readiness()
        body = {"ready": readiness.ready, "waiting_for": readiness.waiting_for}
        return JSONResponse(body, status_code=200 if readiness.ready else 503)

    return [Route("/metrics", metrics_text), Route("/healthz", alive), Route("/readyz", ready)]
