"""The result as tables for people: both batches, then what was to be shown, then what it took."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console

from demo.batches import STEPS
from demo.market import PARAMS
from demo.progress import seconds
from demo.record import Line
from demo.report_scenes import scenes
from demo.run import Result
from demo.scenes import Auction
from demo.tables import PRICE, Section, price, section, size
from prover.batch import Params, Reason

PRICES_NOTE = (
    "One price an instrument, the feasible one nearest the mark; buys equal sells. In USD and contracts of one BTC."
)
MARKS_NOTE = "The data hold one moment of the market, so the marks are those of batch 1."


def show(result: Result, console: Console) -> None:
    """Prints everything."""
    for made in sections(result):
        console.print()
        console.print(made.title, style="bold", highlight=False)
        console.print(made.table)
        if made.note:
            console.print(made.note, style="dim", highlight=False)


def sections(result: Result) -> list[Section]:
    """All tables in order."""
    return [
        _overview(result),
        *(_auctions(place + 1, auctions) for place, auctions in enumerate(result.scenes.auctions)),
        *scenes(result),
        _steps(result),
        _costs(result),
    ]


def _overview(result: Result) -> Section:
    made = section("Two batches", ("", ">batch 1", ">batch 2"))
    rows = result.market.table, result.market.next_table
    contexts = [batch.cleared.batch.context for batch in result.batches]
    made.add("sealed", *(f"{datetime.fromtimestamp(each.time, UTC):%d %b %Y %H:%M} UTC" for each in contexts))
    made.add("instruments", *(str(len(each)) for each in rows))
    made.add("settled instruments in accounts", *(str(len(batch.cleared.batch.settled)) for batch in result.batches))
    made.add("accounts touched", *(str(len(batch.sealed.touches)) for batch in result.batches))
    made.add("orders", *(str(len(lines)) for lines in result.lines))
    for what, test in (("  filled", _full), ("  filled in part", _part), ("  refused", _refused)):
        made.add(what, *(str(sum(map(test, lines))) for lines in result.lines))
    made.add("segments", *(str(batch.cleared.segments) for batch in result.batches))
    made.add("root before", *(_short(batch.cleared.start_root) for batch in result.batches))
    made.add("root after", *(_short(batch.cleared.end_root) for batch in result.batches))
    return made


def _full(line: Line) -> bool:
    return line.outcome.fill == line.request.order.quantity


def _part(line: Line) -> bool:
    return 0 < line.outcome.fill < line.request.order.quantity


def _refused(line: Line) -> bool:
    return line.outcome.reason is not Reason.NONE


def _auctions(number: int, auctions: Iterable[Auction]) -> Section:
    made = section(
        f"Clearing prices of batch {number}",
        ("instrument", ">mark", ">price", ">difference", ">volume", ">buyers", ">sellers"),
        PRICES_NOTE if number == 1 else MARKS_NOTE,
    )
    for each in auctions:
        difference = f"{Decimal(each.price - each.mark) / PRICE:+,.2f}" if each.price != each.mark else "at mark"
        made.add(
            each.instrument,
            price(each.mark),
            price(each.price),
            difference,
            size(each.volume),
            str(each.buyers),
            str(each.sellers),
        )
    return made


def _steps(result: Result) -> Section:
    made = section("Time by step", ("", ">batch 1", ">batch 2"), f"The whole run took {result.total_seconds:.0f} s.")
    for name, step in STEPS.items():
        made.add(name, *(seconds(result.seconds[step.format(number)]) for number in (1, 2)))
    return made


def _costs(result: Result) -> Section:
    params = Params.named(PARAMS)
    segment, closing = result.constraints["segment"], result.constraints["closing"]
    made = section(f"Constraints and gas, parameters {PARAMS}", ("", ">"))
    made.add(
        f"constraints of a segment ({params.touches} accounts, {params.touches * params.orders} order places)",
        f"{segment['constraints']:,}",
    )
    made.add("constraints an order, everything in", f"{segment['per_order']:,}")
    made.add(f"constraints of the closing proof ({params.rows} open rows)", f"{closing['constraints']:,}")
    made.add("constraints an open row", f"{closing['per_row']:,}")
    for batch in result.batches:
        made.add(f"gas to open batch {batch.sealed.number}", f"{batch.sealed.opening.gas:,}")
        made.add(f"gas to seal batch {batch.sealed.number}", f"{batch.sealed.receipt.gas:,}")
        gas, data = batch.receipt.gas, 32 * len(batch.settlement.words)
        made.add(f"gas to settle batch {batch.sealed.number} ({data:,} bytes of data)", f"{gas:,}")
        made.add("  an order", f"{gas // batch.cleared.active_orders:,}")
    for name, spent in (
        ("to deploy the vault and its bonds", [result.gas.deployments["Vault"]]),
        (f"to post an epoch of {len(result.market.table)} instruments", result.gas.epochs[:1]),
        ("to deposit for the first time", result.gas.deposits[-1:]),
        ("to request an exit", result.gas.exits),
        ("to claim", result.gas.claims),
    ):
        made.add(f"gas {name}", f"{max(spent):,}")
    return made


def _short(root: int) -> str:
    return f"{root:064x}"[:12] + "…"
