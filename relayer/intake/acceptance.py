"""A group of orders becomes stored orders with receipts, or refusals, in one commit.

Guarantees: a receipt is given out only after the transaction that holds it is on disk; numbers of a batch run from 1 without a gap and none
is given twice, whatever fails in between; an order that is known gets the answer it got before. The lease and the batch's state are
checked in the transaction, so neither another leader nor a closing batch can come between. After a commit of unknown outcome everything
is read back before the next group.

One thread at a time calls :class:`Acceptance`; queueing is left to :mod:`.engine`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy.orm import Session

from prover.hashing import FIELD_ORDER
from relayer import points
from relayer.envelope import SignedOrder
from relayer.errors import ReceiptError
from relayer.intake import rules
from relayer.intake.book import Book, Held, Standing
from relayer.intake.chain import ReceiptChain
from relayer.intake.refusal import Code, Issue
from relayer.intake.rules import Place, Room
from relayer.intake.signer import ReceiptSigner
from relayer.intake.view import View
from relayer.receipts import Receipt, SignedReceipt
from relayer.store import events, orders
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Lease
from relayer.store.models import Batch, BatchState, OrderState

ID_BYTES: Final = 16
FUND: Final = 0
"""The account that every batch touches."""
ENDED: Final = (OrderState.CANCELLED, OrderState.LAPSED)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken: orders, accounts and withdrawals of a batch, orders that wait. ``forecast``: whether margin is looked at."""

    orders: int = 1_000
    accounts: int = 440
    withdrawals: int = 160
    waiting: int = 10_000
    forecast: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order whose signature holds, with its hash (32 bytes) and the key under which it is to be answered alike."""

    signed: SignedOrder = field(repr=False)
    hash: bytes
    idempotency_key: str | None = None

    @property
    def owner(self) -> bytes:
        """The owner word as stored."""
        return self.signed.owner.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A stored order: with its receipt, or waiting for the next batch."""

    id: str
    hash: bytes
    state: str
    batch: int | None
    sequence: int | None
    receipt: SignedReceipt | None


Answer = Acknowledged | Issue


class BatchClosed(Exception):  # noqa: N818 - what happened
    """The batch that receipts were made for takes no orders any more."""


class NotCovered(Exception):  # noqa: N818 - what happened
    """The operator's bond covers fewer orders of the batch than receipts were made for: ``orders``."""

    def __init__(self, orders: int) -> None:
        self.orders = orders


@dataclass(slots=True)
class _Draft:
    """What a group comes to, before it is stored."""

    answers: dict[int, Answer] = field(default_factory=dict)
    promised: list[tuple[int, Held]] = field(default_factory=list)
    waiting: list[tuple[int, Held]] = field(default_factory=list)
    same: list[tuple[int, str]] = field(default_factory=list)
    keys: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)


class Acceptance:
    """Takes groups of orders, for who holds the lease."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        signer: ReceiptSigner,
        limits: Limits,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.database, self.sealer, self.signer, self.limits = database, sealer, signer, limits
        self.book = Book()
        self.broken: ReceiptError | None = None
        self._clock = clock
        self._chain: ReceiptChain | None = None
        self._looked_at: int | None = None
        self._position = 0
        self._turns: list[str] = []
        self._turns_to = 0
        self._stale = True

    # ---- what is known

    def forget(self) -> None:
        """Has everything read back before the next group: somebody else wrote, or it is not known what was written."""
        self._stale = True

    def settle(self, batch: int) -> None:
        """The view's state is that after ``batch`` now."""
        self.book.settle(batch)

    def read_back(self, view: View) -> None:
        """Orders, and the chain of the open batch, as they are stored."""
        if not self._stale and self._looked_at == view.open:
            return
        with self.database.read() as session:
            if self._stale:
                held = (
                    Held(p.id, p.hash, p.owner, p.order, p.batch, p.position)
                    for p in orders.pending(session, self.sealer)
                )
                self.book = Book(held)
                # Never back: one that was given and not stored may be behind turns that are dealt already.
                self._position = max(self._position, orders.last_position(session))
            self._chain, self.broken = None, None
            if view.open is not None:
                self._read_chain(session, view.terms.domain, view.open)
        self._stale, self._looked_at = False, view.open

    def _read_chain(self, session: Session, domain: int, batch: int) -> None:
        """A chain that is not what was given ends the giving of receipts in its batch: orders wait for the next."""
        stored, head = orders.receipts(session, batch), orders.head(session, batch)
        try:
            self._chain = ReceiptChain.read(domain, batch, stored, head)
        except ReceiptError as error:
            self.broken = error

    # ---- new orders

    def take(self, lease: Lease, view: View, group: Sequence[Candidate], *, hold: bool = False) -> list[Answer]:
        """The answers to a group, once everything in it is on disk. ``hold``: older orders still wait for the open batch, so no receipts
        are given to newer ones.
        """
        while True:
            try:
                return self._take(lease, view, group, hold)
            except BatchClosed:
                view = closed(view)
            except NotCovered as short:
                view = replace(view, covered=short.orders)

    def judge(self, view: View, candidate: Candidate) -> list[Issue]:
        """Everything that stands against an order now; nothing is stored."""
        self.read_back(view)
        return list(self._issues(view, candidate))

    def _take(self, lease: Lease, view: View, group: Sequence[Candidate], hold: bool) -> list[Answer]:
        self.read_back(view)
        with self.database.read() as session:
            known = orders.by_hash(session, [each.hash for each in group])
            keys = orders.answered(session, [key for each in group if (key := _key(each))])
        draft = _Draft()
        self._stale = True  # until the commit has told its outcome, the book holds what may never be stored
        for at, candidate in enumerate(group):
            self._place(view, draft, at, candidate, known, keys, hold)
        try:
            self._store(lease, view, group, draft)
        except (BatchClosed, NotCovered):
            for _, held in (*draft.promised, *draft.waiting):
                self.book.drop(held)
            self._stale = False
            raise
        self._stale = False
        return [draft.answers[at] for at in range(len(group))]

    def _place(
        self,
        view: View,
        draft: _Draft,
        at: int,
        candidate: Candidate,
        known: dict[bytes, orders.Stored],
        keys: dict[tuple[str, str], bytes],
        hold: bool,
    ) -> None:
        """Decides on one order."""
        key = _key(candidate)
        asked = (keys.get(key) or (draft.keys[key][0] if key in draft.keys else None)) if key else None
        if asked is not None and asked != candidate.hash:
            what = "the idempotency key was used for another order"
            draft.answers[at] = Issue(Code.IDEMPOTENCY_MISMATCH, what)
        elif stored := known.get(candidate.hash):
            draft.answers[at] = again(stored)
        elif earlier := next(
            (held for _, held in (*draft.promised, *draft.waiting) if held.hash == candidate.hash), None
        ):
            draft.same.append((at, earlier.id))
        else:
            self._judged(view, draft, at, candidate, hold)

    def _judged(self, view: View, draft: _Draft, at: int, candidate: Candidate, hold: bool) -> None:
        order = candidate.signed.order
        found = next(self._issues(view, candidate, with_room=False), None)
        if found is not None:
            draft.answers[at] = found
            return
        standing = self.book.standing(order.account, view.open)
        where = rules.place(view, order, standing, self._room(view, hold, order.account))
        if isinstance(where, Issue):
            draft.answers[at] = where
            return
        self._position += 1
        batch = view.open if where is Place.RECEIPT else None
        held = Held(secrets.token_hex(ID_BYTES), candidate.hash, candidate.owner, order, batch, self._position)
        self.book.put(held)
        (draft.promised if where is Place.RECEIPT else draft.waiting).append((at, held))
        if key := _key(candidate):
            draft.keys[key] = (candidate.hash, held.id)

    def _issues(self, view: View, candidate: Candidate, with_room: bool = True) -> Iterator[Issue]:
        signed, order = candidate.signed, candidate.signed.order
        now = self._clock() // 1000
        fatal = rules.first([rules.account_issue(view, signed.owner, order), rules.service_issue(view, now)])
        if fatal:
            yield fatal
            return
        standing = self.book.standing(order.account, view.open)
        count = 0
        for issue in rules.state_issues(view, order, standing, self._forecasts(view)):
            count += 1
            yield issue
        if with_room and not count:
            where = rules.place(view, order, standing, self._room(view, False, order.account))
            if isinstance(where, Issue):
                yield where

    def _forecasts(self, view: View) -> bool:
        return self.limits.forecast if view.forecast is None else view.forecast

    def _room(self, view: View, hold: bool, account: int) -> Room:
        waiting, kept = self.limits.waiting - self.book.waiting_count, self.limits.waiting // rules.KEPT
        if view.open is None or hold or self._chain is None or self._chain.batch != view.open:
            return Room(0, 0, waiting, kept=kept)
        book, batch = self.book, view.open
        orders_left, accounts_left = (
            min(self.limits.orders, view.covered) - book.orders(batch),
            self.limits.accounts - len(book.accounts(batch)),
        )
        paying = book.withdrawals(batch) < self.limits.withdrawals
        return Room(orders_left, accounts_left, waiting, self._rows_left(view, batch, account), paying, kept)

    def _rows_left(self, view: View, batch: int, account: int) -> bool:
        """Whether the batch has settled rows for what an account holds of expired instruments beside all others in it."""
        own, others = self._rows_of(view, batch, account), self.book.accounts(batch)
        if not own or account in others:
            return True
        rows = own.union(*(self._rows_of(view, batch, other) for other in {FUND, *others}))
        return len(rows) <= view.terms.sizes.settled

    def _rows_of(self, view: View, batch: int, account: int) -> frozenset[int]:
        return (
            rules.rows_needed(view, account, self.book.standing(account, batch).sealed) if view.settled else frozenset()
        )

    def _store(self, lease: Lease, view: View, group: Sequence[Candidate], draft: _Draft) -> None:
        receipts, chain = self._signed(view, [held for _, held in draft.promised])
        signed = {held.id: receipt for (_, held), receipt in zip(draft.promised, receipts, strict=True)}
        new = [*draft.promised, *draft.waiting]
        if new:
            now = self._clock()
            rows = [
                self._row(group[at], held, signed.get(held.id), now)
                for at, held in sorted(new, key=lambda e: e[1].position)
            ]
            keys = [
                {"scope": scope, "key": key, "request": request, "order": order, "created_at": now}
                for (scope, key), (request, order) in draft.keys.items()
            ]
            points.reached("intake.before-commit")
            with self.database.write() as session:
                lease.check(session)
                self._advance(session, chain, len(receipts))
                orders.add(session, rows)
                orders.remember(session, keys)
                self._tell(session, rows)
            points.reached("intake.after-commit")
            self._chain = chain
        for at, held in new:
            draft.answers[at] = _acknowledged(held, signed.get(held.id))
        answers = {held.id: draft.answers[at] for at, held in new}
        draft.answers |= {at: answers[order] for at, order in draft.same}

    def _signed(self, view: View, held: Sequence[Held]) -> tuple[list[SignedReceipt], ReceiptChain | None]:
        """Signed receipts of orders that go into the open batch, and the chain with them."""
        if not held or self._chain is None:
            return [], self._chain
        receipts, chain = self._chain.following([(each.hash, each.order.account) for each in held])
        signatures = self.signer.sign_all([each.digest(view.terms.separator) for each in receipts])
        return [SignedReceipt(each, by) for each, by in zip(receipts, signatures, strict=True)], chain

    def _advance(self, session: Session, chain: ReceiptChain | None, given: int) -> None:
        """Moves the head of the chain, if the batch is open, the bond covers it as the pipeline last said, and the head is where this
        process left it.
        """
        if not given or chain is None:
            return
        row = session.get(Batch, chain.batch)
        if row is None or row.state is not BatchState.OPEN:
            raise BatchClosed
        if chain.sequence > row.covered:
            raise NotCovered(row.covered)
        stored = orders.head(session, chain.batch)
        if (0 if stored is None else stored[0]) != chain.sequence - given:
            raise ReceiptError(
                f"batch {chain.batch} has receipts that this process did not give", {"batch": chain.batch}
            )
        orders.move_head(session, chain.batch, chain.sequence, chain.receipts_hash)

    def _row(self, candidate: Candidate, held: Held, receipt: SignedReceipt | None, now: int) -> dict[str, Any]:
        wire = candidate.signed.to_wire()
        return {
            "id": held.id,
            "hash": held.hash,
            "owner": held.owner,
            "account": held.order.account,
            "state": OrderState.WAITING if receipt is None else OrderState.RECEIPTED,
            "batch": held.batch,
            "sequence": None if receipt is None else receipt.receipt.sequence,
            "previous": None if receipt is None else receipt.receipt.previous,
            "receipt_signature": None if receipt is None else receipt.signature,
            "content_sealed": orders.sealed_content(self.sealer, held.id, wire["order"], wire["signature"]),
            "result_sealed": None,
            "position": held.position,
            "created_at": now,
            "updated_at": now,
        }

    def _tell(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        """Tells owners what became of their orders."""
        told = [
            (
                row["owner"],
                {
                    "id": row["id"],
                    "hash": "0x" + row["hash"].hex(),
                    "state": str(row["state"]),
                    "batch": row["batch"],
                    "sequence": row["sequence"],
                },
            )
            for row in rows
        ]
        events.append_owned(session, "orders", told, self.sealer)

    # ---- waiting orders

    def promote(self, lease: Lease, view: View, seen: int, most: int) -> int | None:
        """Looks at ``most`` waiting orders behind the first ``seen`` (0: begins anew), in turns: those that have a place in the open batch
        get receipts, those that no batch can take any more lapse. How many have been looked at; None when none is left. Orders that come
        meanwhile have their turns behind all that were there.
        """
        while True:
            try:
                return self._promote(lease, view, seen, most)
            except BatchClosed:
                view = closed(view)
            except NotCovered as short:
                view = replace(view, covered=short.orders)

    def _promote(self, lease: Lease, view: View, seen: int, most: int) -> int | None:
        self.read_back(view)
        if view.open is None or self._chain is None:
            return None
        end = self._line_up(view.open, seen, most)
        look = [held for each in self._turns[seen:end] if (held := self.book.find_waiting(each))]
        promised: list[Held] = []
        lapsed: list[Held] = []
        self._stale = True
        for held in look:
            own = self.book.standing(held.order.account, view.open)
            beside = Standing(own.batch, own.sealed)
            if self._has_lapsed(view, held, beside):
                lapsed.append(held)
                self.book.drop(held)
            elif self._may_be_promised(view, held, beside):
                promised.append(replace(held, batch=view.open))
                self.book.put(promised[-1])
        if promised or lapsed:
            self._store_promises(lease, view, promised, lapsed)
        self._stale = False
        return end if end < len(self._turns) or self._turns_to < self._position else None

    def _line_up(self, batch: int, seen: int, most: int) -> int:
        """Up to where turns are looked at next. They are dealt once, and again to those who came since: not each time, where many wait."""
        if not seen:
            self._turns, self._turns_to = [], 0
        if seen >= len(self._turns):
            self._turns += [held.id for held in self.book.turns(batch, self._turns_to)]
            self._turns_to = self._position
        return min(seen + most, len(self._turns))

    def _may_be_promised(self, view: View, held: Held, beside: Standing) -> bool:
        order, owner = held.order, int.from_bytes(held.owner, "big")
        if rules.account_issue(view, owner, order) or rules.window_issue(view, order, view.batch):
            return False
        return rules.may_be_promised(view, order, beside, self._room(view, False, order.account))

    def _has_lapsed(self, view: View, held: Held, beside: Standing) -> bool:
        order, owner = held.order, int.from_bytes(held.owner, "big")
        if rules.account_issue(view, owner, order) is not None:
            # A reorganisation took the index: for good only once its owner has another that is deep enough.
            other = view.accounts.get(owner)
            return order.last_batch < view.batch or (other is not None and other not in view.unsure)
        if order.first_batch > view.batch:
            return False
        found = rules.state_issues(view, order, beside, with_forecast=False)
        return next(found, None) is not None

    def _store_promises(self, lease: Lease, view: View, promised: Sequence[Held], lapsed: Sequence[Held]) -> None:
        receipts, chain = self._signed(view, promised)
        rows = [
            {
                "id": held.id,
                "batch": signed.receipt.batch,
                "sequence": signed.receipt.sequence,
                "previous": signed.receipt.previous,
                "receipt_signature": signed.signature,
            }
            for held, signed in zip(promised, receipts, strict=True)
        ]
        points.reached("intake.before-promise")
        with self.database.write() as session:
            lease.check(session)
            self._advance(session, chain, len(receipts))
            orders.promise(session, rows)
            for held in lapsed:
                orders.end(session, held.id, OrderState.LAPSED)
            states = [(held, OrderState.RECEIPTED) for held in promised] + [
                (held, OrderState.LAPSED) for held in lapsed
            ]
            numbers = {row["id"]: row for row in rows}
            self._tell(session, [_told(held, state, numbers.get(held.id)) for held, state in states])
        points.reached("intake.after-promise")
        self._chain = chain

    # ---- cancels

    def cancel(self, lease: Lease, view: View, order: str) -> bool:
        """Ends a waiting order for its owner; False if it does not wait any more."""
        self.read_back(view)
        held = self.book.find_waiting(order)
        if held is None:
            return False
        self._stale = True
        points.reached("intake.before-cancel")
        with self.database.write() as session:
            lease.check(session)
            done = orders.end(session, held.id, OrderState.CANCELLED)
            if done:
                self._tell(session, [_told(held, OrderState.CANCELLED)])
        points.reached("intake.after-cancel")
        if done:
            self.book.drop(held)
            self._stale = False
        return done


def _told(held: Held, state: OrderState, numbers: Mapping[str, Any] | None = None) -> dict[str, Any]:
    own = numbers or {}
    place = {"batch": own.get("batch"), "sequence": own.get("sequence")}
    return {"id": held.id, "hash": held.hash, "owner": held.owner, "state": state, **place}


def closed(view: View) -> View:
    """The view with its open batch closed: orders are for the one after."""
    return view if view.open is None else replace(view, open=None, opened=None, batch=view.open + 1)


def again(stored: orders.Stored) -> Answer:
    """The answer to an order that is known: the same as before, as long as it stands."""
    if stored.state in ENDED:
        what = f"the order was {stored.state} before it had a receipt: send another, with another salt"
        return Issue(Code.CONFLICT, what, {"id": stored.id, "state": str(stored.state)})
    receipt = stored.receipt
    state = OrderState.WAITING if receipt is None else OrderState.RECEIPTED
    batch, sequence = (None, None) if receipt is None else (stored.batch, stored.sequence)
    return Acknowledged(stored.id, stored.hash, state, batch, sequence, receipt)


def _acknowledged(held: Held, receipt: SignedReceipt | None) -> Acknowledged:
    if receipt is None:
        return Acknowledged(held.id, held.hash, OrderState.WAITING, None, None, None)
    own: Receipt = receipt.receipt
    return Acknowledged(held.id, held.hash, OrderState.RECEIPTED, own.batch, own.sequence, receipt)


def _key(candidate: Candidate) -> tuple[str, str] | None:
    if candidate.idempotency_key is None:
        return None
    return candidate.owner.hex(), candidate.idempotency_key


def order_hash(signed: SignedOrder, domain: int) -> bytes:
    """o of an order, as stored; :class:`prover.errors.BatchError` for one out of range."""
    value = signed.order.hash(domain)
    if not 0 < value < FIELD_ORDER:
        raise ReceiptError("an order hash is above 0")
    return value.to_bytes(32, "big")
