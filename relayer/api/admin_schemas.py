"""Every request and answer of the operator's interface, typed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from relayer.api.forms import Address, Amount, Asked, Bytes, Cursor, Id, Time, Told, Word


class AttemptTold(Told):
    """A signed form of a transaction: fees in wei, ``channel`` private or public, how often it was sent."""

    hash: Word
    max_fee_wei: Amount
    priority_fee_wei: Amount
    channel: str
    block: int
    sends: int
    error: str | None
    created_at: Time


class Transaction(Told):
    """Something that is done on chain exactly once."""

    id: Id
    purpose: str
    batch: int | None
    sender: Address
    to: Address
    value_wei: Amount
    private: bool
    state: str
    nonce: int | None
    block: int | None
    mined_hash: Word | None
    gas_used: int | None
    cost_wei: Amount | None
    error: str | None
    created_at: Time
    updated_at: Time


class TransactionDetail(Transaction):
    """The same with its calldata and every attempt."""

    data: Annotated[str, Field(pattern=r"^0x([0-9a-f]{2})*$")]
    attempts: list[AttemptTold]


class Transactions(Told):
    """A page of them, newest first."""

    items: list[Transaction]
    next_cursor: Cursor | None


class PolicyChange(Asked):
    """Policies to change; what is not named stays. Null takes the configured value."""

    intake_paused: bool | None = None
    proving_paused: bool | None = None
    sending_paused: bool | None = None
    public_fallback: bool | None = None
    forecast: bool | None = None
    maximum_fee_gwei: Annotated[float, Field(gt=0, le=1e6)] | None = None
    maximum_priority_fee_gwei: Annotated[float, Field(gt=0, le=1e6)] | None = None
    close_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    close_orders: Annotated[int, Field(ge=1, le=2**31)] | None = None


class PolicyTold(Told):
    """The policies in force; null where the configuration decides."""

    intake_paused: bool
    proving_paused: bool
    sending_paused: bool
    public_fallback: bool | None
    forecast: bool | None
    maximum_fee_gwei: float | None
    maximum_priority_fee_gwei: float | None
    close_seconds: float | None
    close_orders: int | None


class SealAsked(Told):
    """The batch that closes as soon as it can."""

    batch: int
    state: str
    close_requested: bool


class RiskPut(Told):
    """The table that was stored: its root under the vault's parameter set, and the epochs that have it, newest first."""

    risk_root: Word
    instruments: int
    epochs: list[int]


class WebhookAsked(Asked):
    """Where events are to be sent, and of which channels (batches, transactions, alerts)."""

    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    channels: Annotated[list[str], Field(min_length=1, max_length=3)]


class Webhook(Told):
    """An address that is told events. Of the address its host alone is shown: the rest may hold a key."""

    id: Id
    host: str
    channels: list[str]
    delivered_seq: int
    failures: int
    next_at: Time
    created_at: Time


class WebhookMade(Webhook):
    """The same with the secret that signs deliveries, shown this once."""

    secret: Bytes


class Webhooks(Told):
    """A page of them, oldest first."""

    items: list[Webhook]
    next_cursor: Cursor | None


class Status(Told):
    """What an operator asks first (:mod:`relayer.watching`)."""

    ready: bool
    reasons: list[str]
    policies: PolicyTold
    details: dict[str, Any]
