"""What a trader does and sees without the relayer: deposits, the account decrypted from chain data, receipts held against the seal.

All of it needs an endpoint of the chain, and believes that endpoint as to what the chain is (docs/relayer.md, "Chain data").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from relayer.api import schemas
from relayer.api.forms import plain
from relayer.chain import Contract, Receipt
from relayer.client.book import Book
from relayer.client.looking import Looking
from relayer.client.making import Number, token_units
from relayer.client.problems import ClientError, ContradictionError, Problem
from relayer.client.steps import Steps, work
from relayer.errors import ReceiptError, ReplicaError, RpcError
from relayer.history import History
from relayer.inclusion import shows, touch_of_receipts
from relayer.ledger import read_ledger
from relayer.reading import AccountReading, CipherSource, Touched, read_account, touches_of
from relayer.receipts import Answer, SignedReceipt
from relayer.sender import Sender, concluded, submitted, transact
from relayer.vault import Vault

TOUCH_WORD: Final = 1


class Standing(StrEnum):
    """What became of a receipt. ``PROVEN``: its order is in the settled batch, by chain data alone. ``SHOWN``: the relayer showed it in
    the seal. ``UNSEALED``: its batch has no seal yet. ``EXPIRED``: its batch ran out without a seal, and no answer can show the order:
    challenge it within the window for the base bond. ``VOID``: the batch was given up; the bond is burnt. ``UNSHOWN``: sealed, and
    nobody has shown the order in it yet: challenge it in time.
    """

    PROVEN = "proven"
    SHOWN = "shown"
    UNSEALED = "unsealed"
    EXPIRED = "expired"
    VOID = "void"
    UNSHOWN = "unshown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A receipt and what became of it; ``order``: its order's hash."""

    batch: int
    sequence: int
    order: int
    id: str | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class Deposited:
    """A deposit that is in the vault's queue: the next batch that is sealed credits it."""

    transaction: bytes
    account: int
    amount: int


class OnChain(Looking):
    """A trader with an endpoint of the chain."""

    source: CipherSource | None = None

    def deposit(self, tokens: Number, sender: Sender) -> Steps[Deposited]:
        """Deposits tokens of ``sender`` into the own account; allows the vault that much first, if it may not take it yet.

        :class:`ClientError` unless the vault was named: one that only the relayer names could be a contract of its own.
        """
        self.venue.named()
        amount, holder, vault = token_units(tokens), (yield from self.holder()), (yield from self.venue.vault())
        yield from self.terms()
        return (yield from work(lambda: _deposit(vault, sender, holder.owner, amount)))

    def read(self) -> Steps[AccountReading | None]:
        """The account after the last settled batch, decrypted from chain data; None before the first batch that touched it."""
        holder, index, vault = (yield from self.holder()), (yield from self.index()), (yield from self.venue.vault())
        source = self.source
        return (yield from work(lambda: read_account(vault, _history(vault).settlements, holder, index, source)))

    def settled_epoch(self) -> Steps[int | None]:
        """The account's nonce epoch after the last settled batch, by chain data; 0 before its first batch, None where the chain is not
        seen, or has not the ciphertext and no replica was named.
        """
        if self.venue.chain is None:
            return None
        try:
            found = yield from self.read()
        except ReplicaError:
            return None
        return 0 if found is None else found.leaf.epoch

    def verify_receipts(self) -> Steps[list[Verdict]]:
        """Holds every receipt against the chain, those that orders got meanwhile too. :class:`ContradictionError` where the operator's
        seal breaks one, or two of them break each other.
        """
        book, vault = (yield from self.book()), (yield from self.venue.vault())
        yield from self._late_receipts()
        yield from work(book.refresh)
        if book.contradictions:
            raise book.contradictions[0]
        index = yield from self.index()
        history = yield from work(lambda: _history(vault))
        verdicts: list[Verdict] = []
        for batch, group in groupby((signed for _, signed in sorted(book.receipts.items())), lambda s: s.receipt.batch):
            receipts = list(group)
            standings = yield from self._standings(book, vault, history, index, batch, receipts)
            verdicts += [_verdict(book, signed, standing) for signed, standing in zip(receipts, standings, strict=True)]
        return verdicts

    def _late_receipts(self) -> Steps[None]:
        """Keeps what receipts the relayer shows, if it answers. One that binds nobody is none, and does not hide what became of others."""
        book = yield from self.book()
        try:
            shown = yield from self._items(())
        except ClientError:
            return
        for each in shown:
            try:
                yield from self._collected(book, each)
            except ContradictionError:
                raise
            except (ClientError, ReceiptError):
                continue

    def _standings(
        self, book: Book, vault: Vault, history: History, index: int, batch: int, receipts: list[SignedReceipt]
    ) -> Steps[list[Standing]]:
        if batch not in history.seals:
            return [Standing.EXPIRED if batch in history.expired else Standing.UNSEALED] * len(receipts)
        for signed in receipts:
            _against_seal(book, history, signed)
        if batch in history.voided:
            return [Standing.VOID] * len(receipts)
        touched = next(
            (each for each in touches_of(history.settlements, index, vault.layout.touches) if each.batch == batch), None
        )
        if touched is not None and (yield from self._proven(vault, touched, index, receipts)):
            return [Standing.PROVEN] * len(receipts)
        found: list[Standing] = []
        for signed in receipts:
            found.append((yield from self._shown(book, vault.sizes.orders, history, signed)))
        return found

    def _proven(self, vault: Vault, touched: Touched, index: int, receipts: list[SignedReceipt]) -> Steps[bool]:
        """Whether the settled touch holds exactly these orders: its own hash on chain says which, in which sequence."""
        key = (yield from self.holder()).viewing_key
        own = touch_of_receipts(receipts, vault.sizes.orders, key, vault.domain, index, touched.batch)
        return touched.segment.open_touch(touched.place)[TOUCH_WORD] == own

    def _shown(self, book: Book, slots: int, history: History, signed: SignedReceipt) -> Steps[Standing]:
        kept, seal = book.orders.get(int.from_bytes(signed.receipt.order, "big")), history.seal_of(signed.receipt.batch)
        if kept is None or kept.id is None:
            return Standing.UNSHOWN
        try:
            shown = yield from self.inclusion(signed.receipt.batch, kept.id)
        except Problem:
            return Standing.UNSHOWN
        answer = _answer(shown)
        same = answer.seal_root == seal.seal.root and answer.receipts_hash == seal.receipts_hash
        domain = (yield from self.terms()).domain
        return (
            Standing.SHOWN
            if same and shows(signed, answer, orders=seal.seal.orders, slots=slots, domain=domain)
            else Standing.UNSHOWN
        )


def _against_seal(book: Book, history: History, signed: SignedReceipt) -> None:
    """Raises what convicts the operator at once: a number above the seal's, or a last one that is not the seal's."""
    receipt, sealed = signed.receipt, history.seal_of(signed.receipt.batch)
    if receipt.sequence > sealed.seal.orders:
        raise book.contradiction("a receipt with a number above those it sealed", signed, None)
    if receipt.sequence == sealed.seal.orders and receipt.chained != sealed.receipts_hash:
        raise book.contradiction("a last receipt that is not what it sealed", signed, None)


def _history(vault: Vault) -> History:
    return History.of(read_ledger(vault))


def _verdict(book: Book, signed: SignedReceipt, standing: Standing) -> Verdict:
    order = int.from_bytes(signed.receipt.order, "big")
    kept = book.orders.get(order)
    return Verdict(signed.receipt.batch, signed.receipt.sequence, order, None if kept is None else kept.id, standing)


def _answer(shown: schemas.Inclusion) -> Answer:
    return Answer(
        seal_root=plain(shown.seal_root),
        receipts_hash=plain(shown.receipts_hash),
        account=shown.account,
        path=[plain(each) for each in shown.path],
        position=shown.position,
        slot=shown.slot,
        hashes=[int(each, 16) for each in shown.hashes],
        sequences=[int(each, 16) for each in shown.sequences],
        salt=int(shown.salt, 16),
        previous=plain(shown.previous),
    )


def _deposit(vault: Vault, sender: Sender, owner: int, amount: int) -> Deposited:
    token, contract = vault.token, vault.contract
    if int(token.call("balanceOf", sender.address)) < amount:
        raise ClientError("the sender holds fewer tokens than are to be deposited", {"sender": sender.address})
    if int(token.call("allowance", sender.address, vault.address)) < amount:
        transact(token, sender, "approve", vault.address, amount)
    receipt = _once(contract, sender, owner, amount)
    found = contract.call("accountOf", owner)
    return Deposited(receipt.transaction, int(found.index), amount)


def _once(contract: Contract, sender: Sender, owner: int, amount: int) -> Receipt:
    """The deposit's transaction. Unlike an order it has no name by which it is known again, so who tries again must look for it first."""
    digest = None
    try:
        digest = submitted(contract, sender, "deposit", owner, amount)
        return concluded(contract, "deposit", digest)
    except RpcError as error:
        what = (
            f"it is not known whether the deposit was sent ({error}): see what {sender.address} has sent before you deposit again"
            if digest is None
            else f"the deposit is transaction 0x{digest.hex()}, and not known to be mined ({error.__class__.__name__}): it still may be. "
            "Look it up before you deposit again, or the tokens go in twice"
        )
        sent = None if digest is None else "0x" + digest.hex()
        raise ClientError(what, {"sender": sender.address, "transaction": sent}) from error
