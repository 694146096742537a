"""The tables of the relayer, for SQLite and PostgreSQL alike.

What an order says (and what became of it) is in columns named ``*_sealed`` alone, encrypted by :mod:`relayer.store.crypt`; every other
column may be read by whoever operates the service. Hashes, keys and owner words are 32 bytes, addresses lower-case ``0x`` text, times
milliseconds since 1970 but for chain times, which are seconds and say so. Wei are decimal text: they outgrow 64 bits.
"""

from __future__ import annotations

from enum import Enum, StrEnum

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy import Enum as Word
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

WORD_LENGTH = 16


def _words(kind: type[Enum]) -> list[str]:
    return [str(each.value) for each in kind]


class Base(DeclarativeBase):
    """All tables. States are words in text columns, so that a new one needs no change of a type."""

    metadata = MetaData(
        naming_convention={
            "ix": "%(column_0_label)s_index",
            "uq": "%(table_name)s_%(column_0_N_name)s_unique",
            "fk": "%(table_name)s_%(column_0_name)s_of_%(referred_table_name)s",
            "pk": "%(table_name)s_key",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        bytes: LargeBinary,
        int: BigInteger,
        str: String,
        Enum: Word(Enum, native_enum=False, length=WORD_LENGTH, values_callable=_words),
    }


WITH_CONTENT = "content_sealed IS NOT NULL"
"""Orders whose content is not deleted yet: few of all that there ever were."""
Counted = BigInteger().with_variant(Integer, "sqlite")
"""A key that counts up by itself: SQLite does so for INTEGER alone."""


class BatchState(StrEnum):
    """Where a batch is. ``OPENING``: its opening is on the way to the chain; ``CLOSING``: takes no orders, its seal is on the way."""

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    SEALED = "sealed"
    PROVING = "proving"
    PROVED = "proved"
    SUBMITTED = "submitted"
    MINED = "mined"
    FINAL = "final"
    FAILED = "failed"
    REORGED = "reorged"
    VOID = "void"
    EXPIRED = "expired"


class OrderState(StrEnum):
    """Where an order is. ``WAITING``: no receipt yet; ``RECEIPTED``: promised a place in its batch; ``SEALED``: in the seal on chain;
    ``SETTLED``: its batch is mined; ``FINAL``: its batch is final. ``CANCELLED`` by its owner while waiting, ``LAPSED``: window passed
    or batch void without leave to try again.
    """

    WAITING = "waiting"
    RECEIPTED = "receipted"
    SEALED = "sealed"
    SETTLED = "settled"
    FINAL = "final"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"


class TransactionState(StrEnum):
    """Where a transaction is. ``QUEUED``: no nonce yet; ``SENT``: attempts are out; ``MINED`` and ``FINAL``: in the chain;
    ``FAILED``: mined and reverted, or given up before it had a nonce.
    """

    QUEUED = "queued"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    FAILED = "failed"


class Setting(Base):
    """What belongs to the service as a whole: the vault it serves, policies set while it runs."""

    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class Lease(Base):
    """Who does a kind of work until when. ``token`` grows with every new holder, so that a former one is told apart."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    token: Mapped[int]
    expires_at: Mapped[int]


class EncryptionKey(Base):
    """A key that orders are encrypted to, with the signature that vouches for it. The private half is gone once ``deleted_at`` is set."""

    __tablename__ = "encryption_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    public: Mapped[bytes]
    private_sealed: Mapped[bytes | None]
    not_before: Mapped[int]
    not_after: Mapped[int]
    signature: Mapped[bytes]
    deleted_at: Mapped[int | None]


class Holder(Base):
    """Who the operator can read an account of: registered by its owner, with an account index once a deposit is on chain."""

    __tablename__ = "holders"
    owner: Mapped[bytes] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(index=True)
    subaccount: Mapped[int]
    account: Mapped[int | None] = mapped_column(unique=True)
    holder_sealed: Mapped[bytes]
    created_at: Mapped[int]


class Order(Base):
    """An acknowledged order. ``id`` is random; ``hash`` is o of the protocol, which its receipt and the chain's seal bind."""

    __tablename__ = "orders"
    id: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[bytes] = mapped_column(unique=True)
    owner: Mapped[bytes] = mapped_column(ForeignKey("holders.owner"), index=True)
    account: Mapped[int]
    state: Mapped[OrderState] = mapped_column(index=True)
    batch: Mapped[int | None]
    sequence: Mapped[int | None]
    previous: Mapped[bytes | None]
    receipt_signature: Mapped[bytes | None]
    content_sealed: Mapped[bytes | None]
    result_sealed: Mapped[bytes | None]
    position: Mapped[int] = mapped_column(unique=True)
    created_at: Mapped[int]
    updated_at: Mapped[int]
    __table_args__ = (
        UniqueConstraint("batch", "sequence"),
        Index("orders_owner_position", "owner", "position"),
        Index(
            "orders_with_content",
            "batch",
            "state",
            sqlite_where=text(WITH_CONTENT),
            postgresql_where=text(WITH_CONTENT),
        ),
    )


class Idempotency(Base):
    """What was answered to a request with an ``Idempotency-Key``: said again to the same request, refused to another."""

    __tablename__ = "idempotency"
    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[bytes]
    order: Mapped[str | None]
    created_at: Mapped[int] = mapped_column(index=True)


class Batch(Base):
    """A batch, by the vault's number. ``*_sealed`` hold the sealed batch (``tacit.batch.1``); ``settlement`` is public.

    ``receipts_known``: whether every receipt for a place in it is in this database. Where one may be missing (another database opened
    the batch, or this one was restored from a backup while it was open) it never takes orders and is never sealed from here.
    ``covered``: orders that the operator's free bond covered when it was last looked at; it takes no more.
    """

    __tablename__ = "batches"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[BatchState] = mapped_column(index=True)
    epoch: Mapped[int]
    opened_time: Mapped[int | None]
    close_requested: Mapped[bool] = mapped_column(default=False)
    receipts_known: Mapped[bool] = mapped_column(default=True)
    covered: Mapped[int] = mapped_column(default=0)
    touches: Mapped[int | None]
    orders: Mapped[int | None]
    seal_root: Mapped[bytes | None]
    receipts_hash: Mapped[bytes | None]
    deposit_end: Mapped[int | None]
    exit_end: Mapped[int | None]
    last_void: Mapped[int | None]
    sealed_time: Mapped[int | None]
    batch_sealed: Mapped[bytes | None]
    start_root: Mapped[bytes | None]
    end_root: Mapped[bytes | None]
    segments: Mapped[int | None]
    proofs_done: Mapped[int] = mapped_column(default=0)
    proofs_total: Mapped[int | None]
    r1: Mapped[bytes | None]
    settlement: Mapped[bytes | None]
    gas_used: Mapped[int | None]
    cost_wei: Mapped[str | None]
    reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[int]
    updated_at: Mapped[int]


class SealDraft(Base):
    """A seal that was put on its way: what was sealed with it, for as long as it may still be the one that is mined. ``batch_sealed`` as
    in the batch's row.
    """

    __tablename__ = "seal_drafts"
    batch: Mapped[int] = mapped_column(ForeignKey("batches.number"), primary_key=True)
    seal_root: Mapped[bytes] = mapped_column(primary_key=True)
    receipts_hash: Mapped[bytes]
    batch_sealed: Mapped[bytes]


class BatchStep(Base):
    """When a batch came to a state: every time, also again after a reorganisation."""

    __tablename__ = "batch_steps"
    id: Mapped[int] = mapped_column(Counted, Identity(), primary_key=True)
    batch: Mapped[int] = mapped_column(ForeignKey("batches.number"), index=True)
    state: Mapped[BatchState]
    at: Mapped[int]


class Snapshot(Base):
    """The accounts after a batch; batch 0 is genesis."""

    __tablename__ = "snapshots"
    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    root: Mapped[bytes]
    state_sealed: Mapped[bytes]


class ChainTransaction(Base):
    """Something to be done on chain exactly once: ``purpose`` says what (``seal:7``), so that no step is ever queued twice.

    ``position`` is its place in the queue, ``withdrawn`` why it is no longer wanted (its nonce, if it has one, is filled with an empty
    transfer), ``bump`` that the operator wants it replaced now, ``closed`` that nothing about it can change any more.
    """

    __tablename__ = "transactions"
    id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(index=True)
    purpose: Mapped[str] = mapped_column(unique=True)
    batch: Mapped[int | None] = mapped_column(index=True)
    sender: Mapped[str]
    to: Mapped[str]
    data: Mapped[bytes]
    value_wei: Mapped[str] = mapped_column(default="0")
    gas_limit: Mapped[int | None]
    private: Mapped[bool]
    state: Mapped[TransactionState] = mapped_column(index=True)
    nonce: Mapped[int | None]
    block: Mapped[int | None]
    block_hash: Mapped[bytes | None]
    mined_hash: Mapped[bytes | None]
    gas_used: Mapped[int | None]
    cost_wei: Mapped[str | None]
    error: Mapped[str | None] = mapped_column(Text)
    withdrawn: Mapped[str | None] = mapped_column(Text)
    bump: Mapped[bool] = mapped_column(default=False)
    closed: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[int]
    updated_at: Mapped[int]
    __table_args__ = (UniqueConstraint("sender", "nonce"),)


class Attempt(Base):
    """A signed form of a transaction that was, or was about to be, sent; ``channel`` is ``private`` or ``public``.

    ``block`` is the newest block when it was signed, ``sent_block`` when it was last sent. ``empty``: a transfer of nothing to the
    sender itself, which fills the nonce of what was withdrawn.
    """

    __tablename__ = "attempts"
    hash: Mapped[bytes] = mapped_column(primary_key=True)
    transaction: Mapped[str] = mapped_column(ForeignKey("transactions.id"), index=True)
    raw: Mapped[bytes]
    max_fee_wei: Mapped[str]
    priority_fee_wei: Mapped[str]
    channel: Mapped[str]
    empty: Mapped[bool] = mapped_column(default=False)
    nonce: Mapped[int]
    block: Mapped[int]
    sent_block: Mapped[int | None]
    sends: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[int]


class Nonce(Base):
    """The next nonce of a sender. Changed only in the transaction that stores what uses it."""

    __tablename__ = "nonces"
    sender: Mapped[str] = mapped_column(primary_key=True)
    following: Mapped[int]


class ChainBlock(Base):
    """A block that was followed, with its hash, so that a reorganisation is seen."""

    __tablename__ = "chain_blocks"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[bytes]
    parent: Mapped[bytes]
    time: Mapped[int]


class ChainRecord(Base):
    """What happened in the vault (:mod:`relayer.records`), in the order of the chain."""

    __tablename__ = "chain_records"
    block: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_hash: Mapped[bytes]
    kind: Mapped[str]
    payload: Mapped[bytes]


class RiskDocument(Base):
    """A risk table with its instruments' names, which the chain does not have; matched to an epoch by its root."""

    __tablename__ = "risk_documents"
    risk_root: Mapped[bytes] = mapped_column(primary_key=True)
    document: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int]


class Event(Base):
    """What is told to subscribers, in one gapless sequence. ``owner`` is whom alone it is for; then its payload is sealed. ``number``
    counts the events of its channel, of its owner alone where it has one: a subscriber sees no number that others make grow.
    """

    __tablename__ = "events"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(index=True)
    owner: Mapped[bytes | None] = mapped_column(index=True)
    number: Mapped[int]
    payload: Mapped[bytes]
    created_at: Mapped[int] = mapped_column(index=True)
    __table_args__ = (Index("events_stream", "channel", "owner", "number"),)


class Webhook(Base):
    """An address that is told events."""

    __tablename__ = "webhooks"
    id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    secret_sealed: Mapped[bytes]
    channels: Mapped[str]
    created_at: Mapped[int]
    delivered_seq: Mapped[int]
    failures: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[int]


class AuthChallenge(Base):
    """A challenge that an owner answered to be known, until nobody takes it any more: so it is used once."""

    __tablename__ = "auth_challenges"
    challenge: Mapped[bytes] = mapped_column(primary_key=True)
    owner: Mapped[bytes]
    expires_at: Mapped[int] = mapped_column(index=True)


class Session(Base):
    """An owner who proved who it is: the hash of a bearer token."""

    __tablename__ = "sessions"
    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    owner: Mapped[bytes] = mapped_column(index=True)
    expires_at: Mapped[int] = mapped_column(index=True)


class BondChallenge(Base):
    """A challenge on chain to a receipt of the operator's, until it is answered or over."""

    __tablename__ = "bond_challenges"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    batch: Mapped[int]
    sequence: Mapped[int]
    deadline: Mapped[int]
    state: Mapped[str] = mapped_column(index=True)
