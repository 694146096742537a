"""What a trader does about a receipt that was not kept: the steps that the contract `Bonds` has for it (docs/protocol.md section 14).

Nobody's leave is needed, and no relayer is asked: one that breaks its receipts may not answer. Who opens a challenge stakes, and has the
stake back unless the order is shown in the sealed batch as the receipt says; what a slashed bond pays is owed and then pulled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prover.wire import read_text
from relayer.chain import Address, Log
from relayer.errors import ReceiptError
from relayer.history import History
from relayer.interface import Struct
from relayer.ledger import read_ledger
from relayer.receipts import SignedReceipt
from relayer.sender import Sender, transact
from relayer.vault import Vault

EVIDENCE: Final = "tacit.evidence.1"
CONTRADICT: Final = "contradict"
AGAINST_SEAL: Final = "contradictSeal"
WORD: Final = 32


@dataclass(frozen=True, slots=True)
class Opened:
    """A challenge in the contract: its number, the time (seconds of the block clock) until which it can be answered, the stake in wei;
    whether it was there already.
    """

    number: int
    deadline: int
    stake: int
    known: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a bond: whether it was slashed, and what was paid out to whom for that and for stakes, in wei."""

    slashed: bool
    paid: int
    to: Address


def challenge(vault: Vault, sender: Sender, signed: SignedReceipt, *, before: bool = False) -> Opened:
    """Asks the operator to show a receipt's order in the sealed batch, or with ``before`` the order before it. One that asks for the same
    and is open is not asked twice.

    :class:`relayer.errors.RevertedError` where the contract takes no challenge: the batch is not sealed, its window is over, the receipt
    is not the operator's.
    """
    bonds, receipt = vault.bonds, signed.receipt
    if before and receipt.sequence < 2:
        raise ReceiptError("there is no order before the first of a batch", {"sequence": receipt.sequence})
    wanted = receipt.sequence - 1 if before else receipt.sequence, bytes(WORD) if before else receipt.order
    stake = int(bonds.call("terms").stake)
    for number, asked in _open_challenges(vault):
        if (asked.batch, asked.sequence, bytes(asked.order)) == (receipt.batch, *wanted):
            return Opened(number, int(asked.deadline), stake, known=True)
    mined = transact(bonds, sender, "challenge", receipt.plain, signed.signature, before, value=stake)
    number = max(
        int(log.values.challenge) for log in _events(vault, mined.block, mined.block, "Challenged", mined.transaction)
    )
    return Opened(number, int(bonds.call("challenges", number).deadline), stake, known=False)


def close(vault: Vault, sender: Sender, number: int) -> Ended:
    """Closes a challenge that was not answered in time: the bond is lost, and what the challenger is owed is paid out to it."""
    bonds = vault.bonds
    asked = bonds.call("challenges", number)
    mined = transact(bonds, sender, "close", number)
    (event,) = _events(vault, mined.block, mined.block, "ChallengeClosed", mined.transaction)
    challenger = str(asked.challenger).lower()
    return Ended(bool(event.values.slashed), collect(vault, sender, challenger), challenger)


def convict(vault: Vault, sender: Sender, path: Path) -> Ended:
    """Shows the contract what a client stored when the operator signed what it cannot keep (docs/formats.md, "Evidence"), and has paid out
    what the bond pays for it.
    """
    function, first, second = _evidence(vault, path)
    if second is not None:
        transact(
            vault.bonds, sender, function, first.receipt.plain, first.signature, second.receipt.plain, second.signature
        )
    else:
        seal = History.of(read_ledger(vault)).seal_of(first.receipt.batch)
        transact(
            vault.bonds, sender, function, first.receipt.plain, first.signature, seal.seal.root, seal.receipts_hash
        )
    return Ended(True, collect(vault, sender, sender.address), sender.address)


def collect(vault: Vault, sender: Sender, account: Address) -> int:
    """Has paid out what an account is owed, in wei; anybody may send that."""
    owed = int(vault.bonds.call("owed", account))
    if owed:
        transact(vault.bonds, sender, "pay", account)
    return owed


def _open_challenges(vault: Vault) -> list[tuple[int, Struct]]:
    made = _events(vault, vault.first_block, vault.chain.head().number, "Challenged")
    asked = [(int(each.values.challenge), vault.bonds.call("challenges", each.values.challenge)) for each in made]
    return [(number, each) for number, each in asked if int(each.challenger, 16)]


def _events(vault: Vault, first: int, last: int, name: str, transaction: bytes | None = None) -> list[Any]:
    bonds = vault.bonds
    logs: list[Log] = [log for part in vault.chain.logs(bonds.address, first, last) for log in part]
    mine = [log for log in logs if transaction in (None, log.transaction)]
    read = [bonds.interface.read_log(log.topics, log.data) for log in mine]
    return [event for event in read if event is not None and event.name == name]


def _evidence(vault: Vault, path: Path) -> tuple[str, SignedReceipt, SignedReceipt | None]:
    """The contract's function that a stored evidence is for, and its receipts."""
    try:
        document = json.loads(read_text(path))
        place = document["format"], document["chain_id"], str(document["vault"]).lower()
        function, first, second = document["function"], document["first"], document["second"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ReceiptError(f"{path} is no file of evidence", {"path": str(path)}) from None
    if place != (EVIDENCE, vault.chain_id, vault.address) or function != (
        AGAINST_SEAL if second is None else CONTRADICT
    ):
        raise ReceiptError(f"{path} is evidence about another vault, or none", {"path": str(path)})
    return function, SignedReceipt.from_wire(first), None if second is None else SignedReceipt.from_wire(second)
