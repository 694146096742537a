"""The tables of what :mod:`bench.gas` measured, and of what others published about margin checks on chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from bench.gas import Bill
from bench.text import ratio, said, size, table, whole

GOALS: Final = {False: 5_000, True: 1_500}
"""Most gas that an order of 16 full segments of `large` shall cost, by mode: rollup, validium."""
GOAL_SEGMENTS: Final = 16
ORDERS_A_TOUCH: Final = 4
MODES: Final = {False: "rollup", True: "validium"}


class Published(NamedTuple):
    """A margin check on chain, as its makers measured it; gas."""

    options: int
    check: int


DERIVE: Final = "https://github.com/derivexyz/v2-core/pull/272"
DERIVE_CHECKS: Final = (Published(16, 966_000), Published(32, 2_494_000), Published(128, 24_136_000))
"""Standard manager of Lyra v2 (now Derive), one market and one expiry: the table of the pull request at `DERIVE`, 2023-07."""


def full_batches(bills: Sequence[Bill]) -> list[str]:
    """Lines on full batches, goals, single calls and what a margin check costs elsewhere."""
    lines = [
        "### Full batches of up to 64 segments",
        "",
        *said(
            "Toy keys, whose proofs cost what real ones cost, both of one α and β as those of a ceremony and of `prover setup` are (keys",
            "with their own cost a pairing more a call); the vault with its own rules and bonds, each call a transaction. Every touch but",
            "the fund's has an order in each of its places. Gas without a least price of calldata, and with it (EIP-7623: at least 21,000",
            "and 40 a byte, 10 a zero byte); 16 and 4 a byte otherwise. A settlement that outgrows the 128 KiB that nodes take as a",
            "transaction goes in several: one that begins, some with segments, one that ends. Validium has two signatures.",
        ),
    ]
    for params in dict.fromkeys(bill.params for bill in bills):
        for validium, mode in MODES.items():
            chosen = [each for each in bills if (each.call, each.params, each.validium) == ("settle", params, validium)]
            lines += [f"#### `{params}`, {mode}", "", *_settlements(chosen)]
    return [*lines, *_goals(bills), *_single_calls(bills), *_margin_checks(bills)]


def _settlements(bills: Sequence[Bill]) -> list[str]:
    rows = [
        (
            *(str(bill.segments), whole(bill.orders), str(bill.transactions), size(bill.size), size(bill.largest_size)),
            *(whole(figure) for figure in (bill.gas, bill.floored, bill.largest_gas)),
            *(whole(round(figure / bill.orders)) for figure in (bill.gas, bill.floored)),
        )
        for bill in bills
    ]
    head = (
        *("segments", "orders", "transactions", "calldata", "the largest"),
        *("gas", "with the floor price", "the largest", "an order", "with the floor price"),
    )
    return table(head, rows)


def _goals(bills: Sequence[Bill]) -> list[str]:
    rows = []
    for validium, goal in GOALS.items():
        bill = _goal_bill(bills, validium)
        without, with_floor = bill.gas / bill.orders, bill.floored / bill.orders
        met = "yes" if with_floor <= goal else "without the floor price" if without <= goal else "no"
        rows.append((MODES[validium], met, *(whole(round(figure)) for figure in (goal, without, with_floor))))
    head = ("mode", "met", "goal", "gas an order", "with the floor price")
    words = f"An order's share of {GOAL_SEGMENTS} full segments of `large`."
    return ["#### Goals", "", words, "", *table(head, rows, left=2)]


def _goal_bill(bills: Sequence[Bill], validium: bool) -> Bill:
    found = [
        bill
        for bill in bills
        if (bill.call, bill.params, bill.validium, bill.segments) == ("settle", "large", validium, GOAL_SEGMENTS)
    ]
    return found[0]


def _single_calls(bills: Sequence[Bill]) -> list[str]:
    rows = [
        (bill.call, bill.params, size(bill.size), whole(bill.gas), whole(bill.floored))
        for bill in bills
        if bill.call != "settle"
    ]
    head = ("call", "parameter set", "calldata", "gas", "with the floor price")
    words = said(
        "An epoch has as many instruments as the parameter set has rows, in words without zeros. Challenge and answer are of an order",
        "in a batch of 1,000.",
    )
    return ["### Single calls", "", *words, *table(head, rows, left=2)]


def _margin_checks(bills: Sequence[Bill]) -> list[str]:
    lines = [
        "### Margin checked on chain elsewhere",
        "",
        *said(
            "Lyra v2 (now Derive) checks margin in a contract at each trade. Its makers measured their standard manager, one market and",
            f"one expiry, in 2023: <{DERIVE}>. Here a touch has up to 16 positions and {ORDERS_A_TOUCH} orders, all margined in 24",
            "scenarios; its gas is what its orders cost, with auctions, fees and public data, at the floor price.",
        ),
    ]
    rows = [("Lyra v2, margin check", str(each.options), whole(each.check), "") for each in DERIVE_CHECKS]
    for validium in GOALS:
        bill = _goal_bill(bills, validium)
        touch = round(ORDERS_A_TOUCH * bill.floored / bill.orders)
        name = f"a touch here, {MODES[validium]}, {GOAL_SEGMENTS} segments of `large`"
        rows.append((name, "16", whole(touch), ratio(DERIVE_CHECKS[0].check, touch)))
    head = ("what", "options", "gas", "check of 16 options for one of these")
    return [*lines, *table(head, rows)]
