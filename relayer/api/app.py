"""The public application: what traders and everybody may ask. No route of the operator's is known here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from anyio import to_thread
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import WebSocketRoute

from relayer import web
from relayer.api import (
    account_routes,
    batch_routes,
    health,
    market_routes,
    openapi,
    order_routes,
    session_routes,
    shedding,
    websocket,
)
from relayer.api import problems as refusals
from relayer.api.guard import Access, Bodies, Crowd, Headers, Methods, Places
from relayer.api.hub import Hub, Stream
from relayer.api.known import Known
from relayer.api.limits import AddressRates, Buckets
from relayer.api.market import Market
from relayer.api.services import ApiSettings, Services
from relayer.api.shedding import Shedding
from relayer.api.verification import Verifier
from relayer.api.websocket import Connections
from relayer.store import events
from relayer.watching import measures

VERSION: Final = "1"
THREADS: Final = 12
METHODS: Final = ("GET", "POST", "DELETE", "HEAD", "OPTIONS")
UNTOLD: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own telemetry would tell paths, queries and the text of errors to whatever collector is set up; what may be told is
:mod:`relayer.watching`'s to say.
"""
DESCRIPTION: Final = (
    "Sealed batches of option orders, proven and settled. Orders come encrypted, are promised a place by a signed "
    "receipt, and stay hidden from everybody but the operator. Quantities are lots (10⁻⁴ contract), prices 10⁻⁶ quote, "
    "cash 10⁻¹⁴ quote, token amounts 10⁻⁶ quote, all as decimal strings."
)


def create_app(services: Services) -> FastAPI:
    """The public application."""
    settings = services.settings
    buckets, hub = Buckets(settings.address_rate), Hub(services.database, services.sealer)
    app = FastAPI(
        title="tacit relayer",
        version=VERSION,
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        middleware=[_shedding(services), *guards(settings, services, buckets)],
        lifespan=stopping(hub),
        telemetry=UNTOLD,
    )
    refusals.install(app)
    known, market = Known(services), Market(services)
    app.include_router(health.router(services))
    app.include_router(session_routes.router(services, known))
    app.include_router(order_routes.router(services, known, market, buckets))
    app.include_router(account_routes.router(services, known, market))
    app.include_router(batch_routes.router(services, known, Verifier(services)))
    app.include_router(market_routes.router(services, known, market))
    connections = Connections(hub, streams_of(known), settings, buckets, services.watching)
    app.router.routes.append(WebSocketRoute(websocket.PATH, connections.__call__))
    if settings.web:
        web.mount(app)
    openapi.install(app)
    return app


def _shedding(services: Services) -> Middleware:
    """What stands before everything else."""
    return Middleware(Shedding, full=lambda: services.engine.full, count=lambda: measures.refused("BUSY"))


def streams_of(known: Known) -> websocket.Entitled:
    """Batches for everybody, orders and account for whom the token is of."""

    def entitled(token: str | None, channel: str) -> Stream | None:
        owner = None if token is None else known.owner_of(token)
        if channel in events.PUBLIC:
            return channel, None
        if owner is None:
            raise websocket.Ended(websocket.UNAUTHENTICATED, "the channel needs the token of a session")
        return (channel, owner) if channel in events.OWNERS else None

    return entitled


def stopping(hub: Hub) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Ends the hub with its application. Routes leave connections of the database to intake: few of them run at once."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        yield
        await hub.stop()

    return lifespan


def guards(
    settings: ApiSettings,
    services: Services,
    buckets: Buckets,
    larger: dict[tuple[str, str], int] | None = None,
) -> list[Middleware]:
    """What stands before the routes, outermost first."""
    places = Places(settings.most_requests, settings.most_requests_an_address)
    sending = Places(settings.most_sending, settings.most_sending_an_address)
    made = [Middleware(Access, watching=services.watching), Middleware(Headers)]
    if settings.cors_origins:
        allowed = ["Authorization", "Content-Type", "Idempotency-Key", "Tacit-Signature"]
        made.append(
            Middleware(
                CORSMiddleware, allow_origins=list(settings.cors_origins), allow_methods=METHODS, allow_headers=allowed
            )
        )
    made.append(Middleware(AddressRates, buckets=buckets, trusted=settings.trusted_proxies))
    made.append(Middleware(Crowd, places=places, apart=shedding.PATHS, places_apart=sending))
    made.append(Middleware(Methods))
    made.append(Middleware(Bodies, limit=settings.body_bytes, seconds=settings.body_seconds, larger=larger))
    return made


def public_document() -> dict[str, Any]:
    """The OpenAPI document of the public application."""
    from relayer.api.blank import blank_services

    return openapi.describe(create_app(blank_services()))
