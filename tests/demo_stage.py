"""The demo's story with both batches cleared without a chain: what the tests of the demo look at. Each part is made once a process."""

from __future__ import annotations

from functools import cache

from demo import story
from demo.market import PARAMS, Market, load_market
from demo.record import Line, lines
from demo.seal import put_together
from demo.story import Story, tell
from demo.traders import Trader, make_traders
from demo.trusted import settled_rows
from prover.batch import Cleared, Context, SealedBatch, State, risk_rows

DOMAIN = 20251205


@cache
def the_market() -> Market:
    """The option chain."""
    return load_market()


@cache
def the_story() -> Story:
    """What the traders do."""
    return tell(the_market())


@cache
def the_traders() -> tuple[Trader, ...]:
    """The fund and forty holders."""
    return make_traders(DOMAIN)


@cache
def both_cleared() -> tuple[Cleared, ...]:
    """Both batches."""
    market, told, traders = the_market(), the_story(), the_traders()
    state, results = State.genesis(PARAMS, traders[0].holder, DOMAIN), []
    for place, table in enumerate((market.table, market.next_table)):
        touches = put_together(told.taken(place), traders, told.deposits[place], told.exits[place], DOMAIN)
        context = Context(
            domain=DOMAIN,
            batch=place + 1,
            last_void=0,
            time=market.expiry * place + market.valuation * (1 - place),
            fee_rate=story.FEE_RATE,
            num=story.MARGIN[0],
            den=story.MARGIN[1],
        )
        values = market.expiring if place else {}
        settled = settled_rows(state, touches, values)
        results.append(state.clear(SealedBatch(PARAMS, context, risk_rows(table), touches, settled)))
        state = results[-1].state
    return tuple(results)


def orders_of(place: int) -> list[Line]:
    """The orders of a batch, after clearing."""
    return lines(both_cleared()[place], the_story().taken(place), the_traders())
