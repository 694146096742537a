"""The client that blocks. What it does is in :mod:`relayer.client.trader` and beside it; here it is carried out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from prover.orders import Order
from relayer.api import schemas
from relayer.chain import Address
from relayer.client.looking import Leg
from relayer.client.making import Number, Side
from relayer.client.onchain import Deposited, Verdict
from relayer.client.requests import Patience
from relayer.client.setup import TIMEOUT, settings, trader
from relayer.client.steps import run
from relayer.client.stream import LONGEST, Event, Missed, Subscription, close_code, socket_url
from relayer.client.terms import Terms
from relayer.client.trader import Placed
from relayer.reading import AccountReading, CipherSource
from relayer.seed import Seed
from relayer.sender import Sender


class Client:
    """A trader at a relayer. ``seed``: all keys follow from it, and it stays here. ``rpc``: an endpoint of the chain, to hold
    what the relayer says against; ``vault``: the vault that is meant, by an address from elsewhere, else the one that the relayer serves.
    ``book``: a private file of orders and receipts, so that a contradiction is seen after a restart too. ``instruments``: ids by name, of
    your own: no other name is then traded. ``source``: ciphertext of a validium vault (:func:`relayer.replicas.one_of`).
    ``allow_http``: see :func:`relayer.client.setup.settings`.

    Every method but :meth:`deposit` may be called again when it failed: nothing is executed twice. Refusals are
    :class:`relayer.client.Problem`.
    """

    def __init__(
        self,
        url: str,
        seed: Seed,
        *,
        rpc: str | None = None,
        vault: Address | None = None,
        subaccount: int = 0,
        book: Path | None = None,
        source: CipherSource | None = None,
        timeout: float = TIMEOUT,
        patience: Patience | None = None,
        instruments: Mapping[str, int] | None = None,
        allow_http: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.rules = trader(
            seed,
            rpc=rpc,
            vault=vault,
            subaccount=subaccount,
            book=book,
            source=source,
            patience=patience,
            instruments=instruments,
        )
        self.url = url
        self.http = httpx.Client(**settings(url, timeout, allow_http), transport=transport)

    def close(self) -> None:
        """Closes the connections."""
        self.http.close()
        if self.rules.venue.chain is not None:
            self.rules.venue.chain.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def owner(self) -> str:
        """The owner word, which deposits name."""
        return run(self.rules.owner(), self.http)

    def terms(self) -> Terms:
        """The vault's domain, receipt signer, fee rate and sizes."""
        return run(self.rules.terms(), self.http)

    def register(self) -> schemas.Registered:
        """Makes the owner's keys known to the operator, encrypted. The same again changes nothing."""
        return run(self.rules.register(), self.http)

    def deposit(self, tokens: Number, sender: Sender) -> Deposited:
        """Deposits tokens of ``sender`` into the own account. Needs ``rpc`` and ``vault``.

        Before trying again, look up what the error names: it may be in the chain.
        """
        return run(self.rules.deposit(tokens, sender), self.http)

    def trade(
        self,
        instrument: str | int,
        side: Side,
        quantity: Number,
        limit: Number,
        *,
        batches: int = 2,
        survives_void: bool = True,
    ) -> Order:
        """Makes a trade: contracts, at a limit in the quote currency a contract, valid for the next ``batches``."""
        return run(
            self.rules.trade(instrument, side, quantity, limit, batches=batches, survives_void=survives_void), self.http
        )

    def withdrawal(self, tokens: Number, recipient: Address, *, batches: int = 2) -> Order:
        """Makes an order that takes tokens out; the recipient claims them after the batch."""
        return run(self.rules.withdrawal(tokens, recipient, batches=batches), self.http)

    def cancel_order(self, *, batches: int = 2) -> Order:
        """Makes an order of kind cancel, which ends every older order of the account."""
        return run(self.rules.cancel_order(batches=batches), self.http)

    def check(self, order: Order) -> list[schemas.Issue]:
        """What an order would be refused for now; nothing is stored."""
        return run(self.rules.check(order), self.http)

    def send(self, order: Order, *, idempotency_key: str | None = None) -> Placed:
        """Signs, encrypts and sends an order, and checks the receipt. The same order again gets the same answer."""
        return run(self.rules.send(order, idempotency_key=idempotency_key), self.http)

    def kept(self, order_hash: int) -> Order:
        """An order that was sent, from the book, to send it again (:class:`ClientError` if it is not there)."""
        return run(self.rules.kept(order_hash), self.http)

    def unanswered(self) -> list[Order]:
        """Trades and withdrawals, oldest first, that were sent and not answered, and can still be executed: they may have arrived. Sent
        again, each is the same order; a new one in its place could be a second.
        """
        return run(self.rules.unanswered(), self.http)

    def order(self, order_id: str) -> schemas.Order:
        """An order as it stands; a receipt that it got meanwhile is checked and kept."""
        return run(self.rules.order(order_id), self.http)

    def orders(self, *states: str) -> list[schemas.Order]:
        """All orders, newest first; only those in some states, if any are named. Receipts that they got meanwhile are checked and kept."""
        return run(self.rules.orders(states), self.http)

    def wait(self, order_id: str, *states: str, seconds: float = 600.0, every: float = 1.0) -> schemas.Order:
        """Waits until an order is in one of these states (:class:`ClientError` after ``seconds``)."""
        return run(self.rules.wait(order_id, states, seconds, every), self.http)

    def cancel(self, order_id: str) -> schemas.Order:
        """Cancels an order that waits (:class:`Conflict` for one with a receipt: send :meth:`cancel_order`)."""
        return run(self.rules.cancel(order_id), self.http)

    def account(self) -> schemas.Account:
        """The account as the relayer has it, with margin by scenario."""
        return run(self.rules.account(), self.http)

    def read(self) -> AccountReading | None:
        """The account decrypted from chain data, and what became of its last orders. Needs ``rpc``."""
        return run(self.rules.read(), self.http)

    def fills(self) -> list[schemas.Fill]:
        """Everything that batches filled of the own orders, newest first."""
        return run(self.rules.fills(), self.http)

    def quote(self, *legs: Leg, own: bool = True) -> schemas.Quote:
        """What legs cost and do to margin: of the own account, or of an empty one."""
        return run(self.rules.quote(legs, own=own), self.http)

    def verify_receipts(self) -> list[Verdict]:
        """Holds every receipt that is kept against the chain. Needs ``rpc``."""
        return run(self.rules.verify_receipts(), self.http)

    def state(self) -> schemas.State:
        """The vault that is served, and where it stands."""
        return run(self.rules.state(), self.http)

    def instruments(self) -> list[schemas.Instrument]:
        """Every instrument, open and settled, by id."""
        return run(self.rules.instruments(), self.http)

    def risk(self) -> schemas.Risk:
        """The risk table in force."""
        return run(self.rules.risk(), self.http)

    def batch(self, number: int) -> schemas.BatchDetail:
        """A batch and its way so far."""
        return run(self.rules.batch(number), self.http)

    def batches(self, limit: int = 100) -> list[schemas.Batch]:
        """The newest batches, newest first."""
        return run(self.rules.batches(limit), self.http)

    def proof(self, number: int) -> dict[str, Any]:
        """The settlement of a batch that is in the chain (``tacit.settlement.1``)."""
        return run(self.rules.proof(number), self.http)

    def verify(self, number: int) -> schemas.Verification:
        """Has the relayer check a settled batch's proofs."""
        return run(self.rules.verify(number), self.http)

    def inclusion(self, batch: int, order_id: str) -> schemas.Inclusion:
        """An own order shown in a seal, as the contract `Bonds` takes it."""
        return run(self.rules.inclusion(batch, order_id), self.http)

    def subscribe(self, *channels: str, since: Mapping[str, int] | None = None) -> Iterator[Event | Missed]:
        """Events of channels (batches, orders, account) as they happen, on as many connections as it takes; ``since``: go on after these
        numbers.
        """
        subscription = Subscription(channels, since or {}, self.rules.requests.patience)
        while True:
            code = None
            try:
                with connect(socket_url(self.url), max_size=LONGEST) as socket:
                    socket.send(subscription.opening(self._token(subscription)))
                    for text in socket:
                        told = subscription.take(text)
                        if told is not None:
                            yield told
                    code = socket.protocol.close_code
            except (OSError, WebSocketException) as error:
                code = close_code(error)
            time.sleep(subscription.ended(code))

    def _token(self, subscription: Subscription) -> str | None:
        if subscription.stale_token:
            self.rules.requests.token = None
        return run(self.rules.requests.session(), self.http) if subscription.own else None
