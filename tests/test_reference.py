"""The reference against what others computed, and its vectors against the reference."""

import ast
import json
import os
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.reference import babyjub, eddsa, poseidon, tree
from tests.reference.account import Leaf, Position, leaf_hash, leaf_words, open_reading, pads, state_word
from tests.reference.auction import Bid, clear, clearing_price, demand, feasible, strictly_better, supply
from tests.reference.babyjub import Point
from tests.reference.batch import ClearedTouch, Result, State, state_root
from tests.reference.blake512 import blake512
from tests.reference.degenerate import KINDS
from tests.reference.eddsa import Signature
from tests.reference.errors import UnprovableError
from tests.reference.exchange import batch_from, batch_json, dump, state_from, state_json
from tests.reference.features import features
from tests.reference.field import MODULUS
from tests.reference.generate import random_run
from tests.reference.keccak import keccak
from tests.reference.margin import Ratio, margin
from tests.reference.netting import fee, net, position_changes, premium
from tests.reference.order import Kind, Order, SealedOrder, Side, fields_word, order_hash
from tests.reference.params import DEV, STANDARD, TOP, Params
from tests.reference.scene import DOMAIN, Scene, signature_of
from tests.reference.transcript import Header, netting_sides, next_sides, price_rule_holds, right_sides, settle
from tests.reference.write_vectors import FILES, FOLDER, blinding_of

FULL = bool(os.environ.get("TACIT_FULL"))
EXTERNAL = Path(__file__).parent / "vectors" / "external"


def external(name: str) -> dict[str, list[dict[str, str]]]:
    loaded: dict[str, list[dict[str, str]]] = json.loads((EXTERNAL / name).read_text())
    return loaded


def test_generated_poseidon_constants_give_the_hashes_of_circomlib() -> None:
    for vector in external("poseidon_bn254.json")["vectors"]:
        assert poseidon.poseidon(*map(int, vector["inputs"])) == int(vector["out"]), vector["name"]


def test_every_element_of_the_permuted_state_is_that_of_circomlib() -> None:
    for vector in external("poseidon_bn254_fullstate.json")["vectors"]:
        start = [int(vector["initState"]), *map(int, vector["inputs"])]
        assert poseidon.permute(start) == [int(element) for element in vector["outState"]]


def test_keccak_is_that_of_ethereum() -> None:
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak(b"transfer(address,uint256)")[:4].hex() == "a9059cbb"
    assert len({keccak(bytes(n)) for n in range(270)}) == 270


def test_blake512_is_the_finalist_and_not_blake2b() -> None:
    assert blake512(b"\x00").hex().startswith("97961587f6d970faba6d2478045de6d1")
    assert blake512(bytes(144)).hex().startswith("313717d608e9cf758dcb1eb0f0c3cf9f")


@pytest.mark.parametrize("vector", external("eddsa_poseidon_babyjub.json")["vectors"], ids=lambda v: v["name"])
def test_signatures_are_those_of_circomlib(vector: dict[str, str]) -> None:
    secret, message = bytes.fromhex(vector["prv"]), int(vector["msg"])
    key = Point(*map(int, vector["A"]))
    signature = Signature(Point(*map(int, vector["R8"])), int(vector["S"]))
    assert eddsa.public_key(secret) == key
    assert eddsa.sign(secret, message) == signature
    assert eddsa.verify(key, message, signature)


@pytest.mark.parametrize("vector", external("eddsa_poseidon_babyjub.json")["negative"], ids=lambda v: v["kind"])
def test_altered_signatures_are_refused(vector: dict[str, str]) -> None:
    signature = Signature(Point(*map(int, vector["R8"])), int(vector["S"]))
    assert not eddsa.verify(Point(*map(int, vector["A"])), int(vector["msg"]), signature)


def test_keys_of_low_order_sign_nothing() -> None:
    for key in (babyjub.IDENTITY, Point(0, MODULUS - 1)):
        assert babyjub.on_curve(key)
        assert not eddsa.verify(key, 5, Signature(babyjub.IDENTITY, 0))


def test_points_multiply_as_in_circomlib() -> None:
    for vector in external("babyjub.json")["scalar_mul_base8"]:
        assert babyjub.multiply(int(vector["k"]), babyjub.BASE8) == Point(*map(int, vector["P"]))


# Encodings


def test_no_two_leaves_share_their_words() -> None:
    base = Leaf(5, 1, 1, 1, 1, 1, (Position(1, 1),))
    changed = [
        replace(base, owner=6),
        replace(base, cash=2),
        replace(base, cash=-1),
        replace(base, epoch=2),
        replace(base, bitmap=2),
        replace(base, updates=2),
        replace(base, salt=2),
        replace(base, positions=()),
        replace(base, positions=(Position(1, -1),)),
        replace(base, positions=(Position(2, 1),)),
    ]
    assert len({tuple(leaf_words(DEV, leaf)) for leaf in [base, *changed]}) == 1 + len(changed)
    assert len({leaf_hash(DEV, leaf) for leaf in [base, *changed]}) == 1 + len(changed)


@pytest.mark.parametrize("params", [DEV, STANDARD], ids=lambda p: p.name)
def test_the_widest_words_stay_below_the_order_of_the_field(params: Params) -> None:
    full = tuple(Position(TOP - 1 - i, 2**35 - 1) for i in reversed(range(params.positions)))
    leaf = Leaf(0, 2**91 - 1, 2**32 - 1, 2**64 - 1, 2**32 - 1, 0, full)
    widest = [*leaf_words(params, leaf), state_word(leaf, 2**21 - 1)]
    assert all(0 <= value < MODULUS for value in widest)
    assert max(value.bit_length() for value in widest) <= 252


def test_an_order_fills_its_word_and_no_field_overlaps_another() -> None:
    least = Order(0, 0, Side.SELL, 0, 0, 0, 0, 0, 0, 0, False, Kind.TRADE, 0, 0)
    most = Order(
        2**21 - 1,
        TOP - 1,
        Side.BUY,
        2**32 - 1,
        2**42 - 1,
        2**14 - 1,
        2**32 - 1,
        63,
        2**32 - 1,
        2**32 - 1,
        True,
        Kind.CANCEL,
        0,
        0,
    )
    words = [fields_word(replace(least, **{name: value})) for name, value in vars(most).items() if value]
    assert sum(words) == fields_word(most)
    assert all(left & right == 0 for left in words for right in words if left != right)


def test_a_tree_of_zeros_and_its_paths_lead_to_one_root() -> None:
    leaves = {5: 7, 63: 8, 511: 9}
    root = tree.root(leaves, 3)
    for index in (0, 5, 63, 511):
        value, position = leaves.get(index, 0), index
        for children in tree.path(leaves, 3, index):
            assert children[position % 8] == value
            value, position = poseidon.poseidon(*children), position // 8
        assert value == root
    assert tree.root({}, 2) == poseidon.poseidon(*[poseidon.poseidon(*[0] * 8)] * 8)


# Clearing


def random_book(rng: random.Random) -> tuple[list[Bid], int]:
    mark, count = rng.randrange(12), rng.randrange(9)
    return [Bid(s, Side(rng.randrange(2)), rng.randrange(1, 5), rng.randrange(12)) for s in range(1, count + 1)], mark


def test_of_all_prices_the_candidates_find_the_feasible_one_nearest_to_the_mark() -> None:
    rng = random.Random("candidates")
    for _ in range(1000):
        bids, mark = random_book(rng)
        prices = [price for price in range(14) if feasible(bids, price)]
        nearest = min(abs(price - mark) for price in prices)
        assert clearing_price(bids, mark) in prices
        assert [price for price in prices if abs(price - mark) == nearest] == [clearing_price(bids, mark)]


def test_feasible_prices_are_an_interval_of_maximal_volume() -> None:
    rng = random.Random("interval")
    for _ in range(300):
        bids, _ = random_book(rng)
        prices = [price for price in range(14) if feasible(bids, price)]
        assert prices == list(range(prices[0], prices[-1] + 1))
        best = max(min(demand(bids, price), supply(bids, price)) for price in range(14))
        assert all(min(demand(bids, price), supply(bids, price)) == best for price in prices)


def test_fills_balance_respect_limits_and_serve_earlier_orders_first() -> None:
    rng = random.Random("fills")
    for _ in range(1000):
        bids, mark = random_book(rng)
        auction = clear(bids, mark, len(bids))
        bought = sum(auction.fills[bid.sequence] for bid in bids if bid.side == Side.BUY)
        assert bought == sum(auction.fills[bid.sequence] for bid in bids if bid.side == Side.SELL) == auction.volume
        for bid in bids:
            fill, better = auction.fills[bid.sequence], strictly_better(bid, auction.price)
            assert fill == bid.quantity if better else fill == 0 or bid.limit == auction.price
            if bid.limit == auction.price:
                on_cut_side = bid.side == auction.cut_side
                assert fill == bid.quantity or (on_cut_side and bid.sequence >= auction.cut)
                assert fill == 0 or not on_cut_side or bid.sequence <= auction.cut
        assert auction.price == mark or auction.count > 0


# Whole batches


def check_promises(result: Result) -> None:
    """Identities of section 7 and the promises of section 1 that a batch can show by itself."""
    rng = random.Random(result.end_root)
    settlement = settle(result, Header(1, 2, 3), blinding_of(rng, result))
    at = settlement.challenges
    assert settlement.sums[-1] == right_sides(result, settlement.totals, at)
    assert next_sides(result, at.beta)[0] == next_sides(result, at.beta)[1]
    assert all(left == right for left, right in (netting_sides(touch, at.beta) for touch in result.touches))
    assert price_rule_holds(result)
    assert settlement.segments[-1].root_out == result.end_root
    assert len(settlement.segments) == -(-len(result.touches) // result.params.touches)
    cash = expired = deposits = paid = 0
    positions: dict[int, int] = {}
    for touch in result.touches:
        cash += (touch.new.cash if touch.new else 0) - (touch.old.cash if touch.old else 0)
        expired += 10**4 * touch.expiry.value
        deposits, paid = deposits + touch.touch.deposit, paid + touch.paid
        for position in touch.expiry.held:
            positions[position.instrument] = positions.get(position.instrument, 0) - position.quantity
        for position in touch.new.positions if touch.new else ():
            positions[position.instrument] = positions.get(position.instrument, 0) + position.quantity
    assert cash == expired + 10**8 * (deposits - paid)
    assert not any(positions.values())
    check_owner_reads(result)


def check_owner_reads(result: Result) -> None:
    """ "account and outcome can be read from chain data with the account's own key"."""
    domain = result.batch.context.domain
    for touch in result.touches:
        if touch.new is None:
            assert touch.words[2] == touch.words[5] == 0
            continue
        key, index = touch.touch.holder.viewing_key, touch.touch.index
        plain = open_reading(result.params, domain, key, index, touch.words[5], touch.words[6:])
        words = leaf_words(result.params, touch.new)
        assert plain == [state_word(touch.new, index), *words[4:], *touch.outcomes]
        assert touch.new.salt == pads(result.params, key, domain, index, touch.words[5])[-1]
        assert plain[0] % 2**188 == words[1]


@pytest.mark.parametrize("name", KINDS)
def test_degenerate_batch(name: str) -> None:
    kind = KINDS[name]
    result = kind.set_up().run()
    shown = features(result)
    assert [feature for feature in kind.shows if not shown[feature]] == []
    check_promises(result)


# By sequence number: lots filled, or r and the code of the reason. Worked out from the text, one by one.
OUTCOMES = {
    "only buys": "0 0",
    "only sells": "0 0",
    "bid below ask": "0 0",
    "book wholly above the mark": "0 0",
    "balanced book": "5 5",
    "tie cut in the middle": "5 2 0 7",
    "tie cut between two": "5 5 0 10",
    "tie served by sequence not by index": "4 2 0 6",
    "cut starved by better limits": "5 0 5",
    "price at the upper end of its interval": "5 5",
    "price at the lower end of its interval": "5 5",
    "mark inside the interval": "5 5",
    "one trader crossing itself": "5 5",
    "one trader only": "0",
    "two orders of one account at one price": "5 2 7",
    "price of zero": "5 5",
    "highest price": "5 5",
    "largest quantity": "4294967295 4294967295",
    "largest quantity at the highest price": "r10 0 r10",
    "highest fee rate": "5 5",
    "no fee": "5 5",
    "the fund trades": "5 5",
    "position netted to nothing": "5 5",
    "position turned round": "9 9",
    "one position too many": "1 r7 1 0",
    "a new position counts once": "1 1 2",
    "expiry makes room": "1 1",
    "standard leaf full": "1 r7 1 0 2",
    "withdrawal of what expired": "0",
    "margin exactly met": "4 4",
    "margin missed by one cash unit": "r10 0",
    "closing an underwater short": "4 4",
    "each order fine and both not": "r10 r10 0 0",
    "ratio of one": "5 5",
    "highest ratio": "r10 0",
    "slot used in an earlier batch": "r3 0",
    "slot twice in a touch": "5 r3 5",
    "slot taken by an order refused later": "r6 r3 0",
    "epoch raise clears the bitmap": "5 5",
    "newer order kills an older one before it": "r3 5 5",
    "cancel kills what is older": "r3 0 0",
    "order outside its window raises no epoch": "r2 5 5 r2",
    "void kills what did not choose to survive": "r2 5 5",
    "orders of nobody": "r1 r1",
    "unsigned order of nobody": "r1",
    "unknown below between and above": "r4 r4 r4 r4",
    "no open instrument": "r5 r4",
    "no row at all": "r4",
    "full tables up to the last id": "5 5",
    "fee rate exactly allowed and one less": "5 r6 5",
    "just within range": "60 60",
    "just out of range": "r8 0",
    "withdrawal refused for range": "r8",
    "largest deposit": "r8",
    "everything refused": "r2 r3 r3 r4 r5 r6 r9 r10 r1",
    "account opened by its first deposit trades": "5 5",
    "account opened while its orders are refused": "r10 0",
    "last leaf of the standard tree": "5 5",
    "withdrawal exactly covered": "4 0 4",
    "withdrawal missed by one cash unit": "4 r9 4",
    "withdrawal refused for margin": "r10",
    "withdrawal of nothing": "0",
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_order_of_a_degenerate_batch_ends_as_the_text_says(name: str) -> None:
    result = KINDS[name].set_up().run()
    orders = sorted((order for touch in result.touches for order in touch.orders), key=lambda order: order.sequence)
    assert " ".join(f"r{order.reason.value}" if order.reason else str(order.fill) for order in orders) == OUTCOMES[name]


def test_there_are_fifty_degenerate_kinds() -> None:
    assert len(KINDS) >= 50


@pytest.mark.parametrize("seed", range(60 if FULL else 6))
def test_random_batches_keep_every_promise(seed: int) -> None:
    for case in random_run(DEV, seed):
        check_promises(case.result)
        assert batch_from(batch_json(case.params, case.batch)) == case.batch
        assert state_from(state_json(case.params, case.state)) == case.state


def test_random_standard_batches_keep_every_promise() -> None:
    for case in random_run(STANDARD, 0, 2):
        check_promises(case.result)


def test_admission_leaves_no_account_short_whatever_part_executes() -> None:
    checked = 0
    for seed in range(100, 106):
        for case in random_run(DEV, seed):
            for touch in case.result.touches:
                checked += survives_any_execution(case.result, touch)
    assert checked > 20


def survives_any_execution(result: Result, touch: ClearedTouch) -> int:
    """Tries part executions at prices up to the limit; returns how many it tried.

    Where an order makes a scenario no worse (D_s = 0) that scenario may stay short."""
    context, rng = result.batch.context, random.Random(touch.touch_hash)
    trades = [c.order for c in touch.orders if c.admitted and c.order.kind == Kind.TRADE]
    table = {row.instrument: row for row in result.batch.risk}
    ratio = Ratio(context.num, context.den, context.fee_rate)
    for _ in range(8 if trades else 0):
        parts = [(order, rng.choice((0, order.quantity, rng.randrange(order.quantity + 1)))) for order in trades]
        cash = touch.cash - 10**8 * touch.paid
        for order, fill in parts:
            price = order.limit if rng.random() < 0.5 else better_price(rng, order)
            cash -= premium(order, fill, price) + fee(context.fee_rate, fill, price)
        held = net(touch.expiry.held, position_changes(parts))
        after = margin(table, ratio, result.params.scenarios, cash, held, [], 0)
        judged = touch.admission.margin
        worse = [c for c, d in zip(after.claims, judged.differences, strict=True) if d != 0]
        assert all(claim >= 0 for claim in worse)
    return 8 if trades else 0


def better_price(rng: random.Random, order: Order) -> int:
    return rng.randrange(order.limit + 1) if order.side == Side.BUY else order.limit + rng.randrange(1000)


def test_a_refused_batch_leaves_the_state_as_it_was() -> None:
    s = KINDS["margin exactly met"].set_up()
    before, root = dict(s.state.leaves), state_root(DEV, s.state)
    s.sequence = 7
    s.order(2, 100, Side.BUY, 1, 1)
    with pytest.raises(UnprovableError):
        s.run()
    assert dict(s.state.leaves) == before
    assert state_root(DEV, s.state) == root


# What makes a batch unprovable


def altered(change: Callable[[Scene], object]) -> Scene:
    """A fine batch of two traders after one change."""
    s = KINDS["balanced book"].set_up()
    change(s)
    return s


def sealed_of(s: Scene, index: int) -> SealedOrder:
    return s.plans[index].orders[0]


def alter_order(s: Scene, **fields: Any) -> None:  # noqa: ANN401
    sealed = sealed_of(s, 1)
    order = replace(sealed.order, **fields)
    alter_sealed(s, 1, replace(sealed, order=order, signature=signature_of(1, order_hash(DOMAIN, order))))


def alter_sealed(s: Scene, index: int, sealed: SealedOrder) -> None:
    s.plans[index].orders[0] = sealed


def reverse_orders(s: Scene) -> None:
    s.order(1, 100, Side.BUY, 1, 1)
    s.plans[1].orders.reverse()


def withdraw_twice(s: Scene) -> None:
    s.plans[1].orders.clear()
    for sequence in (1, 3):
        s.sequence = sequence - 1
        s.withdraw(1, 1, 1)


def steal_account(s: Scene) -> None:
    s.state = State({**s.state.leaves, 1: replace(s.state.leaves[1], owner=5)})


def sign_with(s: Scene, key: Point) -> None:
    s.unusable[1] = key
    s.account(1, 10**17)


def hold_unpriced(s: Scene) -> None:
    s.account(3, 0, [(77, 1)])
    s.plan(3)


def add_rows(s: Scene) -> None:
    for i in range(8):
        s.row(200 + i, 1)


def alter_context(s: Scene, **fields: Any) -> None:  # noqa: ANN401
    s.context = replace(s.context, **fields)


STATICALLY_WRONG: dict[str, Callable[[Scene], object]] = {
    "signature of another order": lambda s: alter_sealed(
        s, 1, replace(sealed_of(s, 1), signature=sealed_of(s, 2).signature)
    ),
    "holder who does not own the account": steal_account,
    "order under a key off the curve": lambda s: sign_with(s, Point(1, 1)),
    "order under a key of low order": lambda s: sign_with(s, babyjub.IDENTITY),
    "instrument of zero": lambda s: alter_order(s, instrument=0),
    "cancel with an instrument": lambda s: alter_order(s, kind=Kind.CANCEL),
    "quantity of zero": lambda s: alter_order(s, quantity=0),
    "quantity too large": lambda s: alter_order(s, quantity=2**32),
    "limit too high": lambda s: alter_order(s, limit=2**42),
    "nonce slot too high": lambda s: alter_order(s, slot=64),
    "recipient of a trade": lambda s: alter_order(s, recipient=1),
    "order of another account": lambda s: alter_order(s, account=2),
    "sequence number missing": lambda s: s.plans[1].orders.clear(),
    "sequence number twice": lambda s: alter_sealed(s, 1, replace(sealed_of(s, 1), sequence=2)),
    "sequence falling in a touch": reverse_orders,
    "two withdrawals": withdraw_twice,
    "too many orders": lambda s: [s.order(1, 100, Side.BUY, 1, 1) for _ in range(2)],
    "exit with orders": lambda s: s.exit(1, 5),
    "no touch of leaf 0": lambda s: s.plans.pop(0),
    "index outside the tree": lambda s: s.deposit(512, 5),
    "deposit too large": lambda s: s.deposit(3, 2**64),
    "instrument in both tables": lambda s: s.settle(100, 5),
    "position without a row": hold_unpriced,
    "too many risk rows": add_rows,
    "risk value out of range": lambda s: s.row(100, 5, [2**42] * 4),
    "fee rate of everything": lambda s: alter_context(s, fee_rate=10_000),
    "ratio below one": lambda s: alter_context(s, num=3),
    "batch of zero": lambda s: alter_context(s, batch=0),
    "a void batch that is not below the batch": lambda s: alter_context(s, last_void=10),
}


@pytest.mark.parametrize("name", STATICALLY_WRONG)
def test_statically_wrong_batch_cannot_be_proven(name: str) -> None:
    altered(lambda _: None).run()
    with pytest.raises(UnprovableError):
        altered(STATICALLY_WRONG[name]).run()


# The text


def docstrings() -> list[tuple[str, str]]:
    """(module.name, docstring) of everything in the reference."""
    found = []
    for path in sorted((Path(__file__).parent / "reference").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                name = path.stem if isinstance(node, ast.Module) else f"{path.stem}.{node.name}"
                found.append((name, ast.get_docstring(node) or ""))
    return found


def plain(text: str) -> str:
    """Text without marks of emphasis and code, spaces single."""
    return re.sub(r"\s+", " ", re.sub(r"[`*]", "", text))


def quotations() -> list[tuple[str, str]]:
    """What docstrings that name a section put in quotation marks."""
    named = re.compile(r"(Section \d|Introduction)")
    return [
        (name, plain(quote))
        for name, text in docstrings()
        if named.match(text)
        for quote in re.findall(r'"([^"]{12,})"', text)
    ]


@pytest.mark.parametrize(("name", "quote"), quotations())
def test_what_the_reference_quotes_stands_in_the_protocol(name: str, quote: str) -> None:
    protocol = plain((Path(__file__).parents[1] / "docs" / "protocol.md").read_text(encoding="utf-8"))
    pattern = ".{0,400}?".join(re.escape(part.strip()) for part in re.split("…", quote))
    assert re.search(pattern, protocol), f"{name} quotes: {quote}"


# Vectors


@pytest.mark.parametrize("name", FILES)
def test_vectors_are_those_the_reference_writes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="ascii") == dump(FILES[name]())
