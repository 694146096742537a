"""Orders from making to receipt, and what becomes of them. A receipt is checked before anything is told to have one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from prover.orders import Order
from prover.wire import element
from relayer import auth
from relayer.api import schemas
from relayer.chain import Address
from relayer.client.book import Book, Kept
from relayer.client.identity import Identity
from relayer.client.making import Number, Side, lots, price, token_units
from relayer.client.naming import numbers
from relayer.client.nonces import free_nonce
from relayer.client.problems import (
    PASSING,
    ClientError,
    Distrusted,
    FalseReceipt,
    Problem,
    UnknownAccount,
    UnknownInstrument,
    Unreachable,
)
from relayer.client.requests import Patience, read
from relayer.client.steps import Answer, Ask, Pause, Steps, work
from relayer.client.terms import Venue
from relayer.envelope import SignedOrder, seal_order
from relayer.errors import ReceiptError
from relayer.receipts import SignedReceipt
from relayer.seed import Seed

LIVING: Final = ("waiting", "receipted", "sealed")
AHEAD: Final = 2
"""Batches that a relayer may be ahead of the chain that a client sees."""
LEAP: Final = 64
"""Nonce epochs that a relayer may be ahead of the own book where no chain is seen: other clients of the same seed have raised them."""
LARGEST_LIMIT: Final = 2**42
GLANCES: Final = (0.25, 0.5, 1.0)
"""Seconds between looks at a chain that is behind a receipt."""
CREATED: Final = 201
SETTLING: Final = 0.5
"""Seconds between attempts while the relayer has not seen the account's first deposit."""
STARTS: Final = ("previous", "sequence")
KEY_GONE: Final = ("UNKNOWN_KEY", "DECRYPTION_FAILED")


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that the relayer has on disk: with a checked receipt, or waiting for a batch."""

    id: str
    hash: int
    state: str
    order: Order = field(repr=False)
    receipt: SignedReceipt | None = None

    @property
    def batch(self) -> int | None:
        """The batch it is promised a place in."""
        return None if self.receipt is None else self.receipt.receipt.batch

    @property
    def sequence(self) -> int | None:
        """Its number in that batch."""
        return None if self.receipt is None else self.receipt.receipt.sequence


class Trader(Identity):
    """An owner who trades."""

    def __init__(
        self,
        seed: Seed,
        venue_of: Venue,
        *,
        subaccount: int = 0,
        book: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(seed, venue_of, subaccount=subaccount, book=book, patience=patience)
        self._made: dict[tuple[int, int], int] = {}
        self._settled = 0
        self._names: dict[str, int] = {}
        self.meant: Mapping[str, int] | None = None
        """Ids by name, where the trader has its own."""

    # ---- making orders

    def trade(
        self,
        instrument: str | int,
        side: Side,
        quantity: Number,
        limit: Number,
        *,
        batches: int = 2,
        survives_void: bool = True,
    ) -> Steps[Order]:
        """A trade: ``quantity`` in contracts, ``limit`` in the quote currency a contract, valid for the next ``batches``."""
        if side not in ("buy", "sell"):
            raise ClientError("a side is buy or sell")
        number = yield from self.instrument(instrument)
        terms = yield from self.terms()
        fields = {"instrument": number, "buy": side == "buy", "quantity": lots(quantity), "limit": price(limit)}
        return (yield from self._order("trade", fields | {"max_fee_rate": terms.fee_rate}, batches, survives_void))

    def withdrawal(self, tokens: Number, recipient: Address, *, batches: int = 2) -> Steps[Order]:
        """Takes tokens out to a recipient, who claims them after the batch."""
        amount = token_units(tokens)
        quantity = next((q for q in range(1, 4096) if amount % q == 0 and amount // q < LARGEST_LIMIT), None)
        if not amount or quantity is None:
            raise ClientError("such an amount cannot be withdrawn by one order: take a rounder one, in several orders")
        fields: dict[str, int | str] = {"quantity": quantity, "limit": amount // quantity}
        fields["recipient"] = recipient.lower()
        return (yield from self._order("withdraw", fields, batches, True))

    def cancel_order(self, *, batches: int = 2) -> Steps[Order]:
        """An order of kind cancel: it raises the nonce epoch, so every older order of the account ends, receipts or not. It needs no
        nonce of its own, so it is made where all are taken.
        """
        index, (first, last) = (yield from self.index()), (yield from self._window(batches))
        account, listed, book = (yield from self.account()), (yield from self._listed()), (yield from self.book())
        told = _highest(account, listed)
        known = max(self._own_epoch(book, index), self._settled)
        if told > known + LEAP:
            known = max(known, (yield from self._read_epoch()) or 0)
        if told > known + LEAP:
            raise self._unknown_epoch(told, known)
        epoch = 1 + max(told, known)
        return Order(account=index, kind="cancel", epoch=epoch, first_batch=first, last_batch=last)

    def _order(
        self, kind: Literal["trade", "withdraw"], fields: Mapping[str, int | str], batches: int, survives: bool
    ) -> Steps[Order]:
        index, (first, last) = (yield from self.index()), (yield from self._window(batches))
        epoch, slot = yield from self._nonce(index, first)
        self._made[epoch, slot] = max(last, self._made.get((epoch, slot), 0))
        place = {"epoch": epoch, "slot": slot, "first_batch": first, "last_batch": last}
        return Order(account=index, kind=kind, survives_void=survives, **{**fields, **place})  # type: ignore[arg-type]

    def _window(self, batches: int) -> Steps[tuple[int, int]]:
        """First and last of the next ``batches``."""
        if batches < 1:
            raise ClientError("an order is valid for one batch at least")
        first = yield from self._next_batch()
        return first, first + batches - 1

    def instrument(self, named: str | int) -> Steps[int]:
        """The number of an instrument by its name, as Deribit writes names, or number. A name is kept with its number at first use."""
        if isinstance(named, int):
            return named
        if self.meant is not None:
            if named not in self.meant:
                raise UnknownInstrument("UNKNOWN_INSTRUMENT", 0, "your own instruments have none of this name")
            return self.meant[named]
        book = yield from self.book()
        if named not in self._names:
            listed = yield from self.instruments()
            self._names = numbers(listed, book.names)
        if named not in self._names:
            raise UnknownInstrument("UNKNOWN_INSTRUMENT", 0, "the relayer lists no instrument of this name")
        number = self._names[named]
        yield from work(lambda: book.naming(named, number))
        return number

    def instruments(self) -> Steps[list[schemas.Instrument]]:
        """Every instrument, open and settled, by id."""
        return (yield from self.requests.pages(schemas.Instruments, "/v1/instruments"))

    def _next_batch(self) -> Steps[int]:
        """The batch that an order sent now goes to; a relayer that names one far from the chain's is distrusted."""
        told = (yield from self.venue.state()).next_batch
        if self.venue.chain is not None:
            newest, opened = yield from self.venue.newest_batch()
            low = opened or newest + 1
            if not low <= told <= low + AHEAD:
                what = f"the relayer says that the next batch is {told}, the vault is at {low}"
                raise Distrusted(what, {"told": told, "vault": low})
        return told

    # ---- nonces

    def _nonce(self, index: int, batch: int) -> Steps[tuple[int, int]]:
        yield from work((yield from self.book()).refresh)
        account, listed, book = (yield from self.account()), (yield from self._listed()), (yield from self.book())
        epoch = yield from self._agreed_epoch(book, index, batch, _highest(account, listed))
        nonce = account.nonce
        used = int(nonce.bitmap) if nonce is not None and nonce.epoch == epoch else 0
        # What lives here is read last, with no step between it and the choice: other tasks make orders too.
        return free_nonce(epoch, used, listed | self._living(book, index, batch))

    def _living(self, book: Book, index: int, batch: int) -> set[tuple[int, int]]:
        """Nonces of own orders that a batch from ``batch`` on may still execute, whatever the relayer says of them."""
        return book.living(index, batch) | {each for each, last in self._made.items() if last >= batch}

    def _own_epoch(self, book: Book, index: int) -> int:
        """The highest nonce epoch of an own order, a cancel or not; 0 before the first."""
        return max([book.epoch(index), *(epoch for epoch, _ in self._made)])

    def _agreed_epoch(self, book: Book, index: int, batch: int, told: int) -> Steps[int]:
        """The nonce epoch to sign for. An order ends every own one of an older epoch, so a higher epoch than those of the own orders is
        believed of the chain; of the relayer only without a chain, near, and where no own order lives.
        """
        known = max(self._own_epoch(book, index), self._settled)
        if told <= known:
            return known
        settled = yield from self._read_epoch()
        known = max(known, settled or 0)
        if told <= known:
            return known
        ended = sorted({epoch for epoch, _ in self._living(book, index, batch)})
        if settled is not None or ended or told > known + LEAP:
            raise self._unknown_epoch(told, known, *ended[:1])
        return told

    def _unknown_epoch(self, told: int, known: int, *ended: int) -> Distrusted:
        chain = self.venue.chain is not None
        what = (
            f"the relayer names nonce epoch {told}, and book and chain know none above {known}: nothing is signed for it"
            f"{f', which would end own orders of epoch {ended[0]}' if ended else ''}. If another client of this seed has cancelled: wait "
            f"until its batch is settled{'' if chain else ', give rpc (the account is then read from the chain)'}, or end all older orders "
            "from here too (cancel_order, relayer order cancel --all)"
        )
        return Distrusted(what, {"told": told, "known": known})

    def _read_epoch(self) -> Steps[int | None]:
        settled = yield from self.settled_epoch()
        self._settled = max(self._settled, settled or 0)
        return settled

    def settled_epoch(self) -> Steps[int | None]:
        """The account's nonce epoch by chain data; None for a trader who does not see the chain (:mod:`relayer.client.onchain` does)."""
        yield from ()
        return None

    def _listed(self) -> Steps[set[tuple[int, int]]]:
        """Nonces of orders that may still be executed, as the relayer says: of other clients of the seed too."""
        listed = yield from self._items(LIVING)
        return {(each.content.epoch, each.content.slot) for each in listed if each.content is not None}

    # ---- sending

    def send(self, order: Order, *, idempotency_key: str | None = None) -> Steps[Placed]:
        """Signs, encrypts and sends an order, and checks the receipt. Sent again, the same order gets the same answer."""
        terms, holder, book = (yield from self.terms()), (yield from self.holder()), (yield from self.book())
        signed = SignedOrder.sign(self.seed.signing_key, holder.owner, order, terms.domain)
        digest = order.hash(terms.domain)
        newest, opened = yield from self.venue.newest_batch()
        yield from work(book.refresh)
        known = book.orders.get(digest)
        anew = known is None or known.refused
        kept = yield from work(lambda: book.sending(order, digest, opened or newest + 1))
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        lost = self.requests.lost
        try:
            answer = yield from self._until_known(
                lambda: self._sealed(
                    lambda key: seal_order(key, terms.domain, terms.vault, signed), "/v1/orders", headers
                )
            )
        except Unreachable as error:
            what = f"{error}; order {element(digest)} is kept and may have arrived: sent again, it is the same order"
            raise Unreachable(what, {**error.values, "order": element(digest)}) from error
        except Problem as refusal:
            if anew and self.requests.lost == lost and refusal.problem not in PASSING:
                yield from work(lambda: book.refused(digest))
            raise
        return (yield from self._acknowledged(book, kept, answer))

    def kept(self, order_hash: int) -> Steps[Order]:
        """An order that was sent, from the book (:class:`ClientError` if it is not there)."""
        book = yield from self.book()
        yield from work(book.refresh)
        found = book.orders.get(order_hash)
        if found is None:
            raise ClientError(f"the book holds no order {element(order_hash)}", {"hash": element(order_hash)})
        return found.order

    def unanswered(self) -> Steps[list[Order]]:
        """Trades and withdrawals, oldest first, that were sent and not answered, and can still be executed: they may have arrived."""
        book, index, batch = (yield from self.book()), (yield from self.index()), (yield from self._next_batch())
        yield from work(book.refresh)
        return book.unanswered(index, batch)

    def _until_known(self, send: Callable[[], Steps[Answer]]) -> Steps[Answer]:
        """Sends again while the relayer has not yet seen the deposit that the chain has."""
        end = self.requests.clock() + self.requests.patience.seconds
        while True:
            try:
                return (yield from send())
            except UnknownAccount:
                if self.venue.chain is None or self.requests.clock() + SETTLING > end:
                    raise
            yield Pause(SETTLING)

    def _acknowledged(self, book: Book, kept: Kept, answer: Answer) -> Steps[Placed]:
        promised = read(schemas.Receipted, answer) if answer.status == CREATED else None
        made = promised or read(schemas.Waiting, answer)
        if int(made.hash, 16) != kept.hash:
            raise Distrusted("the relayer acknowledges another order than was sent", {"id": made.id})
        yield from work(lambda: book.acknowledged(kept.hash, made.id))
        if promised is None:
            return Placed(made.id, kept.hash, made.state, kept.order)
        receipt = yield from self._checked(book, kept, promised.receipt)
        return Placed(made.id, kept.hash, made.state, kept.order, receipt)

    def _checked(self, book: Book, kept: Kept, told: schemas.Receipt) -> Steps[SignedReceipt]:
        """A receipt, once it is known to bind the operator to this order in a batch that was open since it was sent."""
        terms = yield from self.terms()
        signed = _signed(told)
        batch = signed.receipt.batch
        if kept.receipt == signed:
            return signed
        yield from self._open_batch(kept, batch)
        expected = {"order": kept.hash, "account": kept.order.account, "batch": batch}
        try:
            signed.check(terms.receipt_signer, terms.separator, domain=terms.domain, **expected)
        except ReceiptError as error:
            if error.values.get("what") in STARTS:
                # Signed, for this order and this batch, and nothing that a seal could keep: it convicts.
                raise book.contradiction("a receipt that starts from nothing", signed, None) from error
            raise FalseReceipt(str(error), error.values) from error
        yield from work(lambda: book.receipted(kept.hash, signed))
        return signed

    def _open_batch(self, kept: Kept, batch: int) -> Steps[None]:
        """Refuses a receipt for a batch that was not open since the order was sent, or that is outside of the order's window."""
        order = kept.order
        if not order.first_batch <= batch <= order.last_batch:
            raise Distrusted(f"the receipt is for batch {batch}, outside of the order's window", {"batch": batch})
        for pause in (*GLANCES, None):
            newest, _ = yield from self.venue.newest_batch()
            if kept.since <= batch <= newest:
                return
            if batch < kept.since or pause is None:
                break
            yield Pause(pause)
        what = f"the receipt is for batch {batch}, which the vault did not have open since the order was sent"
        raise Distrusted(what, {"batch": batch, "open": newest, "since": kept.since})

    # ---- own orders

    def order(self, order_id: str) -> Steps[schemas.Order]:
        """An order as it stands; a receipt that it got meanwhile is checked and kept."""
        found = yield from self.requests.get(schemas.Order, f"/v1/orders/{order_id}", own=True)
        if found.id != order_id:
            raise Distrusted("the relayer shows another order than was asked for", {"asked": order_id, "id": found.id})
        yield from self._collected((yield from self.book()), found)
        return found

    def orders(self, states: tuple[str, ...] = ()) -> Steps[list[schemas.Order]]:
        """All orders, newest first; only those in some states, if any are named. Receipts that they got meanwhile are checked and kept."""
        book, found = (yield from self.book()), (yield from self._items(states))
        for each in found:
            yield from self._collected(book, each)
        return found

    def _collected(self, book: Book, shown: schemas.Order) -> Steps[None]:
        """Keeps what the relayer shows of an order that the book knows, once it is known to be of that order."""
        kept, named = book.orders.get(int(shown.hash, 16)), book.by_id(shown.id)
        if named is not None and named is not kept:
            raise Distrusted("the relayer shows another order than it acknowledged under this id", {"id": shown.id})
        if kept is None:
            return
        if kept.id is None:
            yield from work(lambda: book.acknowledged(kept.hash, shown.id))
        if shown.receipt is not None:
            yield from self._checked(book, kept, shown.receipt)

    def _items(self, states: tuple[str, ...]) -> Steps[list[schemas.Order]]:
        owner = yield from self.owner()
        found: list[schemas.Order] = []
        for state in states or (None,):
            found += yield from self.requests.pages(
                schemas.Orders, f"/v1/accounts/{owner}/orders", own=True, state=state
            )
        return found

    def cancel(self, order_id: str) -> Steps[schemas.Order]:
        """Cancels an order that waits (:class:`Conflict` for one with a receipt: send :meth:`cancel_order`)."""
        terms, book = (yield from self.terms()), (yield from self.book())
        kept = book.by_id(order_id)
        digest = kept.hash if kept is not None else int((yield from self.order(order_id)).hash, 16)
        signature = auth.sign_cancel(self.seed.signing_key, terms.domain, digest)
        body = {"signature": "0x" + signature.hex()}
        answer = yield from self.requests.ask(Ask("DELETE", f"/v1/orders/{order_id}", body), own=True)
        return read(schemas.Order, answer)

    def check(self, order: Order) -> Steps[list[schemas.Issue]]:
        """What the order would be refused for now; nothing is stored."""
        terms, holder = (yield from self.terms()), (yield from self.holder())
        signed = SignedOrder.sign(self.seed.signing_key, holder.owner, order, terms.domain)
        while True:
            fresh = self._key is None
            answer = yield from self._sealed(
                lambda key: seal_order(key, terms.domain, terms.vault, signed), "/v1/orders/check", {}
            )
            issues = read(schemas.Checked, answer).issues
            if fresh or not any(each.code in KEY_GONE for each in issues):
                return issues
            # What is wrong with the key is told like what is wrong with the order: it is not the order's.
            self._key = None

    def wait(self, order_id: str, states: tuple[str, ...], seconds: float, every: float = 1.0) -> Steps[schemas.Order]:
        """Waits until an order is in one of these states (:class:`ClientError` after ``seconds``)."""
        end = self.requests.clock() + seconds
        while True:
            found = yield from self.order(order_id)
            if found.state in states:
                return found
            if self.requests.clock() + every > end:
                what = f"order {order_id} is {found.state} after {seconds:g} s"
                raise ClientError(what, {"id": order_id, "state": found.state})
            yield Pause(every)


def _highest(account: schemas.Account, listed: set[tuple[int, int]]) -> int:
    """The highest nonce epoch that a relayer names."""
    return max([0 if account.nonce is None else account.nonce.epoch, *(epoch for epoch, _ in listed)])


def _signed(told: schemas.Receipt) -> SignedReceipt:
    try:
        return SignedReceipt.from_wire(told.model_dump())
    except ReceiptError as error:
        raise FalseReceipt(str(error), error.values) from error
