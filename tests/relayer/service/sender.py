"""Sends what is queued from accounts that anvil has unlocked, and says at once what became of it; sends again what a reorganisation took.

The service's own manager (:mod:`relayer.transactions`) is tested elsewhere; here it would only make tests slower. ``refusing`` are
purposes that fail, each as often as it is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from demo.chain import ChainError, LocalChain
from relayer.store import transactions
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.models import Attempt, ChainTransaction, TransactionState

GAS = 60_000_000


def sent(transaction: str, digest: bytes) -> Attempt:
    """What the service's own manager stores of a form that it sends."""
    fees = {"max_fee_wei": "0", "priority_fee_wei": "0", "channel": "public"}
    return Attempt(hash=digest, transaction=transaction, raw=b"", nonce=0, block=0, created_at=now_ms(), **fees)


class Sender:
    """Of one database, to one chain."""

    def __init__(self, database: Database, chain: LocalChain) -> None:
        self.database, self.chain = database, chain
        self.refusing: list[str] = []
        self.paused = False

    def step(self) -> bool:
        """Sends every queued transaction, in order; whether there were any."""
        if self.paused:
            return False
        self._take_back()
        with self.database.read() as session:
            waiting = self._in(session, TransactionState.QUEUED)
        for row in waiting:
            self._send(row)
        return bool(waiting)

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Nothing is sent for a while."""
        self.paused = True
        yield
        self.paused = False

    def _send(self, row: ChainTransaction) -> None:
        error = digest = None
        try:
            if row.purpose in self.refusing:
                self.refusing.remove(row.purpose)
                raise ChainError("the test refuses it")
            receipt = self.chain.send(row.sender, row.data, row.to, gas=GAS, value=int(row.value_wei))
            digest = bytes.fromhex(receipt.transaction[2:])
        except ChainError as failure:
            error = str(failure)
        with self.database.write() as session:
            kept = transactions.require(session, row.id)
            kept.state = TransactionState.MINED if error is None else TransactionState.FAILED
            kept.mined_hash, kept.error, kept.updated_at = digest, error, now_ms()
            if digest is not None:
                session.merge(sent(row.id, digest))

    def _take_back(self) -> None:
        """What was mined and is in the chain no more is queued again."""
        with self.database.read() as session:
            mined = self._in(session, TransactionState.MINED)
        for row in mined:
            digest = "0x" + (row.mined_hash or b"").hex()
            if self.chain.rpc("eth_getTransactionReceipt", digest) is None:
                with self.database.write() as session:
                    transactions.require(session, row.id).state = TransactionState.QUEUED

    def _in(self, session: object, state: TransactionState) -> list[ChainTransaction]:
        query = select(ChainTransaction).where(ChainTransaction.state == state).order_by(ChainTransaction.position)
        return list(session.scalars(query))  # type: ignore[attr-defined]
