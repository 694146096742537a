"""Rows of the database as answers: orders, fills and batches as their readers may see them."""

from __future__ import annotations

import json
from typing import Any, Final

from prover.batch import Reason
from relayer.api import schemas
from relayer.api.forms import at, at_second, maybe_word, word
from relayer.api.market import Market
from relayer.api.services import Services
from relayer.receipts import Receipt, SignedReceipt
from relayer.store import listing
from relayer.store.models import Batch, Order

CASH_A_VALUE: Final = 10**4


class Shown:
    """Opens what is sealed for the owner who asked, and for nobody else."""

    def __init__(self, services: Services, market: Market) -> None:
        self.services, self.market = services, market

    def order(self, row: Order) -> schemas.Order:
        """An order as its owner sees it."""
        return schemas.Order(
            id=row.id,
            hash=word(row.hash),
            state=row.state.value,
            batch=row.batch,
            sequence=row.sequence,
            receipt=_receipt(row),
            content=self._content(row),
            result=self._result(row),
            created_at=at(row.created_at),
            updated_at=at(row.updated_at),
        )

    def fill(self, row: Order) -> schemas.Fill | None:
        """What a batch filled of an order; None if nothing."""
        content, result = self.content(row), self.result(row)
        if content is None or result is None or row.batch is None or content["kind"] != "trade":
            return None
        lots, price = int(result["fill"]), result.get("price")
        if not lots or price is None:
            return None
        value = lots * int(price)
        return schemas.Fill(
            order=row.id,
            hash=word(row.hash),
            batch=row.batch,
            state=row.state.value,
            instrument=content["instrument"],
            name=self.market.name(content["instrument"]),
            side=content["side"],
            quantity=str(lots),
            price=str(int(price)),
            premium=str(CASH_A_VALUE * value),
            fee=str(self.services.venue.fee_rate * value),
        )

    def content(self, row: Order) -> dict[str, Any] | None:
        """What an order says; None once it is deleted."""
        if row.content_sealed is None:
            return None
        opened = json.loads(self.services.sealer.open(f"orders.content:{row.id}", row.content_sealed))
        order: dict[str, Any] = opened["order"]
        return order

    def result(self, row: Order) -> dict[str, Any] | None:
        """What became of an order; None before its batch is settled, and once it is deleted.

        It is stored as soon as the batch is cleared, hours before that perhaps, and names the clearing price: who saw it then, by an
        order of one lot, would know the prices before everybody, and of a batch that may yet be void.
        """
        if row.state not in listing.DONE or row.result_sealed is None:
            return None
        opened: dict[str, Any] = json.loads(self.services.sealer.open(f"orders.result:{row.id}", row.result_sealed))
        return opened

    def _content(self, row: Order) -> schemas.OrderContent | None:
        found = self.content(row)
        if found is None:
            return None
        instrument = found["instrument"]
        own = {name: value for name, value in found.items() if name != "salt"}
        return schemas.OrderContent(**own, name=self.market.name(instrument) if instrument else None)

    def _result(self, row: Order) -> schemas.Result | None:
        found = self.result(row)
        if found is None:
            return None
        reason, price = Reason(int(found.get("reason", 0))), found.get("price")
        return schemas.Result(
            fill=str(int(found["fill"])),
            price=None if price is None else str(int(price)),
            reason=int(reason),
            why=reason.text,
        )


def batch(row: Batch) -> schemas.Batch:
    """A batch as everybody sees it."""
    return schemas.Batch(**batch_fields(row))


def batch_fields(row: Batch) -> dict[str, Any]:
    """The same by name. Why a batch failed is the operator's business."""
    return {
        "number": row.number,
        "state": row.state.value,
        "epoch": row.epoch,
        "opened_at": None if row.opened_time is None else at_second(row.opened_time),
        "sealed_at": None if row.sealed_time is None else at_second(row.sealed_time),
        "touches": row.touches if row.sealed_time is not None else None,
        "orders": row.orders if row.sealed_time is not None else None,
        "seal_root": maybe_word(row.seal_root if row.sealed_time is not None else None),
        "receipts_hash": maybe_word(row.receipts_hash if row.sealed_time is not None else None),
        "start_root": maybe_word(row.start_root),
        "end_root": maybe_word(row.end_root if row.state.value in ("mined", "final") else None),
        "segments": row.segments,
        "proofs_done": row.proofs_done,
        "proofs_total": row.proofs_total,
        "r1": maybe_word(row.r1 if row.state.value in ("mined", "final") else None),
        "gas_used": row.gas_used,
        "cost_wei": row.cost_wei,
        "updated_at": at(row.updated_at),
    }


def _receipt(row: Order) -> schemas.Receipt | None:
    if row.receipt_signature is None or row.sequence is None or row.batch is None or row.previous is None:
        return None
    receipt = Receipt(row.hash, row.sequence, row.account, row.batch, row.previous)
    return schemas.Receipt(**SignedReceipt(receipt, row.receipt_signature).to_wire())
