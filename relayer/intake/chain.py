"""The receipts of a batch as a chain: which comes next, and that what was stored is one chain (docs/protocol.md section 14).

Immutable, so that a commit that fails leaves the chain as it was. What is read back is checked link by link against the head that was
stored beside it: an operator that gave one number twice would lose its bond, so where the two differ no receipt is given any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prover.hashing import FIELD_ORDER
from relayer.errors import ReceiptError
from relayer.receipts import WORD, Receipt, chain_start, chained


@dataclass(frozen=True, slots=True)
class ReceiptChain:
    """The receipts given so far of a batch: how many, and h of the last (h_0 before the first)."""

    batch: int
    sequence: int
    receipts_hash: bytes

    @classmethod
    def start(cls, domain: int, batch: int) -> ReceiptChain:
        """Before the first receipt."""
        return cls(batch, 0, chain_start(domain, batch))

    @classmethod
    def read(
        cls, domain: int, batch: int, stored: Iterable[tuple[int, bytes, bytes]], head: tuple[int, bytes] | None
    ) -> ReceiptChain:
        """The chain of stored (sequence, order hash, previous) in sequence, which must end at the stored head (None: nothing was given);
        :class:`ReceiptError` otherwise.
        """
        chain = cls.start(domain, batch)
        for sequence, order, previous in stored:
            if (sequence, previous) != (chain.sequence + 1, chain.receipts_hash):
                raise _broken(batch, sequence)
            chain = cls(batch, sequence, chained(previous, order))
        expected = (0, chain_start(domain, batch)) if head is None else head
        if (chain.sequence, chain.receipts_hash) != expected:
            raise _broken(batch, expected[0])
        return chain

    def following(self, orders: Sequence[tuple[bytes, int]]) -> tuple[list[Receipt], ReceiptChain]:
        """The receipts of the next orders (hash and account), and the chain with them."""
        receipts = []
        sequence, receipts_hash = self.sequence, self.receipts_hash
        for order, account in orders:
            if len(order) != WORD or not 0 < int.from_bytes(order, "big") < FIELD_ORDER:
                raise ReceiptError("an order hash is a field element above 0: nothing else can be shown in a batch")
            receipt = Receipt(order, sequence + 1, account, self.batch, receipts_hash)
            receipts.append(receipt)
            sequence, receipts_hash = receipt.sequence, receipt.chained
        return receipts, ReceiptChain(self.batch, sequence, receipts_hash)


def _broken(batch: int, sequence: int) -> ReceiptError:
    what = f"the stored receipts of batch {batch} are not the chain that was given, from number {sequence} on: no more are given in it"
    return ReceiptError(what, {"batch": batch, "sequence": sequence})
