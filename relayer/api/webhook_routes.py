"""Addresses that are told events: added, shown and taken away by the operator."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Response

from relayer.api import admin_schemas as schemas
from relayer.api.forms import Id, at, word
from relayer.api.outgoing import Outgoing
from relayer.api.problems import Refusal, documented, not_found
from relayer.api.scopes import REFUSED, Scoped
from relayer.api.services import Services
from relayer.store import webhooks
from relayer.store.events import OPERATORS, PUBLIC
from relayer.store.models import Webhook

CHANNELS: Final = PUBLIC + OPERATORS
MOST: Final = 50


def router(services: Services, scoped: Scoped) -> APIRouter:
    """Routes of webhooks."""
    routes = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], dependencies=[Depends(scoped.may("webhooks"))])
    database, outgoing = services.database, Outgoing(services.settings.outgoing_allowed)

    @routes.post("", status_code=201, responses=documented(*REFUSED, "OUTGOING", "CONFLICT"))
    def add(asked: schemas.WebhookAsked) -> schemas.WebhookMade:
        """Adds an address, told from the next event on. The secret of its signatures is shown this once."""
        unknown = sorted(set(asked.channels) - set(CHANNELS))
        if unknown:
            what = f"body.channels: an operator's channels are {', '.join(CHANNELS)}"
            raise Refusal("INVALID_REQUEST", what, {"place": "body.channels"})
        outgoing.check(asked.url)
        host = urlsplit(asked.url).hostname or ""
        with database.write() as session:
            if webhooks.count(session) >= MOST:
                raise Refusal("CONFLICT", f"there are {MOST} webhooks already: take one away first", {"most": MOST})
            row, secret = webhooks.add(session, services.sealer, asked.url, host, asked.channels)
            return schemas.WebhookMade(**_fields(row), secret=word(secret))

    @routes.get("", responses=documented(*REFUSED))
    def listed() -> schemas.Webhooks:
        """Every address, oldest first; there are never more than fit one answer."""
        with database.read() as session:
            rows = webhooks.listed(session)
        return schemas.Webhooks(items=[schemas.Webhook(**_fields(row)) for row in rows], next_cursor=None)

    @routes.delete("/{number}", status_code=204, responses=documented(*REFUSED, "NOT_FOUND"))
    def remove(number: Id) -> Response:
        """Takes an address away; it is told nothing more."""
        with database.write() as session:
            if not webhooks.remove(session, number):
                raise not_found()
        return Response(status_code=204)

    return routes


def _fields(row: Webhook) -> dict[str, Any]:
    return {
        "id": row.id,
        "host": row.url,
        "channels": row.channels.split(","),
        "delivered_seq": row.delivered_seq,
        "failures": row.failures,
        "next_at": at(row.next_at),
        "created_at": at(row.created_at),
    }
