"""Whether the process answers, and whether it can do its work."""

from __future__ import annotations

from fastapi import APIRouter, Response

from relayer.api import schemas
from relayer.api.services import Services


def router(services: Services, *, operator: bool = False) -> APIRouter:
    """Routes of health. The operator's port says what is missing in words, the public one in codes: words name machines and endpoints."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def health() -> schemas.Health:
        """The process answers."""
        return schemas.Health(live=True)

    @routes.get("/readyz", responses={503: {"model": schemas.Readiness, "description": "Not ready, and why."}})
    def ready(response: Response) -> schemas.Readiness:
        """Whether orders can be taken and batches move; what is missing if not."""
        missing = services.watching.reasons()
        reasons = [each.message if operator else each.code for each in missing]
        response.status_code = 503 if reasons else 200
        return schemas.Readiness(ready=not reasons, reasons=reasons)

    return routes
