"""The operator's application, on a port of its own: transactions, policies, status, risk tables, webhooks, measures.

Every route but the two of health needs a bearer token with its scope. Nothing here shows the content of an order.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from relayer.api import health, openapi, operator_routes, webhook_routes
from relayer.api import problems as refusals
from relayer.api.app import VERSION, guards
from relayer.api.limits import Buckets
from relayer.api.scopes import Scoped
from relayer.api.services import Services

RISK: Final = ("PUT", "/v1/risk")
DESCRIPTION: Final = (
    "What the operator of a relayer may ask and change. Tokens are made by `relayer keys admin-token`; each has scopes."
)


def create_admin_app(services: Services) -> FastAPI:
    """The operator's application."""
    settings = services.settings
    buckets = Buckets(settings.address_rate)
    app = FastAPI(
        title="tacit relayer, operator",
        version=VERSION,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        middleware=guards(settings, services, buckets, {RISK: settings.risk_bytes}),
    )
    refusals.install(app)
    scoped = Scoped(settings.admin_tokens)
    app.include_router(health.router(services))
    app.include_router(operator_routes.transactions(services, scoped))
    app.include_router(operator_routes.service(services, scoped))
    app.include_router(webhook_routes.router(services, scoped))
    openapi.install(app)
    return app


def admin_document() -> dict[str, Any]:
    """The OpenAPI document of the operator's application."""
    from relayer.api.blank import blank_services

    return openapi.describe(create_admin_app(blank_services()))
