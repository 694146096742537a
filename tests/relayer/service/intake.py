"""Takes orders as the relayer's intake does, one at a time and without a network: stored with their receipts in one write."""

from __future__ import annotations

import json
import secrets

from prover import eddsa
from prover.orders import Order
from relayer.pipeline.desk import Desk
from relayer.receipts import Receipt, chain_start
from relayer.signing import Signer
from relayer.store import batches, orders
from relayer.store.clock import now_ms
from relayer.store.models import BatchState, Holder, OrderState
from relayer.store.models import Order as OrderRow
from relayer.wallet import LocalAccount
from tests.relayer.venue import Owner


class Intake:
    """The operator's, for one vault."""

    def __init__(self, desk: Desk, signer: LocalAccount) -> None:
        self.desk, self.signer = desk, Signer(bytes(signer.key))

    def register(self, owner: Owner) -> None:
        """Makes the owner's keys known."""
        word = owner.holder.owner.to_bytes(32, "big")
        wire = json.dumps(owner.holder.to_wire()).encode()
        with self.desk.database.write() as session:
            session.add(
                Holder(
                    owner=word,
                    key=eddsa.pack(owner.holder.key),
                    subaccount=owner.holder.subaccount,
                    holder_sealed=self.desk.sealer.seal(orders.holder_place(word), wire),
                    created_at=now_ms(),
                )
            )

    def take(self, owner: Owner, order: Order) -> str:
        """Acknowledges an order, with a receipt if a batch is open; its id."""
        digest, desk, identity = order.hash(self.desk.vault.domain), self.desk, secrets.token_hex(8)
        signature = eddsa.pack_signature(eddsa.sign(owner.seed, digest))
        content = json.dumps({"order": order.to_wire(), "signature": "0x" + signature.hex()}).encode()
        with desk.database.write() as session:
            row = OrderRow(
                id=identity,
                hash=digest.to_bytes(32, "big"),
                owner=owner.holder.owner.to_bytes(32, "big"),
                account=owner.index,
                state=OrderState.WAITING,
                content_sealed=desk.sealer.seal(orders.content_place(identity), content),
                position=1 + session.query(OrderRow).count(),
                created_at=now_ms(),
                updated_at=now_ms(),
            )
            session.add(row)
            session.flush()
            for batch in batches.in_states(session, [BatchState.OPEN]):
                before = batch.receipts_hash or chain_start(desk.vault.domain, batch.number)
                receipt = Receipt(row.hash, (batch.orders or 0) + 1, owner.index, batch.number, before)
                row.receipt_signature = receipt.signed(self.signer, desk.vault.separator).signature
                row.batch, row.sequence, row.previous = batch.number, receipt.sequence, before
                row.state = OrderState.RECEIPTED
                batch.orders, batch.receipts_hash = receipt.sequence, receipt.chained
        return identity
