"""The result as tables for people. Numbers leave their units here and nowhere else: exact, with the decimals that matter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table

from demo.flow import LOTS
from demo.market import PARAMS
from demo.progress import PHASES, seconds
from demo.reading import OwnReading
from demo.record import Line
from demo.run import STEPS, Result, Scenes
from demo.scenes import Auction
from demo.story import TOKEN
from demo.vault import ETHER
from prover.batch import Params, Reason

PRICES_NOTE = (
    "One price an instrument, the feasible one nearest the mark; buys equal sells. In USD and contracts of one BTC."
)
MARKS_NOTE = "The data hold one moment of the market, so the marks are those of batch 1."
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
    for section in (
        _overview(result),
        *(_auctions(place + 1, auctions) for place, auctions in enumerate(result.scenes.auctions)),
        _partial(result.scenes),
        _margin(result.scenes),
        _netted(result.scenes),
        _expired(result),
        _refusals(result.scenes),
        _payments(result.scenes),
        _money(result),
        _reading(result.scenes.reading, result),
        _attempts(result),
        _steps(result),
        _times(result),
        _costs(result),
        _observed(result),
    ):
        console.print()
        console.print(section.title, style="bold", highlight=False)
        console.print(section.table)
        if section.note:
            console.print(section.note, style="dim", highlight=False)


@dataclass(frozen=True)
class Section:
    """A table with what stands over and under it."""

    title: str
    table: Table
    note: str = ""

    def add(self, *cells: str) -> None:
        """A row."""
        self.table.add_row(*cells)


def _section(title: str, columns: Iterable[str], note: str = "") -> Section:
    """A section without rows; columns that start with > are numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return Section(title, table, note)


def _overview(result: Result) -> Section:
    section = _section("Two batches", ("", ">batch 1", ">batch 2"))
    rows = result.market.table, result.market.next_table
    contexts = [batch.cleared.batch.context for batch in result.batches]
    section.add("sealed", *(f"{datetime.fromtimestamp(each.time, UTC):%d %b %Y %H:%M} UTC" for each in contexts))
    section.add("instruments", *(str(len(each)) for each in rows))
    section.add("settled instruments in accounts", *(str(len(batch.cleared.batch.settled)) for batch in result.batches))
    section.add("accounts touched", *(str(len(batch.sealed.touches)) for batch in result.batches))
    section.add("orders", *(str(len(lines)) for lines in result.lines))
    for what, test in (("  filled", _full), ("  filled in part", _part), ("  refused", _refused)):
        section.add(what, *(str(sum(map(test, lines))) for lines in result.lines))
    section.add("segments", *(str(batch.cleared.segments) for batch in result.batches))
    section.add("root before", *(_short(batch.cleared.start_root) for batch in result.batches))
    section.add("root after", *(_short(batch.cleared.end_root) for batch in result.batches))
    return section


def _full(line: Line) -> bool:
    return line.outcome.fill == line.request.order.quantity


def _part(line: Line) -> bool:
    return 0 < line.outcome.fill < line.request.order.quantity


def _refused(line: Line) -> bool:
    return line.outcome.reason is not Reason.NONE


def _auctions(number: int, auctions: Iterable[Auction]) -> Section:
    section = _section(
        f"Clearing prices of batch {number}",
        ("instrument", ">mark", ">price", ">difference", ">volume", ">buyers", ">sellers"),
        PRICES_NOTE if number == 1 else MARKS_NOTE,
    )
    for each in auctions:
        difference = f"{Decimal(each.price - each.mark) / PRICE:+,.2f}" if each.price != each.mark else "at mark"
        section.add(
            each.instrument,
            price(each.mark),
            price(each.price),
            difference,
            size(each.volume),
            str(each.buyers),
            str(each.sellers),
        )
    return section


def _partial(found: Scenes) -> Section:
    each = found.partial_fill
    section = _section(
        f"A partial fill at the cut: {each.instrument}, batch {each.batch}, price {price(each.price)}",
        ("side", ">order", "from", ">limit", ">wanted", ">filled", ""),
        "Better limits are filled whole; at the price the earlier order comes first, and one can be filled in part.",
    )
    for entry in each.book:
        section.add(
            "buy" if entry.buy else "sell",
            str(entry.sequence),
            entry.trader,
            price(entry.limit),
            size(entry.quantity),
            size(entry.filled) if entry.filled else "",
            "◂ the cut" if entry.sequence == each.sequence else "",
        )
    return section


def _margin(found: Scenes) -> Section:
    each = found.margin
    section = _section(
        "An order refused for margin",
        ("trader", "order", ">cash", "worst scenario", ">shortfall"),
        f"It fails in {each.scenarios_failed} of the {each.scenarios} tests, 24 scenarios and the mark. "
        "In batch 2 the same trader offers 0.1: admitted.",
    )
    order = f"sell {size(each.quantity)} {each.instrument} at {price(each.limit)}"
    section.add(each.trader, order, money(each.cash), each.scenario, money(each.shortfall))
    return section


def _netted(found: Scenes) -> Section:
    each = found.netted
    columns = ("trader", "instrument", ">size", ">bought in batch 1", ">sold in batch 2", ">gain before fees")
    section = _section("A position netted to nothing", columns)
    row = (each.trader, each.instrument, size(each.quantity), price(each.bought_at), price(each.sold_at))
    section.add(*row, money(each.gain))
    return section


def _expired(result: Result) -> Section:
    section = _section(
        "Positions expired into cash",
        ("trader", "instrument", ">position", ">settlement value", ">cash"),
        f"Delivery price {price(result.market.delivery)}, the chain's forward of the expiry. In all: "
        f"{money(sum(each.cash for each in result.scenes.expired))}.",
    )
    for each in result.scenes.expired:
        section.add(each.trader, each.instrument, size(each.quantity), price(each.value), money(each.cash))
    return section


def _refusals(found: Scenes) -> Section:
    section = _section("Orders refused in batch 2, each for a proven reason", ("trader", "order", ">code", "reason"))
    for each in found.refusals:
        section.add(each.trader, each.what, str(each.code), each.reason)
    return section


def _observed(result: Result) -> Section:
    found = result.observed
    section = _section(
        "What an observer of everything public has found",
        ("looked for", ">numbers", "found"),
        f"In {found.transactions} transactions, all of them seen before they were mined, and {sum(found.sizes.values()):,} bytes: "
        + ", ".join(f"{place} {size:,}" for place, size in found.sizes.items())
        + ". As decimal and hexadecimal digits, as words, and packed at any bit.",
    )
    for kind, count in found.searched.items():
        section.add(f"{kind} of orders not filled", str(count), "nowhere")
    section.table.add_section()
    for what, places in found.controls.items():
        section.add(what, "1", ", ".join(places))
    return section


def _payments(found: Scenes) -> Section:
    kept = found.conservation
    section = _section(
        "Cash out, and all cash accounted for",
        ("trader", "what", ">asked", ">paid"),
        f"Deposited {money(kept.deposited)} less paid {money(kept.paid)} = cash of all accounts {money(kept.cash)}, to the last "
        f"10⁻¹⁴; of it fees of the fund {money(kept.fees)}.",
    )
    for each in found.payments:
        section.add(each.trader, each.what, tokens(each.asked), tokens(each.paid))
    return section


def _money(result: Result) -> Section:
    found = result.scenes.money
    section = _section(
        "Test dollars in and out of the vault",
        ("", ">"),
        f"What the vault holds is the cash of all accounts, to the unit. Bonds of {Decimal(found.bonds) / ETHER:,.2f} of the chain's coin "
        "were locked for both batches and given back.",
    )
    section.add(f"deposited by {len(result.gas.deposits)} traders", tokens(found.deposited))
    section.add("claimed", tokens(-found.claimed))
    section.table.add_section()
    section.add("in the vault", tokens(found.held))
    return section


def _reading(own: OwnReading, result: Result) -> Section:
    section = _section(
        f"{own.trader} reads account {own.index} from public data alone",
        ("what", ">"),
        f"From the calldata of two settlements ({own.bytes_read:,} bytes) and the account's viewing key. It is what the "
        "operator has; a stranger's key opens nothing.",
    )
    for (_, each), lines in zip(own.readings, result.lines, strict=True):
        mine = [line.request.order for line in lines if line.trader.index == own.index]
        for order, (fill, reason) in zip(mine, each.outcomes, strict=False):
            what = f"{'buy' if order.buy else 'sell'} {size(order.quantity)} {result.market.names[order.instrument]}"
            section.add(f"batch {lines[0].batch}: {what} at {price(order.limit)}", _outcome(fill, reason))
    section.table.add_section()
    for position in own.leaf.positions:
        section.add(result.market.names[position.instrument], f"{Decimal(position.quantity) / LOTS:+,.1f}")
    section.add("cash", money(own.leaf.cash))
    return section


def _attempts(result: Result) -> Section:
    section = _section(
        "Settlements that must fail, and do",
        ("what was tried", "the contract says"),
        "prover.verify refuses them as well.",
    )
    for each in result.attempts:
        section.add(each.what, each.error)
    return section


def _steps(result: Result) -> Section:
    section = _section(
        "Time by step", ("", ">batch 1", ">batch 2"), f"The whole run took {result.total_seconds:.0f} s."
    )
    for name, step in STEPS.items():
        section.add(name, *(seconds(result.seconds[step.format(number)]) for number in (1, 2)))
    return section


def _times(result: Result) -> Section:
    whole = sum(result.phases.values())
    proofs = sum(batch.cleared.segments + 1 for batch in result.batches)
    section = _section(f"Time of {proofs} proofs by phase", ("phase", ">time", ">share"))
    for phase, name in PHASES.items():
        section.add(name, seconds(result.phases[phase]), f"{100 * result.phases[phase] / whole:.0f} %")
    section.table.add_section()
    section.add("all", seconds(whole), "")
    return section


def _costs(result: Result) -> Section:
    params = Params.named(PARAMS)
    segment, closing = result.constraints["segment"], result.constraints["closing"]
    section = _section(f"Constraints and gas, parameters {PARAMS}", ("", ">"))
    section.add(
        f"constraints of a segment ({params.touches} accounts, {params.touches * params.orders} order places)",
        f"{segment['constraints']:,}",
    )
    section.add("constraints an order, everything in", f"{segment['per_order']:,}")
    section.add(f"constraints of the closing proof ({params.rows} open rows)", f"{closing['constraints']:,}")
    section.add("constraints an open row", f"{closing['per_row']:,}")
    for batch in result.batches:
        section.add(f"gas to open batch {batch.sealed.number}", f"{batch.sealed.opening.gas:,}")
        section.add(f"gas to seal batch {batch.sealed.number}", f"{batch.sealed.receipt.gas:,}")
        gas, data = batch.receipt.gas, 32 * len(batch.settlement.words)
        section.add(f"gas to settle batch {batch.sealed.number} ({data:,} bytes of data)", f"{gas:,}")
        section.add("  an order", f"{gas // batch.cleared.active_orders:,}")
    for name, spent in (
        ("to deploy the vault and its bonds", [result.gas.deployments["Vault"]]),
        (f"to post an epoch of {len(result.market.table)} instruments", result.gas.epochs[:1]),
        ("to deposit for the first time", result.gas.deposits[-1:]),
        ("to request an exit", result.gas.exits),
        ("to claim", result.gas.claims),
    ):
        section.add(f"gas {name}", f"{max(spent):,}")
    return section


def _outcome(fill: int, reason: Reason) -> str:
    """What an owner reads of an order place."""
    return reason.text or (f"filled {size(fill)}" if fill else "unfilled")


def _short(root: int) -> str:
    return f"{root:064x}"[:12] + "…"
