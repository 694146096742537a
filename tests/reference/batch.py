"""A whole batch: state in, state out, and every output on the way.

`run_batch` follows the order of events the protocol fixes: expiry and deposit, admission of every
touch, auctions over all admitted orders, then fills, payments, fees and new leaves, touch by touch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from . import tree
from .account import Holder, Leaf, genesis_leaf, leaf_hash, owner, seal_reading
from .admission import Admission, Market, Opened, Reason, admit_exit, admit_orders
from .auction import Auction, Bid, clear
from .eddsa import verify
from .errors import UnprovableError
from .field import MODULUS, Word
from .margin import Ratio
from .netting import Expiry, expire, fee, net, position_changes, premium
from .order import Kind, Order, check_fields, order_hash
from .params import (
    AMOUNT_BITS,
    CASH_BOUND,
    CASH_PER_TOKEN,
    CASH_PER_VALUE,
    COUNTER_BITS,
    HIGHEST_FEE_RATE,
    POSITION_BOUND,
    TIME_BITS,
    Params,
)
from .risk import RiskRow, RowRef, SettledRow, check_tables, look_up, risk_root
from .seal import Touch, seal_root, touch_hash


@dataclass(frozen=True)
class Context:
    """Section 7: what the contract fixes for a batch. Time in seconds, fee rate in basis points."""

    domain: int
    batch: int
    last_void: int
    time: int
    fee_rate: int
    num: int
    den: int


@dataclass(frozen=True)
class Batch:
    """A sealed batch: context, both tables, and the touches in order."""

    context: Context
    risk: tuple[RiskRow, ...]
    settled: tuple[SettledRow, ...]
    touches: tuple[Touch, ...]


@dataclass(frozen=True)
class State:
    """The leaves that are not empty, by index."""

    leaves: Mapping[int, Leaf]


@dataclass(frozen=True)
class ClearedOrder:
    """What became of an order. `survived` tests 1 to 9; `admitted` all ten and no cancel; fill in lots."""

    order: Order
    sequence: int
    row: RowRef
    reason: Reason
    survived: bool
    admitted: bool
    fill: int
    fee: int


@dataclass(frozen=True)
class ClearedTouch:
    """What became of a touch. `path` is against the root just before it; `root` the root after it; `recipient` of word 4."""

    touch: Touch
    old: Leaf | None
    new: Leaf | None
    path: tuple[tuple[int, ...], ...]
    root: int
    opens: bool
    expiry: Expiry
    cash: int
    admission: Admission
    orders: tuple[ClearedOrder, ...]
    paid: int
    recipient: int
    fee_credit: int
    outcomes: tuple[int, ...]
    iv: int
    cipher: tuple[int, ...]
    touch_hash: int
    words: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """Every output of a batch; `auctions` one a risk row, `state` the state after."""

    params: Params
    batch: Batch
    state: State
    start_root: int
    end_root: int
    risk_root: int
    seal_root: Word
    active: int
    fees: int
    touches: tuple[ClearedTouch, ...]
    auctions: tuple[Auction, ...]
    closing_words: tuple[int, ...]


def genesis(params: Params, domain: int, fund: Holder) -> State:
    """Section 3, Genesis: "Leaf 0 is the fund. …; all other leaves are empty"."""
    return State({0: genesis_leaf(params, domain, fund)})


def state_root(params: Params, state: State) -> int:
    return tree.root({index: leaf_hash(params, leaf) for index, leaf in state.leaves.items()}, params.depth)


def context_word(context: Context) -> int:
    """Section 7: "context = batch + 2³²·last void + 2⁶⁴·time + 2¹⁰⁴·fee rate + 2¹¹⁸·num + 2¹²¹·den"."""
    return (
        context.batch
        + 2**32 * context.last_void
        + 2**64 * context.time
        + 2**104 * context.fee_rate
        + 2**118 * context.num
        + 2**121 * context.den
    )


def check_context(context: Context) -> None:
    """Sections 2 and 6: the ranges of a context."""
    if not 0 <= context.domain < MODULUS:
        raise UnprovableError(f"domain {context.domain:#x} is not a field element")
    if not 1 <= context.batch < 2**COUNTER_BITS:
        raise UnprovableError(f"batch {context.batch} is out of range")
    if not 0 <= context.last_void < context.batch:
        raise UnprovableError(f"last void batch {context.last_void} is not below batch {context.batch}")
    if not 0 <= context.time < 2**TIME_BITS:
        raise UnprovableError(f"time {context.time} is out of range")
    if not 0 <= context.fee_rate <= HIGHEST_FEE_RATE:
        raise UnprovableError(f"fee rate {context.fee_rate} is out of range")
    if not (context.den <= context.num <= 5 and 1 <= context.den <= 4):
        raise UnprovableError(f"margin ratio {context.num}/{context.den} is out of range")


def check_touch(params: Params, context: Context, leaf: Leaf | None, touch: Touch) -> None:
    """Section 4, Touch and "Statically wrong", for one touch; `leaf` as the batch finds it."""
    if not 0 <= touch.index < params.capacity:
        raise UnprovableError(f"index {touch.index} lies outside a tree of depth {params.depth}")
    if not (0 <= touch.holder.key.x < MODULUS and 0 <= touch.holder.key.y < MODULUS):
        raise UnprovableError(f"the key of account {touch.index} has a coordinate that is not a field element")
    if not 0 <= touch.holder.viewing_key < MODULUS:
        raise UnprovableError(f"the viewing key of account {touch.index} is not a field element")
    if not 0 <= touch.holder.subaccount < 2**32:
        raise UnprovableError(f"subaccount {touch.holder.subaccount} of account {touch.index} is out of range")
    if leaf is not None and leaf.owner != owner(touch.holder):
        raise UnprovableError(f"account {touch.index} has another owner")
    if not 0 <= touch.deposit < 2**AMOUNT_BITS:
        raise UnprovableError(f"deposit {touch.deposit} is out of range")
    if touch.exit is not None and not 0 <= touch.exit < 2**AMOUNT_BITS:
        raise UnprovableError(f"exit request {touch.exit} is out of range")
    if touch.exit is not None and (touch.deposit or touch.orders):
        raise UnprovableError(f"the exit touch of account {touch.index} holds something else")
    if len(touch.orders) > params.orders:
        raise UnprovableError(f"account {touch.index} has {len(touch.orders)} orders, at most {params.orders}")
    if sum(sealed.order.kind == Kind.WITHDRAW for sealed in touch.orders) > 1:
        raise UnprovableError(f"account {touch.index} has two withdrawals")
    if any(left.sequence >= right.sequence for left, right in pairwise(touch.orders)):
        raise UnprovableError(f"the sequence numbers of account {touch.index} are not increasing")
    for sealed in touch.orders:
        check_fields(sealed.order)
        if sealed.order.account != touch.index:
            raise UnprovableError(
                f"an order of account {sealed.order.account} stands in the touch of account {touch.index}"
            )
        if (leaf is not None or touch.deposit) and not verify(
            touch.holder.key, order_hash(context.domain, sealed.order), sealed.signature
        ):
            raise UnprovableError(f"the signature of order {sealed.sequence} does not verify")


def check_batch(params: Params, state: State, batch: Batch) -> None:
    """Section 4: raises UnprovableError for a batch that is statically wrong."""
    check_context(batch.context)
    check_tables(params, batch.risk, batch.settled)
    if not batch.touches or batch.touches[0].index != 0:
        raise UnprovableError("the first touch is that of leaf 0")
    if any(left.index >= right.index for left, right in pairwise(batch.touches)):
        raise UnprovableError("the indices of the touches are not strictly increasing")
    for touch in batch.touches:
        check_touch(params, batch.context, state.leaves.get(touch.index), touch)
    sequences = sorted(sealed.sequence for touch in batch.touches for sealed in touch.orders)
    if sequences != list(range(1, len(sequences) + 1)):
        raise UnprovableError(f"sequence numbers {sequences} are not 1 … {len(sequences)}, each once")


def check_leaf(params: Params, leaf: Leaf) -> None:
    """Section 2: the ranges a new leaf must keep."""
    if not -CASH_BOUND <= leaf.cash < CASH_BOUND:
        raise UnprovableError(f"cash {leaf.cash} is out of range")
    if not leaf.updates < 2**COUNTER_BITS:
        raise UnprovableError("an account has been updated too often")
    if len(leaf.positions) > params.positions:
        raise UnprovableError(f"{len(leaf.positions)} positions, at most {params.positions}")
    if any(not -POSITION_BOUND <= position.quantity < POSITION_BOUND for position in leaf.positions):
        raise UnprovableError("a position is out of range")


@dataclass(frozen=True)
class Admitted:
    """A touch after admission, before the auctions."""

    touch: Touch
    old: Leaf | None
    account: Opened
    opens: bool
    expiry: Expiry
    admission: Admission


def admit_touch(market: Market, settled: Sequence[SettledRow], old: Leaf | None, touch: Touch) -> Admitted:
    """Opens, expires, deposits and admits. Section 3: an empty leaf "stands for all fields zero and no owner. Only a deposit opens it"."""
    opens = old is None and touch.deposit > 0
    leaf = old if old is not None else Leaf(owner(touch.holder) if opens else 0)
    expiry = expire(market.params, leaf, settled)
    cash = leaf.cash + CASH_PER_VALUE * expiry.value + CASH_PER_TOKEN * touch.deposit
    account = Opened(old is not None or opens, leaf, cash, expiry.held)
    if touch.exit is not None:
        admission = admit_exit(market, account, touch.exit)
    else:
        admission = admit_orders(market, account, [sealed.order for sealed in touch.orders])
    return Admitted(touch, old, account, opens, expiry, admission)


def run_auctions(batch: Batch, admitted: Sequence[Admitted], active: int) -> tuple[Auction, ...]:
    """Section 5, for every risk row, over the admitted trades of the whole batch."""
    bids: dict[int, list[Bid]] = {row.instrument: [] for row in batch.risk}
    for entry in admitted:
        for sealed, reason in zip(entry.touch.orders, entry.admission.reasons, strict=False):
            order = sealed.order
            if reason == Reason.NONE and order.kind == Kind.TRADE:
                bids[order.instrument].append(Bid(sealed.sequence, order.side, order.quantity, order.limit))
    return tuple(clear(bids[row.instrument], row.mark, active) for row in batch.risk)


def clear_orders(batch: Batch, entry: Admitted, auctions: Mapping[int, Auction]) -> tuple[ClearedOrder, ...]:
    """Reasons, fills and fees of a touch's orders."""
    cleared = []
    for sealed, reason, survived in zip(
        entry.touch.orders, entry.admission.reasons, entry.admission.survived, strict=True
    ):
        order = sealed.order
        admitted = reason == Reason.NONE and order.kind != Kind.CANCEL
        fill = auctions[order.instrument].fills[sealed.sequence] if admitted and order.kind == Kind.TRADE else 0
        cost = fee(batch.context.fee_rate, fill, auctions[order.instrument].price) if fill else 0
        row = look_up(batch.risk, batch.settled, order.instrument)
        cleared.append(ClearedOrder(order, sealed.sequence, row, reason, survived, admitted, fill, cost))
    return tuple(cleared)


def outcome_words(params: Params, orders: Sequence[ClearedOrder]) -> list[int]:
    """Section 8: "u_j = Σ_{i<7} 2^{36i}·(fill_{7j+i} + 2³²·reason_{7j+i})"."""
    parts = [order.fill + 2**32 * order.reason for order in orders] + [0] * (params.orders - len(orders))
    return [sum(2 ** (36 * i) * part for i, part in enumerate(parts[j : j + 7])) for j in range(0, params.orders, 7)]


def new_leaf(entry: Admitted, orders: Sequence[ClearedOrder], prices: Mapping[int, Auction], fee_credit: int) -> Leaf:
    """The leaf after fills, payment and fees, its salt still 0. Section 4: "A slot is marked in the new leaf when its order is

    filled in any part or its withdrawal is made"."""
    filled = [order for order in orders if order.fill]
    cash = entry.account.cash - CASH_PER_TOKEN * entry.admission.payable + fee_credit
    cash -= sum(premium(order.order, order.fill, prices[order.order.instrument].price) + order.fee for order in filled)
    bitmap = entry.admission.bitmap
    for order in orders:
        if order.fill or (order.admitted and order.order.kind == Kind.WITHDRAW):
            bitmap |= 1 << order.order.slot
    return Leaf(
        owner=entry.account.leaf.owner,
        cash=cash,
        epoch=entry.admission.epoch,
        bitmap=bitmap,
        updates=entry.account.leaf.updates + 1,
        positions=net(entry.account.held, position_changes([(order.order, order.fill) for order in filled])),
    )


def head_word(touch: Touch, opens: bool, paid: int) -> int:
    """Section 8, word 0: "index + 2²¹·live + 2²²·exit + 2²³·opens + 2²⁴·(deposit, or request of an exit) … + 2⁸⁸·paid out"."""
    flags = 2**21 + 2**22 * (touch.exit is not None) + 2**23 * opens
    given = touch.deposit if touch.exit is None else touch.exit
    return touch.index + flags + 2**24 * given + 2**88 * paid


def paid_recipient(orders: Sequence[ClearedOrder]) -> int:
    """Section 8, word 4: "recipient of a withdrawal made, else 0"."""
    return sum(order.order.recipient for order in orders if order.admitted and order.order.kind == Kind.WITHDRAW)


def closing_words(params: Params, batch: Batch, auctions: Sequence[Auction]) -> tuple[int, ...]:
    """Section 8: "a risk row id + 2²⁷·(traded ? p* : 0) + 2⁶⁹·traded, traded = buy volume > 0; then a settled row id + 2²⁷·value"."""
    open_words = [
        row.instrument + (2**27 * auction.price + 2**69 if auction.volume > 0 else 0)
        for row, auction in zip(batch.risk, auctions, strict=True)
    ]
    settled_words = [row.instrument + 2**27 * row.value for row in batch.settled]
    open_words += [0] * (params.rows - len(open_words))
    settled_words += [0] * (params.settled - len(settled_words))
    return tuple(open_words + settled_words)


def close_touch(
    params: Params, batch: Batch, entry: Admitted, auctions: Mapping[int, Auction], fee_credit: int
) -> ClearedTouch:
    """A touch's new leaf, sealed reading and data words; its path and root are filled in by `run_batch`."""
    touch, domain = entry.touch, batch.context.domain
    orders = clear_orders(batch, entry, auctions)
    outcomes = outcome_words(params, orders)
    commitment = touch_hash(params, domain, batch.context.batch, touch)
    paid, recipient = entry.admission.payable, paid_recipient(orders)
    new, iv, cipher = None, 0, (0,) * params.plain_words
    if entry.account.exists:
        bare = new_leaf(entry, orders, auctions, fee_credit)
        check_leaf(params, bare)
        reading = seal_reading(params, domain, touch.holder.viewing_key, touch.index, bare, outcomes)
        new, iv, cipher = replace(bare, salt=reading.salt), reading.iv, reading.cipher
    opened_owner = entry.account.leaf.owner if entry.opens else 0
    words = (
        head_word(touch, entry.opens, paid),
        commitment,
        leaf_hash(params, new),
        opened_owner,
        recipient,
        iv,
        *cipher,
    )
    return ClearedTouch(
        touch=touch,
        old=entry.old,
        new=new,
        path=(),
        root=0,
        opens=entry.opens,
        expiry=entry.expiry,
        cash=entry.account.cash,
        admission=entry.admission,
        orders=orders,
        paid=paid,
        recipient=recipient,
        fee_credit=fee_credit,
        outcomes=tuple(outcomes),
        iv=iv,
        cipher=cipher,
        touch_hash=commitment,
        words=words,
    )


def run_batch(params: Params, state: State, batch: Batch) -> Result:
    """Clears a sealed batch. Raises UnprovableError; `state` is never changed.

    Section 6, Fees: "Fees of the batch are credited to leaf 0 in its touch, after admission"."""
    check_batch(params, state, batch)
    context = batch.context
    if 0 not in state.leaves:
        raise UnprovableError("leaf 0 is empty")
    market = Market(
        params=params,
        batch=context.batch,
        last_void=context.last_void,
        ratio=Ratio(context.num, context.den, context.fee_rate),
        table={row.instrument: row for row in batch.risk},
        settled={row.instrument: row for row in batch.settled},
    )
    admitted = [admit_touch(market, batch.settled, state.leaves.get(touch.index), touch) for touch in batch.touches]
    active = sum(len(touch.orders) for touch in batch.touches)
    auctions = run_auctions(batch, admitted, active)
    by_id = {row.instrument: auction for row, auction in zip(batch.risk, auctions, strict=True)}
    fees = sum(order.fee for entry in admitted for order in clear_orders(batch, entry, by_id))

    leaves = dict(state.leaves)
    hashes = {index: leaf_hash(params, leaf) for index, leaf in leaves.items()}
    start_root = tree.root(hashes, params.depth)
    touches = []
    for entry in admitted:
        index = entry.touch.index
        closed = close_touch(params, batch, entry, by_id, fees if index == 0 else 0)
        path = tree.path(hashes, params.depth, index)
        if closed.new is not None:
            leaves[index] = closed.new
            hashes[index] = leaf_hash(params, closed.new)
        root = tree.root(hashes, params.depth)
        touches.append(replace(closed, path=tuple(map(tuple, path)), root=root))
    return Result(
        params=params,
        batch=batch,
        state=State(leaves),
        start_root=start_root,
        end_root=touches[-1].root,
        risk_root=risk_root(params, batch.risk),
        seal_root=seal_root([(closed.touch.index, closed.touch_hash) for closed in touches]),
        active=active,
        fees=fees,
        touches=tuple(touches),
        auctions=auctions,
        closing_words=closing_words(params, batch, auctions),
    )
