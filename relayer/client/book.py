"""What a trader keeps: its orders and the operator's receipts for them, compared with each other as they come.

An order is written down before it is sent, a receipt before it counts: a lost answer is asked for again and compared. Two signed receipts
that contradict each other (docs/protocol.md section 14, "At once") are stored as evidence and raised, whichever process got them: all that
share the file see each other's lines. The file holds orders in clear: it is its owner's alone. Without a file everything is forgotten with
the process, and a contradiction over two of them is not seen.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from prover.orders import Order
from prover.wire import dump, element, read_text, write_whole
from relayer.client.journal import Journal, Open
from relayer.client.problems import ClientError, ContradictionError, NonceUsed
from relayer.client.terms import Terms
from relayer.envelope import read_order
from relayer.errors import OrderError, ReceiptError
from relayer.receipts import SignedReceipt

EVIDENCE: Final = "tacit.evidence.1"


@dataclass(slots=True)
class Kept:
    """An order that was sent: its hash, the oldest batch it can be in, its id once acknowledged, its newest receipt, and whether the
    relayer refused it for good.
    """

    order: Order = field(repr=False)
    hash: int
    since: int
    id: str | None = None
    receipt: SignedReceipt | None = None
    refused: bool = False


@dataclass
class Book:
    """Orders and receipts of one account in one vault."""

    terms: Terms
    path: Path | None = None
    orders: dict[int, Kept] = field(default_factory=dict)
    receipts: dict[tuple[int, int], SignedReceipt] = field(default_factory=dict)
    contradictions: list[ContradictionError] = field(default_factory=list, repr=False)
    """What receipts in the file contradict each other, with the evidence; raised when it is first seen."""
    _sent: set[int] = field(default_factory=set, repr=False)
    _names: dict[str, Kept] = field(default_factory=dict, repr=False)
    names: dict[str, int] = field(default_factory=dict)
    """Instruments that were traded by name, by the ids that they were first taken for."""
    strange: bool = field(default=False, init=False)
    """Whether the file has lines, and all of them are of other vaults."""
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _stored: list[Path] = field(default_factory=list, repr=False)
    _journal: Journal | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.path is not None:
            self._journal = Journal(self.path)
            if self.path.exists():
                self.refresh()

    # ---- writing

    def refresh(self) -> None:
        """Takes what other processes have written since (:class:`ContradictionError` as :meth:`receipted`)."""
        with self._held():
            pass

    def naming(self, name: str, instrument: int) -> None:
        """The id that an instrument's name is taken for, from its first use on."""
        with self._held() as held:
            if name not in self.names:
                self._append(held, {"named": name, "instrument": instrument})
                self.names[name] = instrument

    def sending(self, order: Order, order_hash: int, since: int) -> Kept:
        """An order that is about to be sent; the same one again changes nothing. :class:`NonceUsed` where another process, or this one
        before a restart, sent one with its nonce and a batch could execute either: of their two receipts one would be void.
        """
        with self._held() as held:
            kept = self.orders.get(order_hash)
            if kept is None or kept.refused:
                self._nonce_is_free(order)
                self._append(held, {"sent": order.to_wire(), "hash": element(order_hash), "since": since})
                kept = self.orders.setdefault(order_hash, Kept(order, order_hash, since))
                kept.refused = False
                self._sent.add(order_hash)
            return kept

    def _nonce_is_free(self, order: Order) -> None:
        # What was sent through this object its caller knows, and may mean; what others sent it may not have seen.
        for kept in self.orders.values():
            if kept.hash not in self._sent and not kept.refused and _excludes(kept.order, order):
                name, last = element(kept.hash), kept.order.last_batch
                what = f"order {name} was sent with the same nonce, and may be executed until batch {last}: make this one again"
                raise NonceUsed("NONCE_USED", 0, what, {"hash": name, "last_batch": last})

    def acknowledged(self, order_hash: int, order_id: str) -> None:
        """The relayer's name of an order."""
        with self._held() as held:
            kept = self.orders[order_hash]
            if kept.id != order_id:
                self._append(held, {"acknowledged": order_id, "hash": element(order_hash)})
                self._named(kept, order_id)

    def _named(self, kept: Kept, order_id: str) -> None:
        kept.id, self._names[order_id] = order_id, kept

    def refused(self, order_hash: int) -> None:
        """The relayer refused an order, and no answer to it was lost: it is not on its way."""
        with self._held() as held:
            kept = self.orders[order_hash]
            if kept.id is None and not kept.refused:
                self._append(held, {"refused": True, "hash": element(order_hash)})
                kept.refused = True

    def receipted(self, order_hash: int, signed: SignedReceipt) -> SignedReceipt:
        """Keeps a receipt whose signature, order, account and batch were checked, if it chains to what is kept.

        :class:`ContradictionError`, with the evidence stored, if it contradicts another of the operator's.
        """
        with self._held() as held:
            place = signed.receipt.batch, signed.receipt.sequence
            if self.receipts.get(place) != signed:
                self._contradicts(signed)
                self._append(held, {"receipt": signed.to_wire(), "hash": element(order_hash)})
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
        return self._names.get(order_id)

    def epoch(self, account: int) -> int:
        """The highest nonce epoch of an own order of an account; 0 before the first."""
        return max((each.epoch for each in self._of(account)), default=0)

    def living(self, account: int, batch: int) -> set[tuple[int, int]]:
        """Nonces that a batch from ``batch`` on may still use: of sent orders whose window is not over, whatever became of them by the
        relayer's word. Cancels use none.
        """
        own = (each for each in self._of(account) if each.kind != "cancel" and each.last_batch >= batch)
        return {(each.epoch, each.slot) for each in own}

    def unanswered(self, account: int, batch: int) -> list[Order]:
        """Trades and withdrawals, oldest first, to which no answer came, and that a batch from ``batch`` on may execute."""
        with self._lock:
            asked = [kept.order for kept in self.orders.values() if kept.id is None and not kept.refused]
        return [e for e in asked if e.account == account and e.kind != "cancel" and e.last_batch >= batch]

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
        self._stored.append(path)
        return path

    # ---- the file

    @contextmanager
    def _held(self) -> Iterator[Open | None]:
        """The book, alone in this process and among others, with what these have written; None where there is no file."""
        with self._lock:
            if self._journal is None:
                yield None
                return
            with self._journal.held() as held:
                self._learn(held)
                yield held

    def _learn(self, held: Open) -> None:
        """Takes the lines of this vault that are new; a contradiction of which there is no evidence yet is raised after the last."""
        new: list[ContradictionError] = []
        for number, line in held.news:
            try:
                document = json.loads(line)
                mine = (document["vault"], document["chain_id"]) == (self.terms.vault, self.terms.chain_id)
            except (ValueError, TypeError, KeyError):
                raise self._damaged(number) from None
            self.strange = not mine and (number == 1 or self.strange)
            if not mine:
                continue
            stored = len(self._stored)
            try:
                self._take(document | {"line": number})
            except ContradictionError as error:
                self.contradictions.append(error)
                new += [error] * (len(self._stored) > stored)
        if new:
            raise new[0]

    def _append(self, held: Open | None, line: dict[str, Any]) -> None:
        if self._journal is not None and held is not None:
            whole = {"vault": self.terms.vault, "chain_id": self.terms.chain_id, **line}
            self._journal.append(held, json.dumps(whole, separators=(",", ":")))

    def _take(self, line: dict[str, Any]) -> None:
        try:
            if "named" in line:
                self.names[str(line["named"])] = int(line["instrument"])
                return
            digest = int(line["hash"], 16)
            if "sent" in line:
                kept = Kept(read_order(line["sent"]), digest, int(line["since"]))
                self.orders.setdefault(digest, kept).refused = False
            elif "refused" in line:
                self.orders[digest].refused = True
            elif "acknowledged" in line:
                self._named(self.orders[digest], str(line["acknowledged"]))
            else:
                signed = SignedReceipt.from_wire(line["receipt"])
                self._contradicts(signed)
                self.receipts[signed.receipt.batch, signed.receipt.sequence] = signed
                if digest in self.orders:
                    self.orders[digest].receipt = signed
        except (KeyError, ValueError, OrderError, ReceiptError):
            raise self._damaged(line["line"]) from None

    def _damaged(self, number: int) -> ClientError:
        what = f"{self.path}, line {number}: not a line of a trader's book; move the file away and ask the relayer for your orders"
        return ClientError(what, {"path": str(self.path), "line": number})


def _excludes(one: Order, other: Order) -> bool:
    """Whether of two orders in one batch one would be void, for its nonce."""
    places = {(each.account, each.epoch, each.slot, each.kind == "cancel") for each in (one, other)}
    together = one.first_batch <= other.last_batch and other.first_batch <= one.last_batch
    return len(places) == 1 and one.kind != "cancel" and together
