"""What a trader keeps: its orders and the operator's receipts for them, compared with each other as they come.

An order is written down before it is sent, a receipt before it counts: a lost answer is asked for again and compared. Two signed receipts
that contradict each other (docs/protocol.md section 14, "At once") are stored as evidence and raised. The file holds orders in clear:
it is its owner's alone. Without a file everything is forgotten with the process, and a contradiction over two of them is not seen.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from prover.orders import Order
from prover.wire import dump, element, file_errors, read_text, write_whole
from relayer.client.problems import ClientError, ContradictionError
from relayer.client.terms import Terms
from relayer.envelope import read_order
from relayer.errors import OrderError, ReceiptError, SeedError
from relayer.receipts import SignedReceipt
from relayer.seed import OTHERS

EVIDENCE: Final = "tacit.evidence.1"


@dataclass(slots=True)
class Kept:
    """An order that was sent: its hash, the oldest batch it can be in, its id once acknowledged, its newest receipt."""

    order: Order = field(repr=False)
    hash: int
    since: int
    id: str | None = None
    receipt: SignedReceipt | None = None


@dataclass
class Book:
    """Orders and receipts of one account in one vault."""

    terms: Terms
    path: Path | None = None
    orders: dict[int, Kept] = field(default_factory=dict)
    receipts: dict[tuple[int, int], SignedReceipt] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        if self.path is not None and self.path.exists():
            if self.path.stat().st_mode & OTHERS:
                raise SeedError(
                    f"{self.path} holds orders and can be read by others: chmod 600 it", {"path": str(self.path)}
                )
            for line in self._lines(self.path):
                self._take(line)

    # ---- writing

    def sending(self, order: Order, order_hash: int, since: int) -> Kept:
        """An order that is about to be sent; the same one again changes nothing."""
        with self._lock:
            if order_hash not in self.orders:
                self._append({"sent": order.to_wire(), "hash": element(order_hash), "since": since})
                self.orders[order_hash] = Kept(order, order_hash, since)
            return self.orders[order_hash]

    def acknowledged(self, order_hash: int, order_id: str) -> None:
        """The relayer's name of an order."""
        with self._lock:
            kept = self.orders[order_hash]
            if kept.id != order_id:
                self._append({"acknowledged": order_id, "hash": element(order_hash)})
                kept.id = order_id

    def receipted(self, order_hash: int, signed: SignedReceipt) -> SignedReceipt:
        """Keeps a receipt whose signature, order, account and batch were checked, if it chains to what is kept.

        :class:`ContradictionError`, with the evidence stored, if it contradicts another of the operator's.
        """
        with self._lock:
            place = signed.receipt.batch, signed.receipt.sequence
            if self.receipts.get(place) != signed:
                self._contradicts(signed)
                self._append({"receipt": signed.to_wire(), "hash": element(order_hash)})
                self.receipts[place] = signed
            kept = self.orders.get(order_hash)
            if kept is not None:
                kept.receipt = signed
            return signed

    def of_batch(self, batch: int) -> list[SignedReceipt]:
        """Receipts of a batch, by sequence."""
        return [signed for (number, _), signed in sorted(self.receipts.items()) if number == batch]

    def by_id(self, order_id: str) -> Kept | None:
        """An order by the relayer's name of it."""
        return next((kept for kept in self.orders.values() if kept.id == order_id), None)

    def epoch(self, account: int) -> int:
        """The highest nonce epoch of an own order of an account; 0 before the first."""
        return max((each.epoch for each in self._of(account)), default=0)

    def living(self, account: int, batch: int) -> set[tuple[int, int]]:
        """Nonces that a batch from ``batch`` on may still use: of sent orders whose window is not over, whatever became of them by the
        relayer's word. Cancels use none.
        """
        own = (each for each in self._of(account) if each.kind != "cancel" and each.last_batch >= batch)
        return {(each.epoch, each.slot) for each in own}

    def _of(self, account: int) -> list[Order]:
        with self._lock:
            return [kept.order for kept in self.orders.values() if kept.order.account == account]

    # ---- contradictions

    def _contradicts(self, signed: SignedReceipt) -> None:
        receipt = signed.receipt
        same = self.receipts.get((receipt.batch, receipt.sequence))
        if same is not None and same.receipt != receipt:
            raise self.contradiction("two receipts of one sequence number", same, signed)
        before = self.receipts.get((receipt.batch, receipt.sequence - 1))
        if before is not None and receipt.previous != before.receipt.chained:
            raise self.contradiction("a receipt that does not chain to the one before", before, signed)
        after = self.receipts.get((receipt.batch, receipt.sequence + 1))
        if after is not None and after.receipt.previous != receipt.chained:
            raise self.contradiction("a receipt to which the next does not chain", signed, after)

    def contradiction(self, what: str, first: SignedReceipt, second: SignedReceipt | None) -> ContradictionError:
        """The error of receipts that convict the operator, its evidence stored beside the book. ``second`` is None where the
        seal is the other statement.
        """
        evidence = {
            "format": EVIDENCE,
            "chain_id": self.terms.chain_id,
            "vault": self.terms.vault,
            "what": what,
            "function": "contradictSeal" if second is None else "contradict",
            "first": first.to_wire(),
            "second": None if second is None else second.to_wire(),
        }
        place = first.receipt.batch, first.receipt.sequence
        where = self._store(evidence, place)
        message = (
            f"the operator signed {what} (batch {place[0]}, sequence {place[1]}): whoever shows it to the contract Bonds before others is "
            f"paid from its bond; {f'evidence in {where}' if where else 'the evidence is in this error'}"
        )
        values = {"batch": place[0], "sequence": place[1], "evidence": None if where is None else str(where)}
        return ContradictionError(message, evidence, values)

    def _store(self, evidence: dict[str, Any], place: tuple[int, int]) -> Path | None:
        if self.path is None:
            return None
        number = 0
        while (path := self.path.with_name(f"evidence-{place[0]}-{place[1]}-{number}.json")).exists():
            if json.loads(read_text(path)) == evidence:
                return path
            number += 1
        write_whole(path, dump(evidence), private=True)
        return path

    # ---- the file: a JSON object a line, appended and synced

    def _append(self, line: dict[str, Any]) -> None:
        if self.path is None:
            return
        with file_errors(self.path, "write"):
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                whole = {"vault": self.terms.vault, "chain_id": self.terms.chain_id, **line}
                os.write(handle, (json.dumps(whole, separators=(",", ":")) + "\n").encode())
                os.fsync(handle)
            finally:
                os.close(handle)

    def _lines(self, path: Path) -> Iterator[dict[str, Any]]:
        """Lines of this vault. A last line that a crash cut off was never acted on."""
        text = read_text(path)
        lines = text.split("\n")
        for number, line in enumerate(lines[:-1], 1):
            try:
                document = json.loads(line)
                mine = (document["vault"], document["chain_id"]) == (self.terms.vault, self.terms.chain_id)
            except (ValueError, TypeError, KeyError):
                raise self._damaged(number) from None
            if mine:
                yield document | {"line": number}
        if lines[-1]:
            os.truncate(path, len(text.encode()) - len(lines[-1].encode()))

    def _take(self, line: dict[str, Any]) -> None:
        try:
            digest = int(line["hash"], 16)
            if "sent" in line:
                self.orders[digest] = Kept(read_order(line["sent"]), digest, int(line["since"]))
            elif "acknowledged" in line:
                self.orders[digest].id = str(line["acknowledged"])
            else:
                signed = SignedReceipt.from_wire(line["receipt"])
                self.receipts[signed.receipt.batch, signed.receipt.sequence] = signed
                if digest in self.orders:
                    self.orders[digest].receipt = signed
        except (KeyError, ValueError, OrderError, ReceiptError):
            raise self._damaged(line["line"]) from None

    def _damaged(self, number: int) -> ClientError:
        what = f"{self.path}, line {number}: not a line of a trader's book; move the file away and ask the relayer for your orders"
        return ClientError(what, {"path": str(self.path), "line": number})
