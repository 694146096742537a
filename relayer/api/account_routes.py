"""An owner's own account: registered in an envelope, then shown with its orders and fills to its owner alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from prover.batch import Leaf
from prover.errors import TacitError
from relayer.api import paging, schemas
from relayer.api.forms import Word, at_second, word
from relayer.api.known import Credentials, Known
from relayer.api.margins import CASH_A_VALUE, Margins
from relayer.api.market import Greeks, Market, Table
from relayer.api.order_routes import envelope_of, told_to
from relayer.api.problems import documented, not_found
from relayer.api.services import Services
from relayer.api.shown import Shown
from relayer.history import History
from relayer.store import listing
from relayer.store.models import Holder, Order, OrderState

ORDERS: Final = "o"
FILLS: Final = "f"
SLOTS: Final = 64
LOOKED_AT: Final = 500
"""Orders that are looked at for one page of fills."""
OWN: Final = ("UNAUTHENTICATED", "NOT_FOUND")
REGISTRATION: Final = ("DECRYPTION_FAILED", "INVALID_ORDER", "UNKNOWN_KEY", "NOT_LEADER", "PAUSED")
CSV: Final = "text/csv"


def router(services: Services, known: Known, market: Market) -> APIRouter:
    """Routes of accounts."""
    routes = APIRouter(prefix="/v1/accounts", tags=["accounts"])
    shown, page = Shown(services, market), services.settings.page
    in_orders, in_fills = (paging.OwnPages(services.sealer, kind) for kind in (ORDERS, FILLS))

    @routes.post("", status_code=201, responses=documented(*REGISTRATION))
    async def register(envelope: schemas.Envelope) -> schemas.Registered:
        """Makes an owner's keys known to the operator, who can then read the account. The same again changes nothing."""
        try:
            made = await services.engine.register(envelope_of(envelope))
        except TacitError as error:
            raise told_to(error, None) from error
        return schemas.Registered(owner=word(made.owner), account=made.account)

    @routes.get("/{key}", responses=documented(*OWN))
    def account(key: Word, credentials: Credentials) -> schemas.Account:
        """The asker's own account, by owner word."""
        owner = known.same(credentials, key)
        with services.database.read() as session:
            holder = listing.holder(session, owner)
            live = listing.orders(session, owner, None, SLOTS, listing.LIVE)
        if holder is None:
            raise not_found()
        return _account(services, market, shown, holder, live)

    @routes.get("/{key}/orders", responses=documented(*OWN))
    def orders(
        key: Word,
        credentials: Credentials,
        limit: paging.Limit = paging.DEFAULT,
        cursor: paging.After = None,
        state: Annotated[
            list[OrderState] | None, Query(max_length=8, description="Only orders in these states.")
        ] = None,
    ) -> schemas.Orders:
        """The asker's orders, newest first."""
        owner, size = known.same(credentials, key), min(limit, page)
        with services.database.read() as session:
            rows = listing.orders(session, owner, in_orders.place(owner, cursor), size + 1, tuple(state or ()))
        more = in_orders.cursor(owner, rows[size - 1].position) if len(rows) > size else None
        return schemas.Orders(items=[shown.order(row) for row in rows[:size]], next_cursor=more)

    @routes.get(
        "/{key}/fills",
        response_model=schemas.Fills,
        responses={200: {"content": {CSV: {"schema": {"type": "string"}}}}, **documented(*OWN)},
    )
    def fills(
        key: Word,
        credentials: Credentials,
        limit: paging.Limit = paging.DEFAULT,
        cursor: paging.After = None,
        form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    ) -> Response:
        """What batches filled of the asker's orders, newest first; as CSV, the next page's cursor is in the header Next-Cursor."""
        owner, size = known.same(credentials, key), min(limit, page)
        with services.database.read() as session:
            rows = listing.orders(session, owner, in_fills.place(owner, cursor), LOOKED_AT, listing.DONE)
        found: list[schemas.Fill] = []
        more = None
        for number, row in enumerate(rows, 1):
            fill = shown.fill(row)
            found += [] if fill is None else [fill]
            if len(found) == size or number == LOOKED_AT:
                more = in_fills.cursor(owner, row.position)
                break
        if form == "csv":
            headers = {"Content-Disposition": 'attachment; filename="fills.csv"'}
            return Response(_csv(found), media_type=CSV, headers=headers | ({"Next-Cursor": more} if more else {}))
        return JSONResponse(schemas.Fills(items=found, next_cursor=more).model_dump())

    return routes


def _account(
    services: Services, market: Market, shown: Shown, holder: Holder, live: Iterable[Order]
) -> schemas.Account:
    history, found = market.history, services.reading.state()
    index = history.accounts.get(int.from_bytes(holder.owner, "big"))
    leaf = None if found is None or index is None else found[1].leaf(index)
    table = market.table() if history.epochs else None
    batch = 0 if found is None else found[0]
    equity, margin = _margin(services, table, history, leaf, batch)
    taken = [shown.content(row) for row in live]
    return schemas.Account(
        owner=word(holder.owner),
        account=index,
        subaccount=holder.subaccount,
        batch=batch,
        cash=None if leaf is None else str(leaf.cash),
        equity=equity,
        positions=[] if leaf is None else _positions(market, table, history, leaf),
        margin=margin,
        nonce=None if leaf is None else _nonce(leaf, [each for each in taken if each is not None]),
        updates=None if leaf is None else leaf.updates,
        deposits=[
            schemas.WaitingDeposit(entry=each.entry, payer=each.payer, amount=str(each.amount))
            for each in ([] if index is None else history.waiting_deposits(index))
        ],
        exits=[
            schemas.WaitingExit(
                entry=each.entry, recipient=each.recipient, amount=str(each.amount), deadline=at_second(each.deadline)
            )
            for each in ([] if index is None else history.waiting_exits(index))
        ],
    )


def _margin(
    services: Services, table: Table | None, history: History, leaf: Leaf | None, batch: int
) -> tuple[str | None, list[schemas.ScenarioMargin]]:
    """Equity at the marks, and what is left of the requirement by scenario."""
    if leaf is None or table is None:
        return None, []
    values = {number: value for number, (value, _) in history.values.items()}
    margins = Margins(services.venue, table, values, batch + 1)
    now = margins.settled(leaf)
    marked = sum(each.quantity * table.rows[each.instrument].mark for each in now.positions)
    excess, _ = margins.excess(leaf)
    entries = [
        schemas.ScenarioMargin(scenario=place, label=label, excess=str(each))
        for place, label, each in margins.labelled(excess)
    ]
    return str(now.cash + CASH_A_VALUE * marked), entries


def _positions(market: Market, table: Table | None, history: History, leaf: Leaf) -> list[schemas.Position]:
    made = []
    for instrument, quantity in leaf.positions:
        row = None if table is None else table.rows.get(instrument)
        greeks = None if row is None else Greeks.of(row.greeks)
        settled = history.values.get(instrument)
        mark = row.mark if row is not None else None if settled is None else settled[0]
        made.append(
            schemas.Position(
                instrument=instrument,
                name=market.name(instrument),
                quantity=str(quantity),
                mark=None if mark is None else str(mark),
                value=None if mark is None else str(CASH_A_VALUE * quantity * mark),
                delta=None if greeks is None else str(quantity * greeks.delta),
                gamma=None if greeks is None else str(quantity * greeks.gamma),
                vega=None if greeks is None else str(quantity * greeks.vega),
                settled=row is None and settled is not None,
            )
        )
    return made


def _nonce(leaf: Leaf, live: Iterable[dict[str, object]]) -> schemas.Nonce:
    taken = leaf.bitmap
    for order in live:
        if order["epoch"] == leaf.epoch:
            taken |= 1 << int(str(order["slot"]))
    free = next((slot for slot in range(SLOTS) if not taken >> slot & 1), None)
    return schemas.Nonce(epoch=leaf.epoch, bitmap=str(leaf.bitmap), free_slot=free)


def _csv(fills: Iterable[schemas.Fill]) -> str:
    """A line a fill, with names as in JSON."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(schemas.Fill.model_fields), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(fill.model_dump() for fill in fills)
    return out.getvalue()
