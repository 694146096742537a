"""A database with batches, orders and transactions in it."""

import pytest

from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.models import (
    Batch,
    BatchState,
    ChainTransaction,
    EncryptionKey,
    Holder,
    Lease,
    Order,
    OrderState,
    TransactionState,
)

UNIQUE = 918_273_645_546
HOUR = 3_600_000


@pytest.fixture
def filled(database: Database) -> Database:
    """Batch 1 is final with two orders and three transactions, batch 2 is being proven since two hours, batch 3 is open."""
    now = now_ms()

    def batch(number: int, state: BatchState, age: int, done: int = 0, total: int | None = None) -> Batch:
        at = now - age
        return Batch(
            number=number,
            state=state,
            epoch=1,
            created_at=at,
            updated_at=at,
            proofs_done=done,
            proofs_total=total,
            covered=50,
        )

    def transaction(
        at: int, purpose: str, state: TransactionState, gas: int | None, wei: str | None
    ) -> ChainTransaction:
        return ChainTransaction(
            id=f"{at:016x}",
            position=at,
            purpose=purpose,
            batch=int(purpose.split(":")[1]),
            sender="0x" + "aa" * 20,
            to="0x" + "bb" * 20,
            data=b"",
            private=True,
            state=state,
            nonce=at,
            gas_used=gas,
            cost_wei=wei,
            created_at=now - 90_000,
            updated_at=now,
        )

    with database.write() as session:
        session.add(Holder(owner=bytes(32), key=bytes(32), subaccount=0, account=5, holder_sealed=b"", created_at=now))
        session.add(batch(1, BatchState.FINAL, HOUR))
        session.add(batch(2, BatchState.PROVING, 2 * HOUR, 3, 8))
        session.add(batch(3, BatchState.OPEN, 1_000))
        session.flush()
        for at, (number, state) in enumerate([(1, OrderState.FINAL), (1, OrderState.FINAL), (2, OrderState.SEALED)]):
            session.add(
                Order(
                    id=f"order{at}",
                    hash=bytes([at]) * 32,
                    owner=bytes(32),
                    account=5,
                    state=state,
                    batch=number,
                    sequence=at,
                    content_sealed=str(UNIQUE).encode(),
                    position=at,
                    created_at=now,
                    updated_at=now,
                )
            )
        session.add(transaction(0, "open:1", TransactionState.FINAL, 100_000, str(10**15)))
        session.add(transaction(1, "seal:1", TransactionState.FINAL, 200_000, str(2 * 10**15)))
        session.add(transaction(2, "settle:1", TransactionState.FINAL, 700_000, str(7 * 10**15)))
        session.add(transaction(3, "seal:2", TransactionState.SENT, None, None))
        session.add(
            EncryptionKey(
                id="00ff00ff00ff00ff",
                public=b"",
                private_sealed=b"",
                signature=b"",
                not_before=0,
                not_after=now + 24 * HOUR,
            )
        )
        for name in ("intake", "watcher", "pipeline", "transactions"):
            session.add(Lease(name=name, holder="here", token=1, expires_at=now + 10_000))
    return database
