"""Sends what is queued from accounts that anvil has unlocked, and says at once what became of it: nothing is lost, replaced or late here.

The service's own manager (:mod:`relayer.transactions`) is tested elsewhere; here it would only make tests slower.
"""

from __future__ import annotations

from sqlalchemy import select

from demo.chain import ChainError, LocalChain
from relayer.store import transactions
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.models import ChainTransaction, TransactionState


def send_queued(database: Database, chain: LocalChain) -> bool:
    """Sends every queued transaction, in order; whether there were any."""
    with database.read() as session:
        queued = select(ChainTransaction).where(ChainTransaction.state == TransactionState.QUEUED)
        rows = session.scalars(queued.order_by(ChainTransaction.position)).all()
        waiting = [(each.id, each.sender, each.to, each.data, int(each.value_wei)) for each in rows]
    for identity, sender, to, data, value in waiting:
        try:
            receipt = chain.send(sender, data, to, gas=30_000_000, value=value)
            mined, error = receipt.block, None
        except ChainError as failure:
            mined, error = None, str(failure)
        with database.write() as session:
            row = transactions.require(session, identity)
            row.state = TransactionState.MINED if error is None else TransactionState.FAILED
            row.block, row.error, row.updated_at = mined, error, now_ms()
    return bool(waiting)
