"""Orders, their receipts and the idempotency of their submission: every query about them.

An order's content is sealed in its row (:func:`content_place`); what leaves here unsealed are identifiers, states and receipts. Functions
take the caller's session: what belongs together is one transaction of whoever calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.orm import Session

from prover.orders import Holder as HolderContent
from prover.orders import Order as Content
from relayer.receipts import Receipt, SignedReceipt
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.models import Batch, Holder, Idempotency, Order, OrderState

PENDING: Final = (OrderState.WAITING, OrderState.RECEIPTED, OrderState.SEALED)
REFRESHED: Final = 3_600_000
"""Milliseconds in which the same registration again changes nothing."""
CHUNK: Final = 500
"""Values in one IN list: SQLite's default limit on variables is far above."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An order as it stands, without its content."""

    id: str
    hash: bytes
    owner: bytes
    account: int
    state: OrderState
    batch: int | None
    sequence: int | None
    previous: bytes | None
    receipt_signature: bytes | None
    position: int
    created_at: int
    updated_at: int

    @property
    def receipt(self) -> SignedReceipt | None:
        """Its receipt, once it has one."""
        if self.batch is None or self.sequence is None or self.previous is None or self.receipt_signature is None:
            return None
        return SignedReceipt(
            Receipt(self.hash, self.sequence, self.account, self.batch, self.previous), self.receipt_signature
        )


@dataclass(frozen=True, slots=True)
class Pending:
    """An order that is not settled, with its content."""

    id: str
    hash: bytes
    owner: bytes
    order: Content = field(repr=False)
    batch: int | None
    position: int


_COLUMNS: Final = (
    Order.id,
    Order.hash,
    Order.owner,
    Order.account,
    Order.state,
    Order.batch,
    Order.sequence,
    Order.previous,
    Order.receipt_signature,
    Order.position,
    Order.created_at,
    Order.updated_at,
)


def _stored(row: Row[*tuple[Any, ...]]) -> Stored:
    return Stored(**row._asdict())


def content_place(order: str) -> str:
    """Where an order's content is sealed."""
    return f"orders.content:{order}"


def content(sealer: Sealer, order: str, sealed: bytes) -> tuple[Content, str]:
    """An order and its packed signature (0x-hex), of what :func:`sealed_content` made."""
    wire = json.loads(sealer.open(content_place(order), sealed))
    return Content.from_wire(wire["order"]), wire["signature"]


def sealed_content(sealer: Sealer, order: str, wire: Mapping[str, Any], signature: str) -> bytes:
    """An order's wire form and packed signature, sealed for its row."""
    text = json.dumps({"order": wire, "signature": signature}, separators=(",", ":"))
    return sealer.seal(content_place(order), text.encode())


# ---- reading


def by_hash(session: Session, hashes: Sequence[bytes]) -> dict[bytes, Stored]:
    """The orders of these hashes that are known."""
    found: dict[bytes, Stored] = {}
    for at in range(0, len(hashes), CHUNK):
        query = select(*_COLUMNS).where(Order.hash.in_(hashes[at : at + CHUNK]))
        found |= {row.hash: _stored(row) for row in session.execute(query)}
    return found


def get(session: Session, order: str, owner: bytes) -> Stored | None:
    """An owner's order; None also if it is another's."""
    row = session.execute(select(*_COLUMNS).where(Order.id == order, Order.owner == owner)).one_or_none()
    return None if row is None else _stored(row)


def page(session: Session, owner: bytes, limit: int, before: int | None = None) -> list[Stored]:
    """An owner's orders, newest first, from below a position on."""
    query = select(*_COLUMNS).where(Order.owner == owner)
    if before is not None:
        query = query.where(Order.position < before)
    return [_stored(row) for row in session.execute(query.order_by(Order.position.desc()).limit(limit))]


def pending(session: Session, sealer: Sealer) -> Iterator[Pending]:
    """Every order that is not settled, opened, by arrival."""
    query = select(Order.id, Order.hash, Order.owner, Order.batch, Order.position, Order.content_sealed)
    query = query.where(Order.state.in_(PENDING), Order.content_sealed.is_not(None)).order_by(Order.position)
    for row in session.execute(query):
        order, _ = content(sealer, row.id, row.content_sealed)
        yield Pending(row.id, row.hash, row.owner, order, row.batch, row.position)


def misplaced(session: Session, owners: Mapping[int, int]) -> frozenset[int]:
    """Accounts with orders in unsettled batches whose owner is not the one of now: a reorganisation gave their index to somebody
    else, or to nobody. ``owners``: owner words by account, as the chain has them.
    """
    placed = select(Order.account, Order.owner).where(Order.batch.is_not(None), Order.state.in_(PENDING)).distinct()
    words = ((row.account, int.from_bytes(row.owner, "big")) for row in session.execute(placed))
    return frozenset(account for account, owner in words if owners.get(account) != owner)


def last_position(session: Session) -> int:
    """The place of the newest order; 0 before the first."""
    return session.scalar(select(func.max(Order.position))) or 0


def receipts(session: Session, batch: int) -> list[tuple[int, bytes, bytes]]:
    """(sequence, order hash, previous) of a batch's receipts, in sequence."""
    query = select(Order.sequence, Order.hash, Order.previous).where(Order.batch == batch, Order.sequence.is_not(None))
    return [(row.sequence, row.hash, row.previous) for row in session.execute(query.order_by(Order.sequence))]


def head(session: Session, batch: int) -> tuple[int, bytes] | None:
    """How many receipts of a batch were given and h of the last; None before the first."""
    row = session.execute(select(Batch.orders, Batch.receipts_hash).where(Batch.number == batch)).one_or_none()
    return None if row is None or row.receipts_hash is None else (row.orders or 0, row.receipts_hash)


def answered(session: Session, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """What was asked with these (scope, idempotency key), of those that are known: the hash of the order."""
    wanted = set(keys)
    found: dict[tuple[str, str], bytes] = {}
    scopes = sorted({scope for scope, _ in wanted})
    for at in range(0, len(scopes), CHUNK):
        names = sorted({key for scope, key in wanted if scope in set(scopes[at : at + CHUNK])})
        query = select(Idempotency.scope, Idempotency.key, Idempotency.request)
        query = query.where(Idempotency.scope.in_(scopes[at : at + CHUNK]), Idempotency.key.in_(names))
        found |= {(row.scope, row.key): row.request for row in session.execute(query)}
    return {each: request for each, request in found.items() if each in wanted}


# ---- writing


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Stores new orders: columns by name."""
    if rows:
        session.execute(insert(Order), [dict(row) for row in rows])


def remember(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Stores what idempotency keys were used for."""
    if rows:
        session.execute(insert(Idempotency), [dict(row) for row in rows])


def promise(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Gives waiting orders their receipts: id, batch, sequence, previous, receipt_signature each."""
    if rows:
        stamp = {"state": OrderState.RECEIPTED, "updated_at": now_ms()}
        session.execute(update(Order), [dict(row) | stamp for row in rows])


def end(session: Session, order: str, state: OrderState) -> bool:
    """Ends a waiting order; False if it does not wait."""
    change = update(Order).where(Order.id == order, Order.state == OrderState.WAITING)
    done = session.execute(change.values(state=state, updated_at=now_ms()).returning(Order.id))
    return done.one_or_none() is not None


def move_head(session: Session, batch: int, orders: int, receipts_hash: bytes) -> None:
    """Writes down how many receipts of a batch are given and h of the last, beside them. Not the time: everybody sees it, and would see
    orders come.
    """
    values = {"orders": orders, "receipts_hash": receipts_hash}
    session.execute(update(Batch).where(Batch.number == batch).values(values))


# ---- holders


def holder_place(owner: bytes) -> str:
    """Where an owner's holder is sealed."""
    return f"holders.holder:{owner.hex()}"


def keys(session: Session, owners: Sequence[bytes]) -> dict[bytes, tuple[bytes, bool]]:
    """Packed signing keys of the owners that are registered, and whether each has an account."""
    found: dict[bytes, tuple[bytes, bool]] = {}
    for at in range(0, len(owners), CHUNK):
        query = select(Holder.owner, Holder.key, Holder.account).where(Holder.owner.in_(owners[at : at + CHUNK]))
        found |= {row.owner: (row.key, row.account is not None) for row in session.execute(query)}
    return found


def register(session: Session, sealer: Sealer, holder: HolderContent, key: bytes, account: int | None) -> int | None:
    """Stores the opening of an owner word, with the packed signing key and the account if it has one; an owner that is there stays, but
    for its account, and is not forgotten for another while (:mod:`.retention`). The owner's account.
    """
    owner = holder.owner.to_bytes(32, "big")
    row = session.get(Holder, owner)
    if row is None:
        sealed = sealer.seal(holder_place(owner), json.dumps(holder.to_wire()).encode())
        row = Holder(
            owner=owner,
            key=key,
            subaccount=holder.subaccount,
            account=account,
            holder_sealed=sealed,
            created_at=now_ms(),
        )
        session.add(row)
    elif row.account is None:
        row.account = account
        row.created_at = max(row.created_at, now_ms() // REFRESHED * REFRESHED)
    return row.account
