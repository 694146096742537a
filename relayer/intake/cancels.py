"""The owner's word that a waiting order is to be forgotten: a signature of its own kind, over the order's hash.

An order with a receipt is in its batch, as the receipt says, and stays there: who wants out sends an order of kind cancel, which raises
the nonce epoch. Ending the row is left to :mod:`.acceptance`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from prover import eddsa
from relayer.auth import verify_cancel
from relayer.intake.acceptance import Acceptance
from relayer.intake.refusal import Code, Issue
from relayer.intake.view import View
from relayer.store import orders
from relayer.store.database import Database
from relayer.store.leases import Lease
from relayer.store.models import OrderState


@dataclass(frozen=True, slots=True)
class Cancel:
    """What an owner asks: the order's id, the owner word (32 bytes), the signature (64 bytes)."""

    order: str
    owner: bytes
    signature: bytes = field(repr=False)


def carry_out(database: Database, acceptance: Acceptance, lease: Lease, view: View, cancel: Cancel) -> Issue | None:
    """Ends the order, also if it was cancelled before; else why not: NOT_FOUND (also for another's), INVALID_SIGNATURE, CONFLICT."""
    with database.read() as session:
        stored = orders.get(session, cancel.order, cancel.owner)
        packed, _ = orders.keys(session, [cancel.owner]).get(cancel.owner, (None, False))
    if stored is None or packed is None:
        return Issue(Code.NOT_FOUND, "the owner has no order of this id")
    key, message = eddsa.unpack(packed), int.from_bytes(stored.hash, "big")
    if not verify_cancel(key, view.terms.domain, message, cancel.signature):
        return Issue(Code.INVALID_SIGNATURE, "the signature does not cancel this order")
    if stored.state is OrderState.CANCELLED or acceptance.cancel(lease, view, stored.id):
        return None
    if stored.state is OrderState.LAPSED:
        return Issue(Code.CONFLICT, "the order has lapsed: there is nothing to cancel", {"id": stored.id})
    what = "the order has a receipt, so it is in its batch: send an order of kind cancel"
    return Issue(Code.CONFLICT, what, {"id": stored.id})
