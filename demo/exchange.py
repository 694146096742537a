"""A vault on a chain with a relayer beside it, and the traders, who reach both as anybody does: chain by transactions, relayer by HTTP.

Nothing here acts for the operator: it deploys the vault and funds its bonds before the relayer runs, and no more. What traders send by
HTTP is left to :mod:`demo.sending`, what can be seen of a batch to :mod:`demo.retraced`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from demo.chain import Contract, LocalChain, Receipt, created_address
from demo.errors import NotShown
from demo.market import PARAMS
from demo.story import FEE_RATE, MARGIN, TOKEN
from demo.traders import Trader, make_traders
from demo.vault import ETHER, OPERATOR, Plan, Terms, Vault
from prover.batch import SettledRow, State, risk_rows
from prover.exit import ExitRequest, prove_exit
from prover.keys import Keys
from prover.orders import domain as domain_of
from prover.risk import RiskTable
from relayer.client import Client, Patience, UnlockedSender

BENEFICIARY: Final = 1
FIRST_TRADER: Final = 2
"""Which of the chain's unlocked accounts is credited with settlements, and which is the first trader's; 0 is the operator's."""
BONDS: Final = 10 * ETHER
BEFORE_THE_VAULT: Final = 5
"""Contracts that are deployed before the vault, by the same account."""
PATIENCE: Final = Patience(seconds=120.0, first=0.1, longest=1.0)
HOME_SECONDS: Final = 300.0
GLANCE: Final = 0.1


@dataclass(frozen=True)
class Movement:
    """Test dollars that moved between somebody and the vault, in token units, with the gas that it took."""

    who: str
    amount: int
    gas: int


@dataclass
class Exchange:
    """The vault, what its traders know, and the state that follows from the batches so far."""

    chain: LocalChain
    vault: Vault
    keys: Keys
    traders: tuple[Trader, ...]
    state: State
    clients: dict[int, Client] = field(default_factory=dict)
    table: RiskTable | None = None
    settled: dict[int, int] = field(default_factory=dict)
    envelopes: list[str] = field(default_factory=list)
    deposits: list[Movement] = field(default_factory=list)
    claims: list[Movement] = field(default_factory=list)
    epochs: list[Receipt] = field(default_factory=list)
    exits: list[Receipt] = field(default_factory=list)

    @classmethod
    def open(cls, chain: LocalChain, keys: Keys) -> Exchange:
        """Deploys the vault, which starts from the fund's empty account, and funds the operator's bonds."""
        operator = chain.accounts[OPERATOR]
        foreseen = domain_of(chain.chain_id, created_address(operator, chain.nonce(operator) + BEFORE_THE_VAULT))
        traders = make_traders(foreseen)
        fund, plan = traders[0].holder, Plan(terms=Terms(FEE_RATE, *MARGIN))
        vault = Vault.deploy(chain, keys, lambda domain: State.genesis(PARAMS, fund, domain).root, fund.owner, plan)
        if vault.domain != foreseen:
            raise NotShown("the vault has the domain that its owners' keys are for")
        vault.fund_bonds(BONDS)
        return cls(chain, vault, keys, traders, State.genesis(PARAMS, fund, foreseen))

    @property
    def contract(self) -> Contract:
        """The vault's contract."""
        return self.vault.contract

    @property
    def domain(self) -> int:
        """The vault's domain."""
        return self.vault.domain

    def account(self, trader: Trader) -> str:
        """The chain's account that a trader pays from and is paid to."""
        return self.chain.accounts[FIRST_TRADER + trader.index]

    # ---- what signers and traders do on chain

    def post_epoch(self, table: RiskTable, settled: Mapping[int, int]) -> None:
        """Puts a signed risk table in force; the instruments that have left it get their settlement values."""
        rows = tuple(SettledRow(number, value) for number, value in sorted(settled.items()))
        sender = self.account(self.traders[0])
        self.epochs.append(self.vault.post_epoch(risk_rows(table), rows, sender))
        self.table = table
        self.settled.update(settled)

    def deposit(self, amounts: Mapping[int, int]) -> None:
        """Deposits in token units, each by its trader; a first deposit is where an owner gets its account."""
        for index, amount in sorted(amounts.items()):
            trader = self.traders[index]
            payer = self.account(trader)
            self.vault.token.send("mint", payer, amount, sender=payer)
            made = self.clients[index].deposit(Decimal(amount) / TOKEN, UnlockedSender(payer))
            if made.account != index:
                raise NotShown(f"{trader.name} was to get account {index}, and not {made.account}")
            gas = self.chain.receipt("0x" + made.transaction.hex()).gas
            self.deposits.append(Movement(trader.name, amount, gas))

    def request_exits(self, amounts: Mapping[int, int]) -> None:
        """Exit requests in token units, each proven by its owner alone, to its own account on the chain."""
        for index, amount in sorted(amounts.items()):
            trader = self.traders[index]
            request = ExitRequest(
                domain=self.domain,
                index=index,
                recipient=self.account(trader).lower(),
                amount=amount,
                number=self.contract.call("exitCount", index),
            )
            proven = prove_exit(request, trader.holder, self.keys, seed=trader.seed)
            arguments = index, amount, request.recipient, proven.proof
            fee = self.vault.plan.limits.exit_fee
            self.exits.append(self.contract.send("requestExit", *arguments, sender=self.account(trader), value=fee))

    def deep(self, blocks: int) -> None:
        """Waits until so many blocks are over all that was sent before."""
        sent = self.chain.block()
        while self.chain.block() < sent + blocks:
            time.sleep(GLANCE)

    def claim(self, who: str, recipient: str, amount: int) -> None:
        """Claims what is credited to an address; it must be that amount."""
        before = self.vault.balance(recipient)
        receipt = self.contract.send("claim", recipient, sender=self.account(self.traders[0]))
        if self.vault.balance(recipient) - before != amount:
            raise NotShown(f"{who} could not claim {amount} token units")
        self.claims.append(Movement(who, amount, receipt.gas))

    # ---- the traders and the relayer

    def join(self, url: str) -> None:
        """Every trader has a client of its own and makes its keys known to the relayer, encrypted."""
        for trader in self.traders[1:]:
            client = Client(url, trader.secret, rpc=self.chain.url, vault=self.vault.address, patience=PATIENCE)
            client.http.event_hooks["request"].append(lambda sent: self.envelopes.append(sent.content.decode()))
            self.clients[trader.index] = client
        with ThreadPoolExecutor(len(self.clients)) as pool:  # at once, as a relayer takes registrations by the group
            list(pool.map(Client.register, self.clients.values()))

    @property
    def anybody(self) -> Client:
        """A client that asks for what the relayer tells everybody."""
        return next(iter(self.clients.values()))

    def leave(self) -> None:
        """Closes all connections."""
        for client in self.clients.values():
            client.close()

    def bonds_home(self) -> int:
        """Lets the time for challenges pass and waits until the relayer has all its bonds back; wei that were locked."""
        bonds = self.vault.bonds
        locked = BONDS - int(bonds.call("free"))
        self.chain.pass_time(self.vault.plan.bonds.challenge_time + 1)
        end = time.monotonic() + HOME_SECONDS
        while bonds.call("free") != BONDS:
            if time.monotonic() > end:
                raise NotShown("the operator did not get all its bonds back")
            time.sleep(GLANCE)
        return locked
