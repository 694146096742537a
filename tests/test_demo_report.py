"""What the demo prints: tables that fit a hundred columns, and one object for programs with every amount exact."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from demo import margins, reading, scenes
from demo.__main__ import WIDTH
from demo.attempts import Attempt
from demo.batches import STEPS
from demo.chain import Receipt
from demo.document import document
from demo.observer import Observed
from demo.report import sections, show
from demo.retraced import Sealed, Settled
from demo.run import Gas, Result
from demo.sending import Door
from demo.shown import Scenes
from demo.story import DOOR, TOKEN
from prover.batch import Cleared
from prover.settlement import Settlement
from tests.demo_stage import both_cleared, orders_of, the_market, the_story

BIG = 12_345_678_901_234_567_891
"""Cash units that no binary64 holds."""
GAS = 12_345_678
CONSTRAINTS: dict[str, dict[str, object]] = {
    "segment": {"constraints": 248_019, "per_order": 8_857},
    "closing": {"constraints": 137_288, "per_row": 2_145},
}


def receipt(block: int) -> Receipt:
    return Receipt(f"0x{block:064x}", block, GAS, None, [])


def settled(number: int, cleared: Cleared) -> Settled:
    sealed = Sealed(number, cleared.batch.touches, bytes(32), receipt(number), receipt(10 + number))
    return Settled(sealed, cleared, cast(Settlement, SimpleNamespace(words=(0,) * 4_000)), receipt(20 + number))


def found() -> Scenes:
    market, cleared = the_market(), both_cleared()
    orders = [orders_of(0), orders_of(1)]
    everything = [*orders[0], *orders[1]]
    owner = next(line.trader for line in orders[1] if line.outcome.fill and not line.request.scene)
    leaf = cleared[1].state.leaf(owner.index)
    assert leaf is not None
    seen = SimpleNamespace(outcomes=[(line.outcome.fill, line.outcome.reason) for line in orders[0][:2]])
    kept = scenes.conservation(cleared)
    told = margins.Margin(2, BIG, -BIG, "futures −30 %, vol ×1.5", 2)
    return Scenes(
        auctions=tuple(tuple(scenes.auctions(market, *pair)) for pair in zip(cleared, orders, strict=True)),
        partial_fill=scenes.partial_fill(market, cleared, everything),
        margin=scenes.margin_refusal(market, everything),
        netted=scenes.netted(market, cleared, everything),
        expired=tuple(scenes.expired(market, cleared[1])),
        refusals=tuple(scenes.refusals(everything)),
        payments=(scenes.withdrawal(everything), scenes.leaver(everything, cleared[1], market)),
        money=scenes.Money(10**7 * TOKEN, 10**6 * TOKEN, 9 * 10**6 * TOKEN, 10**18),
        conservation=kept,
        reading=reading.OwnReading(owner.name, owner.index, leaf, (("0x01", cast(Any, seen)),) * 2, 200_000, 2),
        margins=tuple(margins.Margins(name, (told, told)) for name in margins.OWNERS),
        doors=tuple(Door("Sven", what, code, "why") for what, code in DOOR.items()),
    )


@pytest.fixture(scope="module")
def result() -> Result:
    watched = "the deposit of the watched orders' owner"
    places = "calldata", "logs", "mempool", "interface", "envelopes"
    steps = {text.format(number): 12.3 for text in STEPS.values() for number in (1, 2)}
    return Result(
        market=the_market(),
        story=the_story(),
        batches=tuple(settled(number, cleared) for number, cleared in enumerate(both_cleared(), 1)),
        lines=(tuple(orders_of(0)), tuple(orders_of(1))),
        scenes=found(),
        attempts=(Attempt("batch 1 settled a second time, in place of the sealed batch", "ProofsRefused"),),
        observed=Observed(
            dict.fromkeys(places, 1_234_567),
            150,
            150,
            {"salt": 88},
            {watched: list(places)},
        ),
        gas=Gas({"Vault": GAS}, (GAS,), (GAS,), (GAS,), (GAS,)),
        constraints=CONSTRAINTS,
        seconds=steps,
        total_seconds=95.0,
    )


def printed(result: Result, width: int) -> str:
    out = io.StringIO()
    show(result, Console(file=out, width=width))
    return out.getvalue()


def test_no_table_needs_more_than_a_hundred_columns(result: Result) -> None:
    assert WIDTH == 100
    wide = Console(width=1_000)
    too_wide = {each.title: wide.measure(each.table).maximum for each in sections(result)}
    assert {title: width for title, width in too_wide.items() if width > WIDTH} == {}
    assert max(map(len, printed(result, WIDTH).splitlines())) <= WIDTH


def test_the_tables_say_what_an_observer_looked_for_and_what_the_relayer_refused(result: Result) -> None:
    text = printed(result, WIDTH)
    assert "salt of orders not filled" in text
    for what, code in DOOR.items():
        assert what in text
        assert code in text


def test_the_object_for_programs_has_every_order_and_exact_amounts(result: Result) -> None:
    said = json.loads(json.dumps(document(result)))
    assert [len(batch["orders"]) for batch in said["batches"]] == [len(orders_of(0)), len(orders_of(1))]
    assert said["margins"][0]["after"][0]["cash"] == str(BIG)
    assert said["margins"][0]["after"][0]["excess"] == str(-BIG)
    assert Decimal(said["money"]["deposited"]) == 10**7 * TOKEN
    assert [door["code"] for door in said["doors"]] == list(DOOR.values())
    assert said["observed"]["searched"] == {"salt": 88}
