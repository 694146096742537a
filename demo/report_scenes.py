"""What the run was to show, a table a scene."""

from __future__ import annotations

from decimal import Decimal

from demo.flow import LOTS
from demo.reading import OwnReading
from demo.run import Result
from demo.shown import Scenes
from demo.tables import Section, money, price, section, size, tokens
from demo.vault import ETHER
from prover.batch import Reason


def scenes(result: Result) -> list[Section]:
    """A table for each promise, of what was found of it."""
    found = result.scenes
    return [
        _partial(found),
        _margin(found),
        _netted(found),
        _expired(result),
        _refusals(found),
        _doors(found),
        _margins(found),
        _payments(found),
        _money(result),
        _reading(found.reading, result),
        _attempts(result),
        _observed(result),
    ]


def _partial(found: Scenes) -> Section:
    each = found.partial_fill
    made = section(
        f"A partial fill at the cut: {each.instrument}, batch {each.batch}, price {price(each.price)}",
        ("side", ">order", "from", ">limit", ">wanted", ">filled", ""),
        "Better limits are filled whole; at the price the earlier order comes first, and one can be filled in part.",
    )
    for entry in each.book:
        made.add(
            "buy" if entry.buy else "sell",
            str(entry.sequence),
            entry.trader,
            price(entry.limit),
            size(entry.quantity),
            size(entry.filled) if entry.filled else "",
            "◂ the cut" if entry.sequence == each.sequence else "",
        )
    return made


def _margin(found: Scenes) -> Section:
    each = found.margin
    made = section(
        "An order refused for margin",
        ("trader", "order", ">cash", "worst scenario", ">shortfall"),
        f"It fails in {each.scenarios_failed} of the {each.scenarios} tests, 24 scenarios and the mark. "
        "In batch 2 the same trader offers 0.1: admitted.",
    )
    order = f"sell {size(each.quantity)} {each.instrument} at {price(each.limit)}"
    made.add(each.trader, order, money(each.cash), each.scenario, money(each.shortfall))
    return made


def _netted(found: Scenes) -> Section:
    each = found.netted
    columns = ("trader", "instrument", ">size", ">bought in batch 1", ">sold in batch 2", ">gain before fees")
    made = section("A position netted to nothing", columns)
    row = (each.trader, each.instrument, size(each.quantity), price(each.bought_at), price(each.sold_at))
    made.add(*row, money(each.gain))
    return made


def _expired(result: Result) -> Section:
    made = section(
        "Positions expired into cash",
        ("trader", "instrument", ">position", ">settlement value", ">cash"),
        f"Delivery price {price(result.market.delivery)}, the chain's forward of the expiry. In all: "
        f"{money(sum(each.cash for each in result.scenes.expired))}.",
    )
    for each in result.scenes.expired:
        made.add(each.trader, each.instrument, size(each.quantity), price(each.value), money(each.cash))
    return made


def _refusals(found: Scenes) -> Section:
    made = section("Orders that batch 2 refused, each for a proven reason", ("trader", "order", ">code", "reason"))
    for each in found.refusals:
        made.add(each.trader, each.what, str(each.code), each.reason)
    return made


def _doors(found: Scenes) -> Section:
    made = section(
        "Orders that the relayer did not take in batch 2",
        ("trader", "order", "code"),
        "No batch holds them. The same signed order sent twice is one order: it got the same receipt again.",
    )
    for each in found.doors:
        made.add(each.trader, each.what, each.code)
    return made


def _margins(found: Scenes) -> Section:
    made = section(
        "Margins before and after batch 2, as the relayer tells each owner",
        ("trader", ">fills", ">cash before", ">after", ">excess before", ">after", "where it is least"),
        "Excess: cash over the initial margin in the worst scenario of the table in force. Cash and fills are those of the batches.",
    )
    for each in found.margins:
        before, after = each.after
        made.add(
            each.trader,
            str(after.fills),
            *(money(cash) for cash in (before.cash, after.cash, before.excess, after.excess)),
            after.scenario,
        )
    return made


def _payments(found: Scenes) -> Section:
    kept = found.conservation
    made = section(
        "Cash out, and all cash accounted for",
        ("trader", "what", ">asked", ">paid"),
        f"Deposited {money(kept.deposited)} less paid {money(kept.paid)} = cash of all accounts {money(kept.cash)}, to the last "
        f"10⁻¹⁴; of it fees of the fund {money(kept.fees)}.",
    )
    for each in found.payments:
        made.add(each.trader, each.what, tokens(each.asked), tokens(each.paid))
    return made


def _money(result: Result) -> Section:
    found = result.scenes.money
    made = section(
        "Test dollars in and out of the vault",
        ("", ">"),
        f"What the vault holds is the cash of all accounts, to the unit. Bonds of {Decimal(found.bonds) / ETHER:,.2f} of the chain's coin "
        "were locked for both batches and given back.",
    )
    made.add(f"deposited by {len(result.gas.deposits)} traders", tokens(found.deposited))
    made.add("claimed", tokens(-found.claimed))
    made.table.add_section()
    made.add("in the vault", tokens(found.held))
    return made


def _reading(own: OwnReading, result: Result) -> Section:
    made = section(
        f"{own.trader} reads account {own.index} from public data alone",
        ("what", ">"),
        f"From the calldata of two settlements ({own.bytes_read:,} bytes) and the account's viewing key. It is what the "
        "operator has; a stranger's key opens nothing.",
    )
    for (_, each), lines in zip(own.readings, result.lines, strict=True):
        mine = [line.request.order for line in lines if line.trader.index == own.index]
        for order, (fill, reason) in zip(mine, each.outcomes, strict=False):
            what = f"{'buy' if order.buy else 'sell'} {size(order.quantity)} {result.market.names[order.instrument]}"
            made.add(f"batch {lines[0].batch}: {what} at {price(order.limit)}", _outcome(fill, reason))
    made.table.add_section()
    for position in own.leaf.positions:
        made.add(result.market.names[position.instrument], f"{Decimal(position.quantity) / LOTS:+,.1f}")
    made.add("cash", money(own.leaf.cash))
    return made


def _attempts(result: Result) -> Section:
    made = section(
        "Settlements that must fail, and do",
        ("what was tried", "the contract says"),
        "prover.verify refuses them as well.",
    )
    for each in result.attempts:
        made.add(each.what, each.error)
    return made


def _observed(result: Result) -> Section:
    found = result.observed
    made = section(
        "What an observer of everything public has found",
        ("looked for", ">numbers", "found"),
        f"In {found.transactions} transactions, all of them seen before they were mined, and {sum(found.sizes.values()):,} bytes: "
        + ", ".join(f"{place} {size:,}" for place, size in found.sizes.items())
        + ". As decimal and hexadecimal digits, as words, and packed at any bit.",
    )
    for kind, count in found.searched.items():
        made.add(f"{kind} of orders not filled", str(count), "nowhere")
    made.table.add_section()
    for what, places in found.controls.items():
        made.add(what, "1", ", ".join(places))
    return made


def _outcome(fill: int, reason: Reason) -> str:
    """What an owner reads of an order place."""
    return reason.text or (f"filled {size(fill)}" if fill else "unfilled")
