"""Cases of section 13 that all languages read: exit requests, and accounts that escape, the degenerate ones by name."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from . import tree
from .account import Holder, Leaf, Position, leaf_hash, owner
from .eddsa import public_key, sign
from .escape import Escape, escape_inputs, escape_message, value_places, worth
from .exchange import Json, address, hex_word, hex_words, holder_json, leaf_json, point_json, risk_row_json
from .exit import ExitRequest, exit_inputs, exit_message
from .field import MODULUS
from .params import CASH_PER_TOKEN, TOP, Params
from .risk import RiskRow

SECRET = bytes(range(32))
HIGHEST = 2**42 - 1
LONGEST, SHORTEST = 2**35 - 1, -(2**35)
FIRST_ID = 10
"""The least id of a table; instruments of even place are listed, of odd place settled."""


@dataclass(frozen=True)
class Plan:
    """An account to be: positions as (listed, quantity, value) in the order of their ids, cash, or the worth it is to come to."""

    name: str
    positions: tuple[tuple[bool, int, int], ...] = ()
    cash: int = 0
    worth: int | None = None
    index: int = 1


def plans(params: Params) -> Iterator[Plan]:
    """The degenerate accounts of a parameter set."""
    full = range(params.positions)
    yield Plan("nothing at all")
    yield Plan("cash only", cash=12_345 * CASH_PER_TOKEN + 678, index=0)
    yield Plan("all listed", tuple((True, 1 + i, 1_000_000 + i) for i in full), cash=7, index=params.capacity - 1)
    yield Plan("all settled", tuple((False, 1 + i, 2_000_000 + i) for i in full), cash=7)
    yield Plan("mixed, long and short", tuple((i % 3 == 0, (-1) ** i * (100 + i), 1_000 * i) for i in full), 10**15)
    yield Plan("first place empty", tuple((i % 2 == 0, -5, 77) for i in range(params.positions - 1)), 10**12)
    yield Plan("one settled at nothing", ((False, -3, 0),), 10**9)
    yield Plan("worth exactly nothing", ((True, 9, 1_000),), worth=0)
    yield Plan("worth one unit less than nothing", ((True, 9, 1_000),), worth=-1)
    yield Plan("worth exactly one token unit", ((False, -9, 1_000),), worth=CASH_PER_TOKEN)
    yield Plan("worth all but a token unit", ((False, -9, 1_000),), worth=CASH_PER_TOKEN - 1)
    yield Plan("deep in debt", tuple((True, SHORTEST, HIGHEST) for _ in full), -(2**91))
    yield Plan("worth more than 64 bits", tuple((i % 2 == 0, LONGEST, HIGHEST) for i in full), 2**91 - 1)
    yield Plan("worth the largest equity", ((True, 1, 1),), worth=(2**64 - 1) * CASH_PER_TOKEN + CASH_PER_TOKEN - 1)
    yield Plan("worth one more than the largest equity", ((True, 1, 1),), worth=2**64 * CASH_PER_TOKEN)


def escape_of(rng: random.Random, params: Params, plan: Plan) -> Escape:
    """The account of a plan in a state of others, with tables that hold what it needs and more."""
    who = Holder(public_key(SECRET), rng.randrange(MODULUS), rng.randrange(2**32))
    step = max(1, (TOP - FIRST_ID) // (4 * params.rows))
    ids = [FIRST_ID + step * i for i in range(len(plan.positions))]
    if plan.name.startswith("all") and ids:
        ids[-1] = TOP - 1
    held = tuple(Position(i, quantity) for i, (_, quantity, _) in zip(ids, plan.positions, strict=True))
    values = dict(zip(ids, plan.positions, strict=True))
    table = [row_of(rng, params, i, value) for i, (listed, _, value) in values.items() if listed]
    settled = {i: value for i, (listed, _, value) in values.items() if not listed} | {5: 1}
    if len(table) < params.rows:
        table.insert(0, row_of(rng, params, 3, HIGHEST))
    leaf = Leaf(owner(who), plan.cash, rng.randrange(2**32), rng.randrange(2**64), 3, rng.randrange(MODULUS), held)
    domain, recipient = rng.randrange(MODULUS), rng.randrange(2**160)
    signature = sign(SECRET, escape_message(domain, plan.index, recipient))
    escape = Escape(domain, plan.index, recipient, who, signature, leaf, {}, table, settled)
    if plan.worth is not None:
        missing = plan.worth - worth(leaf.cash, value_places(params, escape))
        leaf = replace(leaf, cash=leaf.cash + missing)
    leaves = {rng.randrange(params.capacity): rng.randrange(MODULUS) for _ in range(5)}
    leaves[plan.index] = leaf_hash(params, leaf)
    return replace(escape, leaf=leaf, leaves=leaves)


def row_of(rng: random.Random, params: Params, instrument: int, mark: int) -> RiskRow:
    values = tuple(rng.randrange(2**42) for _ in range(params.scenarios))
    return RiskRow(instrument, mark, rng.randrange(2**42), rng.randrange(MODULUS), values)


def escape_case(params: Params, plan: Plan) -> Json:
    """A plan as JSON, with all its owner is told and the public inputs."""
    escape = escape_of(random.Random(f"tacit escape {params.name} {plan.name}"), params, plan)
    leaves = [{"index": index, "value": hex_word(escape.leaves[index])} for index in sorted(escape.leaves)]
    return {
        "name": plan.name,
        "params": params.name,
        "domain": hex_word(escape.domain),
        "index": escape.index,
        "recipient": address(escape.recipient),
        "holder": holder_json(escape.holder),
        "message": hex_word(escape_message(escape.domain, escape.index, escape.recipient)),
        "signature": {"r8": point_json(escape.signature.r8), "s": str(escape.signature.s)},
        "leaf": leaf_json(escape.leaf),
        "leaves": leaves,
        "path": [hex_words(children) for children in tree.path(escape.leaves, params.depth, escape.index)],
        "rows": [risk_row_json(row) for row in escape.table],
        "settled": [{"instrument": i, "value": str(value)} for i, value in sorted(escape.settled.items())],
        "worth": str(worth(escape.leaf.cash, value_places(params, escape))),
        "inputs": hex_words(escape_inputs(params, escape)),
    }


def exit_case(name: str, request: ExitRequest) -> Json:
    """A request as JSON, with its public inputs."""
    rng = random.Random(f"tacit exit {name}")
    who = Holder(public_key(SECRET), rng.randrange(MODULUS), rng.randrange(2**32))
    signature = sign(SECRET, exit_message(request))
    return {
        "name": name,
        "domain": hex_word(request.domain),
        "index": request.index,
        "recipient": address(request.recipient),
        "amount": str(request.amount),
        "number": request.number,
        "holder": holder_json(who),
        "message": hex_word(exit_message(request)),
        "signature": {"r8": point_json(signature.r8), "s": str(signature.s)},
        "inputs": hex_words(exit_inputs(request, who, signature)),
    }


def exit_requests() -> dict[str, ExitRequest]:
    """Both ends of every range, and one between."""
    rng = random.Random("tacit exits")
    return {
        "all least": ExitRequest(0, 0, 0, 0, 0),
        "all greatest": ExitRequest(MODULUS - 1, 2**21 - 1, 2**160 - 1, 2**64 - 1, 2**32 - 1),
        "some": ExitRequest(rng.randrange(MODULUS), 77, rng.randrange(2**160), 1_000_000, 2),
    }
