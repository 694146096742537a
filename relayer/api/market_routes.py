"""What everybody may know of the market and the service: instruments, risk table, state, keys; and what legs would cost."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from prover.batch import Leaf, RiskRow
from prover.orders import Order
from relayer.api import paging, schemas
from relayer.api.forms import at, at_second, plain, word
from relayer.api.known import OPTIONAL, Credentials, Known
from relayer.api.margins import EMPTY, Margins
from relayer.api.market import Greeks, Market, Table
from relayer.api.problems import Refusal, documented, not_found
from relayer.api.schemas import Instrument, QuotedLeg
from relayer.api.services import Services
from relayer.history import History
from relayer.store import batches, chain, listing
from relayer.store.clock import now_ms
from relayer.store.models import Batch, BatchState

INSTRUMENTS: Final = "i"
LARGEST_LOTS: Final = 2**32 - 1
LARGEST_PRICE: Final = 2**42 - 1


def router(services: Services, known: Known, market: Market) -> APIRouter:
    """Routes of the market."""
    routes = APIRouter(prefix="/v1", tags=["market"])
    venue = services.venue

    @routes.get("/instruments", responses=documented("INVALID_REQUEST"))
    def instruments(limit: paging.Limit = paging.DEFAULT, cursor: paging.After = None) -> schemas.Instruments:
        """Open and settled instruments, by id."""
        history, after = market.history, paging.place(INSTRUMENTS, cursor) or 0
        rows = market.table().rows if history.epochs else {}
        size = min(limit, services.settings.page)
        numbers = sorted(number for number in {*rows, *history.values} if number > after)[: size + 1]
        items = [_instrument(market, number, rows.get(number)) for number in numbers[:size]]
        more = paging.cursor(INSTRUMENTS, numbers[size - 1]) if len(numbers) > size else None
        return schemas.Instruments(items=items, next_cursor=more)

    @routes.get("/risk", responses=documented("NOT_READY"))
    def risk() -> schemas.Risk:
        """The risk table in force, as it is proven."""
        table = market.table()
        until = table.epoch.time + venue.epoch_age
        return schemas.Risk(
            epoch=table.epoch.epoch,
            risk_root=word(table.epoch.risk_root.to_bytes(32, "big")),
            posted_at=at_second(table.epoch.time),
            stale_at=at_second(until),
            stale=now_ms() > 1000 * until,
            fee_rate=venue.fee_rate,
            margin_num=venue.num,
            margin_den=venue.den,
            scenarios=[
                schemas.Scenario(number=number, label=table.label(number)) for number in range(venue.sizes.scenarios)
            ],
            rows=[_row(market, each) for each in table.epoch.rows],
        )

    @routes.get("/state", responses=documented("NOT_READY"))
    def state() -> schemas.State:
        """The vault that is served, and where it stands."""
        return _state(services, market)

    @routes.get("/keys")
    def keys() -> schemas.Keys:
        """Keys that envelopes are encrypted to now; take the first."""
        with services.database.read() as session:
            rows = listing.encryption_keys(session, now_ms())
        made = [
            schemas.Key(
                id=each.id,
                public=word(each.public),
                not_before=at(each.not_before),
                not_after=at(each.not_after),
                signature="0x" + each.signature.hex(),
            )
            for each in rows
        ]
        return schemas.Keys(keys=made, domain=word(venue.domain.to_bytes(32, "big")), vault=venue.vault)

    @routes.post(
        "/quotes",
        responses=documented("UNAUTHENTICATED", "NOT_FOUND", "UNKNOWN_INSTRUMENT", "INVALID_ORDER"),
        openapi_extra=OPTIONAL,
    )
    def quote(asked: schemas.QuoteAsked, credentials: Credentials) -> schemas.Quote:
        """What legs cost if filled in full at their price, and what they do to margin at their worst."""
        asker = known.perhaps(credentials)
        if asked.owner is not None:
            asker = known.owner(credentials) if asker is None else asker
            if asker != plain(asked.owner):
                raise not_found()
        leaf = _leaf_of(services, market, asker if asked.owner is not None else None)
        return _quote(services, market, asked, leaf)

    return routes


def _leaf_of(services: Services, market: Market, owner: bytes | None) -> Leaf:
    """The account of an owner after the last settled batch; an empty one for nobody."""
    if owner is None:
        return EMPTY
    found = services.reading.state()
    index = market.history.accounts.get(int.from_bytes(owner, "big"))
    leaf = None if found is None or index is None else found[1].leaf(index)
    return EMPTY if leaf is None else leaf


def _instrument(market: Market, number: int, row: RiskRow | None) -> Instrument:
    named, settled = market.named(number), market.history.values.get(number)
    greeks = None if row is None else Greeks.of(row.greeks)
    return Instrument(
        id=number,
        name=None if named is None else named.name,
        type=None if named is None else ("C" if named.type == "C" else "P"),
        strike=None if named is None else str(named.strike),
        expires_at=None if named is None else at_second(named.expiry),
        mark=None if row is None else str(row.mark),
        short_minimum=None if row is None else str(row.short_minimum),
        delta=None if greeks is None else str(greeks.delta),
        gamma=None if greeks is None else str(greeks.gamma),
        vega=None if greeks is None else str(greeks.vega),
        state="open" if row is not None else "settled",
        settlement=None if row is not None or settled is None else str(settled[0]),
    )


def _row(market: Market, row: RiskRow) -> schemas.RiskRow:
    return schemas.RiskRow(
        instrument=row.instrument,
        name=market.name(row.instrument),
        mark=str(row.mark),
        short_minimum=str(row.short_minimum),
        greeks=word(row.greeks.to_bytes(32, "big")),
        values=[str(value) for value in row.values],
    )


def _state(services: Services, market: Market) -> schemas.State:
    venue, history, sizes = services.venue, market.history, services.venue.sizes
    if history.genesis is None:
        raise Refusal("NOT_READY", "the vault's first event has not been read yet")
    last = history.settlements[-1] if history.settlements else None
    with services.database.read() as session:
        newest, head = next(iter(listing.batches(session, None, 1)), None), chain.head(session)
        opened, takes = batches.open_now(session, venue.open_time, now_ms() // 1000 if head is None else head.time)
        taking = takes and opened is not None and chain.deep(session, history.opened_in(opened), venue.opening_depth)
    following = opened or _following(newest, history)
    return schemas.State(
        chain_id=venue.chain_id,
        vault=venue.vault,
        domain=word(venue.domain.to_bytes(32, "big")),
        params=venue.params,
        validium=venue.validium,
        receipt_signer=venue.receipt_signer,
        operator=venue.operator,
        bonds=venue.bonds,
        token=venue.token,
        fee_rate=venue.fee_rate,
        margin_num=venue.num,
        margin_den=venue.den,
        touches_a_segment=sizes.touches,
        orders_a_touch=sizes.orders,
        positions=sizes.positions,
        scenarios=sizes.scenarios,
        fingerprints=dict(venue.fingerprints),
        batch=0 if last is None else last.batch,
        root=word((history.genesis.root if last is None else last.root_after).to_bytes(32, "big")),
        next_batch=following,
        open_batch=opened if taking else None,
        epoch=max(history.epochs, default=0),
        block=services.reading.block(),
        frozen=history.frozen is not None,
        retiring=history.retiring is not None,
    )


def _following(newest: Batch | None, history: History) -> int:
    """Number of the batch that the next order goes to while none is open, or the open one is about to run out."""
    if newest is None:
        return max(history.openings, default=0) + 1
    return newest.number if newest.state is BatchState.OPENING else newest.number + 1


def _quote(services: Services, market: Market, asked: schemas.QuoteAsked, leaf: Leaf) -> schemas.Quote:
    table, venue = market.table(), services.venue
    state = _state(services, market)
    values = {number: value for number, (value, _) in market.history.values.items()}
    margins = Margins(venue, table, values, state.next_batch)
    legs, orders = [], []
    for at_place, leg in enumerate(asked.legs):
        made, order = _leg(services, market, table, leg, f"body.legs.{at_place}")
        legs.append(made)
        orders.append(order)
    before, _ = margins.excess(leaf)
    after, failure = margins.excess(leaf, orders)
    effects = [
        schemas.MarginEffect(scenario=place, label=label, before=str(was), after=str(will))
        for (place, label, was), will in zip(margins.labelled(before), after, strict=True)
    ]
    return schemas.Quote(
        epoch=table.epoch.epoch,
        batch=state.next_batch,
        legs=legs,
        premium=str(sum(int(each.premium) * (1 if each.side == "buy" else -1) for each in legs)),
        fee=str(sum(int(each.fee) for each in legs)),
        delta=str(sum(int(each.delta) for each in legs)),
        gamma=str(sum(int(each.gamma) for each in legs)),
        vega=str(sum(int(each.vega) for each in legs)),
        margin=effects,
        admitted=failure is None,
        scenario=None if failure is None else table.label(failure.scenario),
        shortfall=None if failure is None else str(failure.shortfall),
    )


def _leg(services: Services, market: Market, table: Table, leg: schemas.Leg, place: str) -> tuple[QuotedLeg, Order]:
    number = market.number(leg.instrument)
    row = None if number is None else table.rows.get(number)
    if number is None or row is None:
        raise Refusal(
            "UNKNOWN_INSTRUMENT", f"{place}: the risk table in force has no such instrument", {"place": place}
        )
    lots, price = int(leg.quantity), row.mark if leg.limit is None else int(leg.limit)
    if not 1 <= lots <= LARGEST_LOTS or price > LARGEST_PRICE:
        what = f"{place}: a quantity lies from 1 to {LARGEST_LOTS} lots, a limit from 0 to {LARGEST_PRICE} price units"
        raise Refusal("INVALID_ORDER", what, {"place": place})
    greeks, signed = Greeks.of(row.greeks), lots if leg.side == "buy" else -lots
    made = QuotedLeg(
        instrument=number,
        name=market.name(number),
        side=leg.side,
        quantity=str(lots),
        price=str(price),
        premium=str(10**4 * lots * price),
        fee=str(services.venue.fee_rate * lots * price),
        delta=str(signed * greeks.delta),
        gamma=str(signed * greeks.gamma),
        vega=str(signed * greeks.vega),
    )
    order = Order(
        account=0,
        instrument=number,
        buy=leg.side == "buy",
        quantity=lots,
        limit=price,
        max_fee_rate=services.venue.fee_rate,
        salt=0,
    )
    return made, order
