"""The operator's application, on a port of its own: transactions, policies, status, risk tables, webhooks, measures.

Every route but the two of health needs a bearer token with its scope. Nothing here shows the content of an order.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from starlette.routing import WebSocketRoute

from relayer import web
from relayer.api import health, openapi, operator_routes, webhook_routes, websocket
from relayer.api import problems as refusals
from relayer.api.app import UNTOLD, VERSION, guards, stopping
from relayer.api.hub import Hub, Stream
from relayer.api.limits import Buckets
from relayer.api.scopes import Scoped
from relayer.api.services import Services
from relayer.api.websocket import Connections
from relayer.store import events

PAGE: Final = "operator.html"
RISK: Final = ("PUT", "/v1/risk")
DESCRIPTION: Final = (
    "What the operator of a relayer may ask and change. Tokens are made by `relayer keys admin-token`; each has scopes."
)


def create_admin_app(services: Services) -> FastAPI:
    """The operator's application."""
    settings = services.settings
    buckets, hub = Buckets(settings.address_rate), Hub(services.database, services.sealer)
    app = FastAPI(
        title="tacit relayer, operator",
        version=VERSION,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        middleware=guards(settings, services, buckets, {RISK: settings.risk_bytes}),
        lifespan=stopping(hub),
        telemetry=UNTOLD,
    )
    refusals.install(app)
    scoped = Scoped(settings.admin_tokens)
    app.include_router(health.router(services, operator=True))
    app.include_router(operator_routes.transactions(services, scoped))
    app.include_router(operator_routes.service(services, scoped))
    app.include_router(webhook_routes.router(services, scoped))
    connections = Connections(hub, streams_of(scoped), settings, buckets, services.watching)
    app.router.routes.append(WebSocketRoute(websocket.PATH, connections.__call__))
    if settings.web and (web.FOLDER / PAGE).is_file():
        web.mount(app, PAGE)
    openapi.install(app)
    return app


def streams_of(scoped: Scoped) -> websocket.Entitled:
    """Every channel that is no owner's, for tokens that may see the status."""

    def entitled(token: str | None, channel: str) -> Stream | None:
        try:
            scoped.check(token, "status")
        except refusals.Refusal as refusal:
            raise websocket.Ended(
                websocket.UNAUTHENTICATED, "the channel needs a token with the scope status"
            ) from refusal
        return (channel, None) if channel in events.PUBLIC + events.OPERATORS else None

    return entitled


def admin_document() -> dict[str, Any]:
    """The OpenAPI document of the operator's application."""
    from relayer.api.blank import blank_services

    return openapi.describe(create_admin_app(blank_services()))
