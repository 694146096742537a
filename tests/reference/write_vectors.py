"""Writes the vectors that all languages read: `python -m tests.reference.write_vectors [FOLDER]`.

Every number comes from a fixed seed, so a second run writes the same bytes.
"""

import random
import sys
from pathlib import Path

from . import tree
from .account import Holder, Leaf, Position, genesis_leaf, leaf_hash, leaf_words, owner, seal_reading
from .auction import Bid, clear
from .babyjub import Point
from .batch import Batch, Result, State
from .degenerate import KINDS
from .eddsa import public_key, sign
from .exchange import (
    Json,
    address,
    batch_json,
    dump,
    hex_word,
    hex_words,
    holder_json,
    leaf_json,
    order_json,
    point_json,
    result_json,
    risk_row_json,
    settlement_json,
    state_json,
    touch_json,
)
from .features import features
from .field import MODULUS
from .generate import random_run
from .leaving import escape_case, exit_case, exit_requests, plans
from .order import Kind, Order, SealedOrder, Side, domain_of, fields_word, order_hash
from .params import DEV, LARGE, STANDARD, Params
from .poseidon import poseidon, sponge, sponge8
from .risk import RiskRow, risk_root, row_hash
from .seal import Touch, seal_leaf, seal_root, touch_hash
from .seed import holder as holder_of_seed
from .seed import signing_key
from .trading import cases as trading
from .transcript import Blinding, Header, segments, settle

FOLDER = Path(__file__).resolve().parent.parent / "vectors"
SECRET = bytes(range(32))


def holder(rng: random.Random) -> Holder:
    return Holder(public_key(rng.randbytes(32)), rng.randrange(MODULUS), rng.randrange(2**32))


def hashes(rng: random.Random) -> Json:
    """H_k, S and S₈ at every input length around the rate."""
    inputs = [rng.randrange(MODULUS) for _ in range(20)]
    return {
        "inputs": hex_words(inputs),
        "poseidon": [{"inputs": k, "out": hex_word(poseidon(*inputs[:k]))} for k in (1, 2, 4, 7, 8)],
        "sponge": [
            {"tag": tag, "inputs": n, "out": hex_word(sponge(tag, *inputs[:n]))}
            for tag, n in enumerate((0, 1, 7, 8, 9, 16, 17, 20), 1)
        ],
        "sponge8": [{"tag": 6, "inputs": n, "out": hex_words(sponge8(6, *inputs[:n]))} for n in (4, 8, 12)],
    }


def extreme_leaves(rng: random.Random, params: Params) -> list[Leaf]:
    full = tuple(Position(i + 1, 2**35 - 1 if i % 2 else -(2**35)) for i in range(params.positions))
    few = (Position(1, -1), Position(2**27 - 1, 7))
    return [
        Leaf(0),
        Leaf(MODULUS - 1, 2**91 - 1, 2**32 - 1, 2**64 - 1, 2**32 - 1, MODULUS - 1, full),
        Leaf(rng.randrange(MODULUS), -(2**91), 3, 1 << 63, 1, rng.randrange(MODULUS), few),
        Leaf(rng.randrange(MODULUS), rng.randrange(-(2**91), 2**91), 1, 5, 9, rng.randrange(MODULUS), few[:1]),
    ]


def leaf_case(rng: random.Random, params: Params, domain: int, leaf: Leaf) -> Json:
    key, index = rng.randrange(MODULUS), rng.randrange(params.capacity)
    outcomes = [rng.randrange(2**252) for _ in range(params.outcome_words)]
    reading = seal_reading(params, domain, key, index, leaf, outcomes)
    return {
        "params": params.name,
        "leaf": leaf_json(leaf),
        "words": hex_words(leaf_words(params, leaf)),
        "hash": hex_word(leaf_hash(params, leaf)),
        "reading": {
            "domain": hex_word(domain),
            "viewing_key": hex_word(key),
            "index": index,
            "outcomes": hex_words(outcomes),
            "iv": hex_word(reading.iv),
            "cipher": hex_words(reading.cipher),
            "salt": hex_word(reading.salt),
        },
    }


def extreme_orders(rng: random.Random) -> list[Order]:
    ones = Order(
        2**21 - 1,
        2**27 - 1,
        Side.BUY,
        2**32 - 1,
        2**42 - 1,
        9_999,
        2**32 - 1,
        63,
        2**32 - 1,
        2**32 - 1,
        True,
        Kind.TRADE,
        0,
        MODULUS - 1,
    )
    withdraw = Order(
        5, 0, Side.BUY, 10_000, 25, 0, 0, 1, 1, 9, True, Kind.WITHDRAW, rng.randrange(2**160), rng.randrange(MODULUS)
    )
    cancel = Order(9, 0, Side.SELL, 1, 0, 0, 7, 0, 2, 2, False, Kind.CANCEL, 0, rng.randrange(MODULUS))
    return [ones, withdraw, cancel, Order(1, 1, Side.SELL, 1, 0, 0, 0, 0, 0, 0, False, Kind.TRADE, 0, 0)]


def order_case(domain: int, order: Order) -> Json:
    message = order_hash(domain, order)
    signature = sign(SECRET, message)
    return {
        "order": order_json(order),
        "fields": hex_word(fields_word(order)),
        "hash": hex_word(message),
        "signature": {"r8": point_json(signature.r8), "s": str(signature.s)},
    }


def touch_case(rng: random.Random, params: Params, domain: int, count: int) -> Json:
    orders = [order for order in extreme_orders(rng) if order.kind != Kind.WITHDRAW][:count]
    who = holder(rng)
    sealed = tuple(
        SealedOrder(o, sign(SECRET, order_hash(domain, o)), 2**32 - 1 - count + i) for i, o in enumerate(orders)
    )
    touch = Touch(rng.randrange(params.capacity), who, 0, None, sealed)
    commitment = touch_hash(params, domain, 77, touch)
    return {
        "params": params.name,
        "batch": 77,
        "touch": touch_json(touch),
        "touch_hash": hex_word(commitment),
        "seal_leaf": "0x" + seal_leaf(touch.index, commitment).hex(),
    }


def seal_case(rng: random.Random, count: int) -> Json:
    entries = [(3 * i, rng.randrange(MODULUS)) for i in range(count)]
    listed = [{"index": index, "touch_hash": hex_word(commitment)} for index, commitment in entries]
    return {"touches": listed, "root": "0x" + seal_root(entries).hex()}


def risk_case(rng: random.Random, params: Params, count: int) -> Json:
    rows = []
    for i in range(count):
        values = tuple(rng.choice((0, 2**42 - 1, rng.randrange(2**42))) for _ in range(params.scenarios))
        rows.append(RiskRow(10 * i + 1, rng.randrange(2**42), rng.randrange(2**42), rng.randrange(MODULUS), values))
    return {
        "params": params.name,
        "rows": [risk_row_json(row) for row in rows],
        "hashes": [hex_word(row_hash(params, row)) for row in rows],
        "root": hex_word(risk_root(params, rows)),
    }


def tree_case(rng: random.Random, depth: int, count: int) -> Json:
    leaves = {rng.randrange(8**depth): rng.randrange(MODULUS) for _ in range(count)}
    listed = [{"index": index, "value": hex_word(leaves[index])} for index in sorted(leaves)]
    return {"depth": depth, "leaves": listed, "root": hex_word(tree.root(leaves, depth))}


def encodings() -> Json:
    """Sections 3, 4 and 6: every encoding by itself."""
    rng = random.Random("tacit encodings")
    contract, who = rng.randrange(2**160), holder(rng)
    domain = domain_of(31337, contract)
    genesis = [(params, genesis_leaf(params, domain, who)) for params in (DEV, STANDARD)]
    return {
        "hashes": hashes(rng),
        "domain": {"chain_id": 31337, "contract": address(contract), "domain": hex_word(domain)},
        "owner": {"holder": holder_json(who), "owner": hex_word(owner(who))},
        "off_curve": point_json(Point(1, 1)),
        "leaves": [
            leaf_case(rng, params, domain, leaf) for params in (DEV, STANDARD) for leaf in extreme_leaves(rng, params)
        ],
        "genesis": [
            {
                "params": params.name,
                "leaf": leaf_json(leaf),
                "hash": hex_word(leaf_hash(params, leaf)),
                "root": hex_word(tree.root({0: leaf_hash(params, leaf)}, params.depth)),
            }
            for params, leaf in genesis
        ],
        "order_secret": "0x" + SECRET.hex(),
        "orders": [order_case(domain, order) for order in extreme_orders(rng)],
        "touches": [touch_case(rng, params, domain, count) for params in (DEV, STANDARD) for count in (0, 1, 2)],
        "seals": [seal_case(rng, count) for count in (1, 2, 3, 5, 8)],
        "risk": [risk_case(rng, DEV, 0), risk_case(rng, DEV, 8), risk_case(rng, STANDARD, 9), risk_case(rng, LARGE, 1)],
        "trees": [tree_case(rng, depth, count) for depth, count in ((1, 3), (3, 0), (3, 20), (7, 12))],
    }


def clearing() -> Json:
    """Section 5: books with few prices, so that most of them tie; the mark inside and outside."""
    rng, books = random.Random("tacit clearing"), []
    for number in range(120):
        mark, spread = rng.choice((0, 5, 10, 1_000_000, 2**42 - 1)), rng.choice((0, 1, 3, 8))
        active = rng.randrange(13)
        bids = []
        for sequence in rng.sample(range(1, active + 1), active - (number % 3 == 0 and active > 0)):
            limit = min(max(0, mark + rng.randrange(-spread, spread + 1)), 2**42 - 1)
            quantity = rng.choice((1, 2, 3, 5, 2**32 - 1 if number % 10 == 0 else 4))
            bids.append(Bid(sequence, Side(rng.randrange(2)), quantity, limit))
        bids.sort(key=lambda bid: bid.sequence)
        cleared = clear(bids, mark, active)
        orders = [
            {
                "sequence": bid.sequence,
                "side": bid.side.name.lower(),
                "quantity": str(bid.quantity),
                "limit": str(bid.limit),
                "fill": str(cleared.fills[bid.sequence]),
            }
            for bid in bids
        ]
        books.append(
            {
                "mark": str(mark),
                "active_orders": active,
                "orders": orders,
                "price": str(cleared.price),
                "cut": cleared.cut,
                "cut_side": cleared.cut_side.name.lower(),
                "volume": str(cleared.volume),
                "count": str(cleared.count),
            }
        )
    return {"books": books}


def blinding_of(rng: random.Random, result: Result) -> Blinding:
    count = len(segments(result))
    rhos = tuple(rng.randrange(MODULUS) for _ in range(count))
    salts = tuple(rng.randrange(MODULUS) for _ in range(count))
    return Blinding(rhos, salts, rng.randrange(MODULUS), rng.randrange(MODULUS))


def batch_case(name: str, state: State, batch: Batch, result: Result) -> Json:
    rng = random.Random(f"tacit settlement {name}")
    header = Header(rng.randrange(2**32), rng.randrange(2**32), rng.randrange(2**160))
    blinding = blinding_of(rng, result)
    return {
        "name": name,
        "params": result.params.name,
        "features": sorted(features(result)),
        "state": state_json(result.params, state),
        "batch": batch_json(result.params, batch),
        "expected": result_json(result),
        "settlement": settlement_json(header, blinding, settle(result, header, blinding)),
    }


CHOSEN_KINDS = (
    "nothing at all",
    "tie cut in the middle",
    "position turned round",
    "expiry makes room",
    "margin exactly met",
    "margin missed by one cash unit",
    "void kills what did not choose to survive",
    "unsigned order of nobody",
    "unknown below between and above",
    "only deposits",
    "withdrawal exactly covered",
    "exit of more than the cash",
    "exit of nobody",
    "highest price",
)


def batches_dev() -> Json:
    """Some degenerate kinds and a run of four batches, each with every output and a settlement."""
    cases = []
    for name in CHOSEN_KINDS:
        scene = KINDS[name].set_up()
        cases.append(batch_case(name, scene.state, scene.batch(), scene.run()))
    for case in random_run(DEV, "vectors"):
        cases.append(batch_case(case.name, case.state, case.batch, case.result))
    return {"cases": cases}


def batches_standard() -> Json:
    """One batch of two segments at `standard`."""
    cases = [case for case in random_run(STANDARD, "vectors", 2) if len(case.result.touches) > STANDARD.touches]
    return {"cases": [batch_case(case.name, case.state, case.batch, case.result) for case in cases[:1]]}


def seeds() -> Json:
    """Keys of seeds in two vaults and at the ends of the subaccounts."""
    rng, cases = random.Random("seeds"), []
    for seed in (bytes(32), rng.randbytes(32)):
        for domain in (domain_of(1, rng.randrange(2**160)), MODULUS - 1):
            for subaccount in (0, 7, 2**32 - 1):
                own = holder_of_seed(seed, domain, subaccount)
                derived = {"signing_key": "0x" + signing_key(seed).hex(), "owner": hex_word(owner(own))}
                given = {"seed": "0x" + seed.hex(), "domain": hex_word(domain)}
                cases.append({**given, **holder_json(own), **derived})
    return {"cases": cases}


def leaving() -> Json:
    """Section 13: exit requests and escapes."""
    return {
        "secret": "0x" + SECRET.hex(),
        "exits": [exit_case(name, request) for name, request in exit_requests().items()],
        "escapes": [escape_case(params, plan) for params in (DEV, STANDARD) for plan in plans(params)],
    }


FILES = {
    "encodings.json": encodings,
    "clearing.json": clearing,
    "batches_dev.json": batches_dev,
    "batches_standard.json": batches_standard,
    "seeds.json": seeds,
    "leaving.json": leaving,
    "client.json": trading,
}


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in FILES.items():
        (folder / name).write_text(dump(make()), encoding="ascii")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
