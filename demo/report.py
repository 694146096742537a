"""The result as tables for people. Numbers leave their units here and nowhere else: exact, with the decimals that matter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table

from demo.flow import LOTS
from demo.market import PARAMS, Market
from demo.progress import PHASES
from demo.reading import OwnReading
from demo.record import Line
from demo.run import Result, Scenes
from demo.scenes import Auction
from demo.story import TOKEN
from prover.batch import Params, Reason

PRICE = 10**6
CASH = 10**14


def price(units: int) -> str:
    """A price in the quote currency."""
    return f"{Decimal(units) / PRICE:,.2f}"


def size(lots: int) -> str:
    """Contracts."""
    return f"{Decimal(lots) / LOTS:,.1f}"


def money(cash: int) -> str:
    """Cash in the quote currency."""
    return f"{Decimal(cash) / CASH:,.2f}"


def tokens(units: int) -> str:
    """Token units in the quote currency."""
    return f"{Decimal(units) / TOKEN:,.2f}"


def show(result: Result, console: Console) -> None:
    """Prints everything."""
    for table in (
        _overview(result),
        *(_auctions(place + 1, auctions) for place, auctions in enumerate(result.scenes.auctions)),
        _partial(result.scenes),
        _margin(result.scenes),
        _netted(result.scenes),
        _expired(result),
        _refusals(result.scenes),
        _payments(result.scenes),
        _reading(result.scenes.reading, result.market),
        _attempts(result),
        _times(result),
        _costs(result),
    ):
        console.print()
        console.print(table)


def _table(title: str, columns: Iterable[str], caption: str = "") -> Table:
    """A table; columns that start with > are numbers."""
    table = Table(
        title=title,
        caption=caption or None,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        caption_style="dim",
        pad_edge=False,
    )
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return table


def _overview(result: Result) -> Table:
    table = _table("Two batches", ("", ">batch 1", ">batch 2"))
    rows = result.market.table, result.market.next_table
    contexts = [batch.cleared.batch.context for batch in result.batches]
    table.add_row("sealed", *(f"{datetime.fromtimestamp(each.time, UTC):%d %b %Y %H:%M} UTC" for each in contexts))
    table.add_row("instruments", *(str(len(each)) for each in rows))
    table.add_row(
        "settled instruments in accounts", *(str(len(batch.cleared.batch.settled)) for batch in result.batches)
    )
    table.add_row("accounts touched", *(str(len(batch.sealed.touches)) for batch in result.batches))
    table.add_row("orders", *(str(len(lines)) for lines in result.lines))
    for what, test in (("  filled", _full), ("  filled in part", _part), ("  refused", _refused)):
        table.add_row(what, *(str(sum(map(test, lines))) for lines in result.lines))
    table.add_row("segments", *(str(batch.cleared.segments) for batch in result.batches))
    table.add_row("root before", *(_short(batch.cleared.start_root) for batch in result.batches))
    table.add_row("root after", *(_short(batch.cleared.end_root) for batch in result.batches))
    return table


def _full(line: Line) -> bool:
    return line.outcome.fill == line.request.order.quantity


def _part(line: Line) -> bool:
    return 0 < line.outcome.fill < line.request.order.quantity


def _refused(line: Line) -> bool:
    return line.outcome.reason is not Reason.NONE


def _auctions(number: int, auctions: Iterable[Auction]) -> Table:
    table = _table(
        f"Clearing prices of batch {number}",
        ("instrument", ">mark", ">price", ">difference", ">volume", ">buyers", ">sellers"),
        "One price an instrument, the feasible one nearest the mark; buys equal sells. USD, BTC contracts.",
    )
    for each in auctions:
        difference = f"{Decimal(each.price - each.mark) / PRICE:+,.2f}"
        table.add_row(
            each.instrument,
            price(each.mark),
            price(each.price),
            difference,
            size(each.volume),
            str(each.buyers),
            str(each.sellers),
        )
    return table


def _partial(found: Scenes) -> Table:
    each = found.partial_fill
    table = _table(
        "A partial fill at the cut",
        ("order", "of", "side", "instrument", ">limit = price", ">wanted", ">filled"),
        "At the clearing price earlier orders come first; only the one at the cut can be filled in part.",
    )
    side = "buy" if each.buy else "sell"
    order = f"{each.sequence} of batch {each.batch}"
    table.add_row(order, each.trader, side, each.instrument, price(each.price), size(each.quantity), size(each.filled))
    return table


def _margin(found: Scenes) -> Table:
    each = found.margin
    table = _table(
        "An order refused for margin",
        ("trader", "order", ">cash", "worst scenario", ">shortfall"),
        f"Short in {each.scenarios_failed} of {each.scenarios - 1} scenarios and the mark. "
        "In batch 2 the same trader sends 0.1, which its margin carries: admitted.",
    )
    order = f"sell {size(each.quantity)} {each.instrument} at {price(each.limit)}"
    table.add_row(each.trader, order, money(each.cash), each.scenario, money(each.shortfall))
    return table


def _netted(found: Scenes) -> Table:
    each = found.netted
    columns = ("trader", "instrument", ">size", ">bought in batch 1", ">sold in batch 2", ">gain before fees")
    table = _table("A position netted to nothing", columns)
    row = (each.trader, each.instrument, size(each.quantity), price(each.bought_at), price(each.sold_at))
    table.add_row(*row, money(each.gain))
    return table


def _expired(result: Result) -> Table:
    table = _table(
        "Positions expired into cash",
        ("trader", "instrument", ">position", ">settlement value", ">cash"),
        f"Delivery price {price(result.market.delivery)}, the chain's forward of the expiry. In all: "
        f"{money(sum(each.cash for each in result.scenes.expired))}.",
    )
    for each in result.scenes.expired:
        table.add_row(each.trader, each.instrument, size(each.quantity), price(each.value), money(each.cash))
    return table


def _refusals(found: Scenes) -> Table:
    table = _table("Orders refused in batch 2, each for a proven reason", ("trader", "order", ">code", "reason"))
    for each in found.refusals:
        table.add_row(each.trader, each.what, str(each.code), each.reason)
    return table


def _payments(found: Scenes) -> Table:
    kept = found.conservation
    table = _table(
        "Cash out, and all cash accounted for",
        ("trader", "what", ">asked", ">paid"),
        f"Deposited {money(kept.deposited)} less paid {money(kept.paid)} = cash of all accounts {money(kept.cash)}, to the last "
        f"10⁻¹⁴; of it fees of the fund {money(kept.fees)}.",
    )
    for each in found.payments:
        table.add_row(each.trader, each.what, tokens(each.asked), tokens(each.paid))
    return table


def _reading(own: OwnReading, market: Market) -> Table:
    table = _table(
        f"{own.trader} reads account {own.index} from public data alone",
        ("what", ">"),
        f"Calldata of two settlements ({own.bytes_read:,} bytes) and the viewing key. A stranger's key opens nothing of it.",
    )
    table.add_row("cash", money(own.leaf.cash))
    for position in own.leaf.positions:
        table.add_row(market.names[position.instrument], f"{Decimal(position.quantity) / LOTS:+,.1f}")
    for number, (_, each) in enumerate(own.readings, 1):
        outcomes = [_outcome(fill, reason) for fill, reason in each.outcomes]
        table.add_row(f"places of batch {number}", ", ".join(outcomes))
    return table


def _attempts(result: Result) -> Table:
    table = _table(
        "Settlements that must fail, and do",
        ("what was tried", "the contract says"),
        "prover.verify refuses them as well.",
    )
    for each in result.attempts:
        table.add_row(each.what, each.error)
    return table


def _times(result: Result) -> Table:
    whole = sum(result.phases.values())
    proofs = sum(batch.cleared.segments + 1 for batch in result.batches)
    table = _table(f"Time of {proofs} proofs by phase", ("phase", ">seconds", ">share"))
    for phase, name in PHASES.items():
        seconds = result.phases[phase]
        table.add_row(name, f"{seconds:.2f}", f"{100 * seconds / whole:.0f} %")
    table.add_section()
    table.add_row("all", f"{whole:.2f}", "")
    return table


def _costs(result: Result) -> Table:
    params = Params.named(PARAMS)
    segment, closing = result.constraints["segment"], result.constraints["closing"]
    table = _table(f"Cost, parameters {PARAMS}", ("", ">"), f"Whole run {result.total_seconds:.0f} s.")
    table.add_row(
        f"constraints of a segment ({params.touches} accounts, {params.touches * params.orders} order places)",
        f"{segment['constraints']:,}",
    )
    table.add_row("constraints an order, everything in", f"{segment['per_order']:,}")
    table.add_row(f"constraints of the closing proof ({params.rows} open rows)", f"{closing['constraints']:,}")
    table.add_row("constraints an open row", f"{closing['per_row']:,}")
    for batch in result.batches:
        table.add_row(f"gas to seal batch {batch.sealed.number}", f"{batch.sealed.receipt.gas:,}")
        gas, data = batch.receipt.gas, len(batch.settlement.calldata_words)
        table.add_row(f"gas to settle batch {batch.sealed.number} ({data:,} bytes of data)", f"{gas:,}")
        table.add_row("  an order", f"{gas // batch.cleared.active_orders:,}")
    return table


def _outcome(fill: int, reason: Reason) -> str:
    """What an owner reads of an order place."""
    return reason.text or (f"filled {size(fill)}" if fill else "nothing")


def _short(root: int) -> str:
    return f"{root:064x}"[:12] + "…"
