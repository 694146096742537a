"""Every request and answer of the public interface, typed. Units are those of docs/protocol.md section 2 where a field says no other:
quantities in lots (10⁻⁴ contract), prices in price units (10⁻⁶ quote), cash in 10⁻¹⁴ quote, token amounts in 10⁻⁶ quote.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from relayer.api.forms import (
    Address,
    Amount,
    Asked,
    BatchNumber,
    Bytes,
    Cursor,
    Id,
    KeyId,
    ReceiptSignature,
    Signature,
    Signed,
    Time,
    Told,
    Word,
)
from relayer.api.problems import Problem

MOST_BULK: Final = 20
MOST_LEGS: Final = 16

# ---- orders


class Envelope(Asked):
    """An HPKE envelope (docs/protocol.md and docs/relayer.md): what it holds opens for the operator alone."""

    key_id: KeyId
    first_batch: BatchNumber
    last_batch: BatchNumber
    encapsulated: Word
    ciphertext: Bytes


class Receipt(Told):
    """What the operator signed for an order (docs/protocol.md section 14)."""

    order: Word
    sequence: int
    account: int
    batch: int
    previous: Word
    signature: ReceiptSignature


class Receipted(Told):
    """An order with its place in a batch."""

    id: Id
    hash: Word
    state: str
    batch: int
    sequence: int
    receipt: Receipt


class Waiting(Told):
    """An order that waits for a batch, and has no receipt yet."""

    id: Id
    hash: Word
    state: str


class Bulk(Asked):
    """Several envelopes at once."""

    orders: Annotated[list[Envelope], Field(min_length=1, max_length=MOST_BULK)]


class BulkResult(Told):
    """What became of one of them: an order, or a problem."""

    status: int
    order: Receipted | Waiting | None
    problem: Problem | None


class BulkResults(Told):
    """What became of each, in the order of the request."""

    results: list[BulkResult]


class Issue(Told):
    """Something for which an order would be refused."""

    code: str
    detail: str
    values: dict[str, Any]


class Checked(Told):
    """What stands against an order now; nothing was stored. ``hash`` is what its owner must have signed, under ``domain``; null if the
    envelope does not open, or holds no order whose signature holds.
    """

    issues: list[Issue]
    hash: Word | None
    domain: Word


class OrderContent(Told):
    """An order as its owner wrote it, but for its salt."""

    account: int
    instrument: int
    name: str | None
    side: Literal["buy", "sell"]
    quantity: Amount
    limit: Amount
    max_fee_rate: int
    epoch: int
    slot: int
    first_batch: int
    last_batch: int
    survives_void: bool
    kind: Literal["trade", "withdraw", "cancel"]
    recipient: Address


class Result(Told):
    """What a batch made of an order: lots filled, clearing price, and the reason where it was refused."""

    fill: Amount
    price: Amount | None
    reason: int
    why: str


class Order(Told):
    """An order of the asker's own. ``content`` and ``result`` are null once deleted after finality, ``result`` before a settlement too."""

    id: Id
    hash: Word
    state: str
    batch: int | None
    sequence: int | None
    receipt: Receipt | None
    content: OrderContent | None
    result: Result | None
    created_at: Time
    updated_at: Time


class Orders(Told):
    """A page of them, newest first."""

    items: list[Order]
    next_cursor: Cursor | None


class Cancellation(Asked):
    """The owner's signature over the cancel message (tag 11) of the order's hash."""

    signature: Signature


# ---- accounts and sessions


class Registered(Told):
    """Who is registered; ``account`` once a deposit is on chain."""

    owner: Word
    account: int | None


class ChallengeAsked(Asked):
    """Who wants to be known."""

    owner: Word


class Challenge(Told):
    """What to sign (tag 12), until when. Answered for every owner word alike."""

    challenge: Word
    expires_at: Time


class SessionAsked(Asked):
    """The signed challenge."""

    owner: Word
    challenge: Word
    signature: Signature


class Session(Told):
    """A bearer token."""

    token: str
    expires_at: Time


class Position(Told):
    """Net lots of an instrument. Greeks of the whole position: ``delta`` 10⁻¹⁰ of the underlying, ``gamma`` 10⁻¹⁶, ``vega`` 10⁻¹⁰ quote a
    volatility point. What has settled has no Greeks, and its mark is the settlement value.
    """

    instrument: int
    name: str | None
    quantity: Signed
    mark: Amount | None
    value: Signed | None
    delta: Signed | None
    gamma: Signed | None
    vega: Signed | None
    settled: bool


class ScenarioMargin(Told):
    """What is left of the initial margin requirement in a scenario, in 10⁻¹⁴ quote; negative: short."""

    scenario: int | None
    label: str
    excess: Signed


class Nonce(Told):
    """The account's nonce epoch, its used slots as a bitmap, and the first slot that is neither used nor taken by an order that lives."""

    epoch: int
    bitmap: Amount
    free_slot: int | None


class WaitingDeposit(Told):
    """A deposit that no batch has credited."""

    entry: int
    payer: Address
    amount: Amount


class WaitingExit(Told):
    """An exit request that no batch has answered."""

    entry: int
    recipient: Address
    amount: Amount
    deadline: Time


class Account(Told):
    """The asker's own account after the last settled batch, at the marks in force. All of cash, positions and margin is null before the
    first batch that touched it.
    """

    owner: Word
    account: int | None
    subaccount: int
    batch: int
    cash: Signed | None
    equity: Signed | None
    positions: list[Position]
    margin: list[ScenarioMargin]
    nonce: Nonce | None
    updates: int | None
    deposits: list[WaitingDeposit]
    exits: list[WaitingExit]


class Fill(Told):
    """An order that a batch filled: ``premium`` and ``fee`` in 10⁻¹⁴ quote, exact."""

    order: Id
    hash: Word
    batch: int
    state: str
    instrument: int
    name: str | None
    side: Literal["buy", "sell"]
    quantity: Amount
    price: Amount
    premium: Amount
    fee: Amount


class Fills(Told):
    """A page of them, newest first."""

    items: list[Fill]
    next_cursor: Cursor | None


# ---- batches


class Step(Told):
    """When a batch came to a state."""

    state: str
    at: Time


class BatchTransaction(Told):
    """A transaction of a batch that is in the chain."""

    purpose: str
    hash: Word
    block: int


class Batch(Told):
    """A batch as everybody may see it. Numbers of orders and touches are public from the seal on."""

    number: int
    state: str
    epoch: int
    opened_at: Time | None
    sealed_at: Time | None
    touches: int | None
    orders: int | None
    seal_root: Word | None
    receipts_hash: Word | None
    start_root: Word | None
    end_root: Word | None
    segments: int | None
    proofs_done: int
    proofs_total: int | None
    r1: Word | None
    gas_used: int | None
    cost_wei: Amount | None
    updated_at: Time


class BatchDetail(Batch):
    """The same, with its way so far and what of it is in the chain."""

    steps: list[Step]
    transactions: list[BatchTransaction]


class Batches(Told):
    """A page of them, newest first."""

    items: list[Batch]
    next_cursor: Cursor | None


class Inclusion(Told):
    """Shows an order in a sealed batch, as the contract `Bonds` takes it: the touch's opening and its path to the root."""

    order: Id
    hash: Word
    batch: int
    sequence: int
    seal_root: Word
    receipts_hash: Word
    account: int
    position: int
    path: list[Word]
    slot: int
    hashes: list[Word]
    sequences: list[Word]
    salt: Word
    previous: Word


class VerificationAsked(Asked):
    """A settled batch by its number, or a settlement (``tacit.settlement.1``) with what is trusted (``tacit.expected.1``), if anything."""

    batch: BatchNumber | None = None
    settlement: dict[str, Any] | None = None
    expected: dict[str, Any] | None = None


class Verification(Told):
    """Whether every proof holds. ``against``: what was trusted, ``chain`` (the vault's own record), ``expected`` (the asker's) or
    ``claims`` (nothing but the settlement itself).
    """

    valid: bool
    against: Literal["chain", "expected", "claims"]
    batch: int
    start_root: Word
    end_root: Word
    detail: str | None


# ---- market


class Instrument(Told):
    """An instrument; ``name`` as Deribit writes it, null where the operator published none. ``settlement``: its value, once it has one."""

    id: int
    name: str | None
    type: Literal["C", "P"] | None
    strike: Amount | None
    expires_at: Time | None
    mark: Amount | None
    short_minimum: Amount | None
    delta: Signed | None
    gamma: Amount | None
    vega: Amount | None
    state: Literal["open", "settled"]
    settlement: Amount | None


class Instruments(Told):
    """A page of them, by id."""

    items: list[Instrument]
    next_cursor: Cursor | None


class RiskRow(Told):
    """A row of the table as it is proven."""

    instrument: int
    name: str | None
    mark: Amount
    short_minimum: Amount
    greeks: Word
    values: list[Amount]


class Scenario(Told):
    """What a scenario is called."""

    number: int
    label: str


class Risk(Told):
    """The risk table in force. ``stale`` after ``stale_at``: the vault opens no batch under it any more."""

    epoch: int
    risk_root: Word
    posted_at: Time
    stale_at: Time | None
    stale: bool
    fee_rate: int
    margin_num: int
    margin_den: int
    scenarios: list[Scenario]
    rows: list[RiskRow]


class State(Told):
    """The vault that is served, and the root of its accounts after the last settled batch."""

    chain_id: int
    vault: Address
    domain: Word
    params: str
    validium: bool
    receipt_signer: Address
    operator: Address
    bonds: Address
    token: Address
    fee_rate: int
    margin_num: int
    margin_den: int
    touches_a_segment: int
    orders_a_touch: int
    positions: int
    scenarios: int
    fingerprints: dict[str, str]
    batch: int
    root: Word
    next_batch: int
    open_batch: int | None
    epoch: int
    block: int | None
    frozen: bool
    retiring: bool


class Key(Told):
    """A public key that envelopes are encrypted to, when it is in force, and the signature of the vault's receipt signer on both
    (docs/protocol.md section 4): take no key without it.
    """

    id: KeyId
    public: Word
    not_before: Time
    not_after: Time
    signature: ReceiptSignature


class Keys(Told):
    """Every key in force, the one to use first; ``info`` of an envelope binds domain and vault too (docs/relayer.md)."""

    keys: list[Key]
    domain: Word
    vault: Address


# ---- quotes


class Leg(Asked):
    """A trade to be valued, by name or id, at ``limit``, or at the mark if there is none."""

    instrument: Annotated[str, Field(min_length=1, max_length=64)] | Annotated[int, Field(ge=1, lt=2**27)]
    side: Literal["buy", "sell"]
    quantity: Amount
    limit: Amount | None = None


class QuoteAsked(Asked):
    """Legs, and whose account they would join: the asker's own, which needs its session, or an empty one."""

    legs: Annotated[list[Leg], Field(min_length=1, max_length=MOST_LEGS)]
    owner: Word | None = None


class QuotedLeg(Told):
    """What a leg comes to if filled in full at its price; Greeks signed by its side, in the units of :class:`Position`."""

    instrument: int
    name: str | None
    side: Literal["buy", "sell"]
    quantity: Amount
    price: Amount
    premium: Amount
    fee: Amount
    delta: Signed
    gamma: Signed
    vega: Signed


class MarginEffect(Told):
    """Excess of initial margin in a scenario before and with the orders at their worst, in 10⁻¹⁴ quote."""

    scenario: int | None
    label: str
    before: Signed
    after: Signed


class Quote(Told):
    """What legs cost and do to margin. ``premium`` is paid (negative: received). ``admitted``: whether margin alone would admit them."""

    epoch: int
    batch: int
    legs: list[QuotedLeg]
    premium: Signed
    fee: Amount
    delta: Signed
    gamma: Signed
    vega: Signed
    margin: list[MarginEffect]
    admitted: bool
    scenario: str | None
    shortfall: Amount | None


# ---- health


class Health(Told):
    """The process answers."""

    live: Literal[True]


class Readiness(Told):
    """Whether it can do its work, and what is missing: codes (docs/api.md), on the operator's port words."""

    ready: bool
    reasons: list[str]
