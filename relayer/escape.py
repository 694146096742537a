"""The way out of a vault, step by step, from chain data and a seed alone.

A running vault pays free cash to who asks with a proof (:meth:`WayOut.request_cash`); a request that is not answered in time
freezes the vault (:meth:`WayOut.freeze`); a frozen one pays every account its share of what is there (:meth:`WayOut.leave`):
queued deposits back, the account's worth proven and registered, the share credited when the window is over, and claimed.
Every step is looked up on chain before it is taken, so that a run that was stopped, or done twice, goes on from where it is.

Positions are valued at the marks of the last settled batch's epoch, settled instruments at their recorded values; both are in the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from prover.batch import Leaf, RiskRow, risk_root
from prover.escape import Escape, EscapeStatement, escape_statement, prove_escape
from prover.exit import ExitRequest, prove_exit
from prover.keys import Keys
from prover.orders import Holder
from relayer.chain import Address
from relayer.errors import ExitError, LedgerError, RevertedError, RpcError
from relayer.history import History
from relayer.interface import Struct
from relayer.ledger import Ledger
from relayer.reading import AccountReading, CipherSource, read_account
from relayer.rebuild import Rebuilt
from relayer.records import EpochPosted, ExitRequested, WithdrawalCredited
from relayer.seed import Seed
from relayer.sender import Sender, transact
from relayer.vault import Vault

FUND: Final = 0

Tell = Callable[[str], object]
"""Told what is being done, in words."""


class Step(NamedTuple):
    """A transaction that was sent: what it did, and its hash."""

    name: str
    transaction: bytes


class Valued(NamedTuple):
    """A position at the one value it leaves at: lots, price units a contract, whether the value is a settlement value."""

    instrument: int
    quantity: int
    value: int
    settled: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an owner stands with a vault, at a block.

    ``account`` is None where no batch has touched it. ``now``: time of the block. ``escape``: what is registered, None if nothing is.
    """

    index: int
    block: int
    now: int
    account: AccountReading | None
    frozen_at: int
    window_end: int
    escape: Struct | None
    claimable: dict[Address, int]


@dataclass
class WayOut:
    """One owner's way out of one vault. ``source`` gives ciphertext where the vault keeps it at replicas."""

    vault: Vault
    seed: Seed = field(repr=False)
    recipient: Address
    sender: Sender
    keys: Callable[[], Keys]
    subaccount: int = 0
    source: CipherSource | None = None
    tell: Tell = lambda _: None
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.holder: Holder = self.seed.holder(self.vault.domain, self.subaccount)
        self._look()
        found = self.history.accounts.get(self.holder.owner)
        if found is None:
            what = f"the vault {self.vault.address} has no account of this seed's subaccount {self.subaccount}: is the seed the right one?"
            raise ExitError(what, {"vault": self.vault.address, "subaccount": self.subaccount})
        self.index: int = found
        self.account = self._read()

    # ---- looking

    def _look(self) -> None:
        """Reads the chain up to its newest block. All that is said of the account is of that block, whatever is settled meanwhile."""
        self.tell("reading the vault's events and calldata")
        ledger = Ledger(self.vault)
        ledger.advance()
        self.history = History.of(ledger.records)
        self._credits = [each for each in ledger.records if isinstance(each, ExitRequested | WithdrawalCredited)]
        self._root = self._root_at(ledger.head)

    def _look_again(self) -> None:
        self._look()
        self.account = self._read()

    def _root_at(self, block: int | None) -> int:
        contract = self.vault.contract
        if block is not None:
            try:
                return int(contract.call("root", at=block))
            except RpcError:
                self.tell(f"the endpoint no longer has the state of block {block}: the root is the newest")
        return int(contract.call("root"))

    def standing(self) -> Standing:
        """Where the owner stands now."""
        head, contract = self.vault.chain.head(), self.vault.contract
        frozen_at = int(contract.call("frozenAt"))
        window = int(contract.call("delays").claimWindow)
        registered = contract.call("escapes", self.index)
        known = registered if int(registered.recipient, 16) else None
        payees = {self.recipient, *({known.recipient} if known else ()), *self._payers(), *self._recipients()}
        claimable = {payee: int(contract.call("claimable", payee)) for payee in sorted(payees)}
        end = frozen_at + window * (2 if self.index == FUND else 1) if frozen_at else 0
        account = self.account
        return Standing(self.index, head.number, head.time, account, frozen_at, end, known, claimable)

    def _payers(self) -> set[Address]:
        """Who paid the deposits that were returned: a returned deposit is its payer's to claim."""
        return {
            self.history.deposits[entry].payer
            for entry in self.history.returned
            if self.history.deposits[entry].index == self.index
        }

    def _recipients(self) -> set[Address]:
        """Whom withdrawals and exits of the account were to be credited to, which may be others than who leaves now."""
        return {each.recipient for each in self._credits if each.index == self.index}

    def _read(self) -> AccountReading | None:
        return read_account(self.vault, self.history.settlements, self.holder, self.index, self.source)

    # ---- a running vault

    def request_cash(self, amount: int) -> None:
        """Asks for up to ``amount`` token units of free cash; does nothing if a request is waiting."""
        waiting = self.history.waiting_exits(self.index)
        if waiting:
            self.tell(
                f"a request for {waiting[-1].amount} token units is waiting, to be answered until {waiting[-1].deadline}"
            )
            return
        contract = self.vault.contract
        number = int(contract.call("exitCount", self.index))
        fee = 0 if int(contract.call("retirement").time) else int(contract.call("limits").exitFee)
        request = ExitRequest(
            domain=self.vault.domain, index=self.index, recipient=self.recipient, amount=amount, number=number
        )
        self.tell("proving the exit request")
        proven = prove_exit(request, self.holder, self.keys(), seed=self.seed.signing_key)
        self._send("requestExit", self.index, amount, self.recipient, proven.proof, value=fee)

    def freeze(self) -> None:
        """Freezes the vault, if an exit request is late or a retirement has taken effect (:class:`ExitError` if not)."""
        contract, now = self.vault.contract, self.vault.chain.head().time
        head = contract.call("exitQueue").head
        deadline, retirement = int(contract.call("earliestDeadline", head)), int(contract.call("retirement").time)
        if deadline >= now and not 0 < retirement <= now:
            late = (
                f"the earliest deadline of an exit request is {deadline}"
                if deadline < 2**40 - 1
                else "no exit request is waiting"
            )
            raise ExitError(f"the vault cannot be frozen at {now}: {late}", {"now": now, "deadline": deadline})
        self._send("freeze")
        self._look_again()

    # ---- a frozen vault

    def leave(self) -> Standing:
        """Takes every step that can be taken now; where the owner then stands."""
        if self.history.frozen is None:
            self._look_again()  # somebody froze it meanwhile, perhaps after another batch
        self._return_deposits()
        standing = self.standing()
        if standing.escape is None and self.account is not None:
            self._register()
            standing = self.standing()
        if standing.escape is not None and not standing.escape.paid and standing.now > standing.window_end:
            self._send("payEscape", self.index)
            standing = self.standing()
        for payee, amount in standing.claimable.items():
            if amount:
                self._claim(payee)
        return self.standing()

    def statement(self) -> EscapeStatement:
        """What the account is worth, by the marks and values it leaves at."""
        return escape_statement(self._escape(), seed=self.seed.signing_key)

    def valued(self) -> list[Valued]:
        """The account's positions and their values."""
        rows = {row.instrument: row.mark for row in self._epoch().rows}
        values = dict(self.history.settled_values(self._epoch().epoch))
        return [
            Valued(held.instrument, held.quantity, rows[held.instrument], settled=False)
            if held.instrument in rows
            else Valued(held.instrument, held.quantity, values[held.instrument], settled=True)
            for held in self._leaf().positions
        ]

    def _return_deposits(self) -> None:
        for deposit in self.history.waiting_deposits(self.index):
            self.tell(
                f"returning the queued deposit {deposit.entry} of {deposit.amount} token units to {deposit.payer}"
            )
            self._send("returnDeposit", deposit.entry)
            self.history.returned.add(deposit.entry)

    def _register(self) -> None:
        escape = self._escape()
        statement = escape_statement(escape, seed=self.seed.signing_key)
        if not statement.equity:
            self.tell("the account is worth nothing: there is nothing to register")
            return
        self.tell("proving what the account is worth")
        proven = prove_escape(escape, self.keys(), seed=self.seed.signing_key)
        self._send(
            "escape", (self.index, self.recipient, statement.equity, list(statement.settled_words), proven.proof)
        )

    def _escape(self) -> Escape:
        rebuilt, epoch = self._tree(), self._epoch()
        return Escape(
            params=self.vault.params,
            domain=self.vault.domain,
            index=self.index,
            recipient=self.recipient,
            holder=self.holder,
            leaf=self._leaf(),
            path=rebuilt.tree.path(self.index),
            risk=self._rows(epoch),
            settled=dict(self.history.settled_values(epoch.epoch)),
        )

    def _tree(self) -> Rebuilt:
        """The tree of chain data, at the root that the vault had when it was read: in a frozen one, the root that it is frozen at."""
        if self.history.genesis is None:
            raise LedgerError("the vault's first event is missing from what the endpoint gave")
        self.tell("rebuilding the tree of accounts")
        rebuilt = Rebuilt.at_genesis(self.vault.params, self.history.genesis)
        rebuilt = rebuilt.after_all(self.history.settlements, self.vault.layout)
        root = self._root
        if rebuilt.root != root:
            what = (
                f"the tree of the settled batches has root {rebuilt.root:#x}, the vault has {root:#x}:"
                " run this again, or ask another endpoint"
            )
            raise LedgerError(what, {"computed": hex(rebuilt.root), "published": hex(root)})
        return rebuilt

    def _epoch(self) -> EpochPosted:
        epoch = self.history.last_epoch
        if epoch is None:
            raise ExitError(
                "no batch was ever settled: deposits are returned, and nothing else is owed", {"index": self.index}
            )
        return epoch

    def _rows(self, epoch: EpochPosted) -> tuple[RiskRow, ...]:
        if risk_root(self.vault.params, epoch.rows) != epoch.risk_root:
            what = f"the rows posted with epoch {epoch.epoch} do not hash to its root: its signers signed another table than they published"
            raise LedgerError(what, {"epoch": epoch.epoch})
        return epoch.rows

    def _leaf(self) -> Leaf:
        if self.account is None:
            raise ExitError(
                f"no batch has touched account {self.index}: only its deposits are owed", {"index": self.index}
            )
        return self.account.leaf

    # ---- sending

    def _claim(self, payee: Address) -> None:
        try:
            self._send("claim", payee)
        except RevertedError as error:
            if error.name != "NothingToClaim":
                raise
            self.tell(f"the vault holds nothing for {payee} at the moment: claim again later")

    def _send(self, function: str, *arguments: object, value: int = 0) -> None:
        self.tell(f"sending {function}")
        receipt = transact(self.vault.contract, self.sender, function, *arguments, value=value)
        self.steps.append(Step(function, receipt.transaction))
