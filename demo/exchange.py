"""The operator of the demo, and the traders at its vault: deposits, orders, seal, clearing, proofs, settlement, claims.

The order of things is the protocol's: a batch is opened under an epoch, sealed before anything of it is cleared, and its settlement is
checked against what the vault holds, read back from it, and not against what the operator believes. Deposits, exit requests and
claims are the traders' own transactions; the operator cannot make them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from demo.chain import Contract, LocalChain, Receipt
from demo.errors import NotShown
from demo.market import PARAMS
from demo.progress import Watch
from demo.seal import put_together, receipts_hash, seal_root
from demo.story import FEE_RATE, MARGIN, Request
from demo.traders import Trader
from demo.vault import ETHER, Plan, Terms, Vault
from prover.batch import Cleared, Context, SealedBatch, SettledRow, State, risk_rows
from prover.exit import ExitRequest, prove_exit
from prover.keys import Keys
from prover.orders import Touch
from prover.posting import Posting
from prover.proof import prove
from prover.risk import RiskTable
from prover.settlement import Expected, LockedDeposit, Settlement, verify

PROVE: Final = "prove batch {}"
BENEFICIARY: Final = 1
FIRST_TRADER: Final = 2
"""Which of the chain's unlocked accounts is credited with settlements, and which is the first trader's; 0 is the operator's."""
BONDS: Final = 10 * ETHER


@dataclass(frozen=True)
class Sealed:
    """A batch that the chain holds the seal of, and nobody has cleared."""

    number: int
    touches: tuple[Touch, ...]
    root: bytes
    deposit_end: int
    exit_end: int
    opening: Receipt
    receipt: Receipt


@dataclass(frozen=True)
class Settled:
    """A batch that the vault has settled."""

    sealed: Sealed
    cleared: Cleared
    settlement: Settlement
    receipt: Receipt


@dataclass(frozen=True)
class Movement:
    """Test dollars that moved between somebody and the vault, in token units, with the gas that it took."""

    who: str
    amount: int
    gas: int


@dataclass
class Exchange:
    """A vault on a chain, with the operator's state behind it and the traders around it."""

    chain: LocalChain
    vault: Vault
    keys: Keys
    traders: tuple[Trader, ...]
    watch: Watch
    state: State
    table: RiskTable | None = None
    settled: dict[int, int] = field(default_factory=dict)
    deposits: list[Movement] = field(default_factory=list)
    claims: list[Movement] = field(default_factory=list)
    epochs: list[Receipt] = field(default_factory=list)
    exits: list[Receipt] = field(default_factory=list)

    @classmethod
    def open(cls, chain: LocalChain, keys: Keys, traders: tuple[Trader, ...], watch: Watch) -> Exchange:
        """Deploys the vault, which starts from the fund's empty account, and funds the operator's bonds."""
        fund = traders[0].holder
        vault = Vault.deploy(
            chain,
            keys,
            lambda domain: State.genesis(PARAMS, fund, domain).root,
            fund.owner,
            Plan(terms=Terms(FEE_RATE, *MARGIN)),
        )
        vault.fund_bonds(BONDS)
        return cls(chain, vault, keys, traders, watch, State.genesis(PARAMS, fund, vault.domain))

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

    # ---- what traders and signers do

    def post_epoch(self, table: RiskTable, settled: Mapping[int, int]) -> None:
        """Puts a signed risk table in force; the instruments that have left it get their settlement values."""
        rows = tuple(SettledRow(number, value) for number, value in sorted(settled.items()))
        self.epochs.append(self.vault.post_epoch(risk_rows(table), rows))
        self.table = table
        self.settled.update(settled)

    def deposit(self, amounts: Mapping[int, int]) -> None:
        """Deposits in token units, each by its trader; a first deposit is where an owner gets its account."""
        for index, amount in sorted(amounts.items()):
            trader = self.traders[index]
            payer = self.account(trader)
            self.vault.mint(payer, amount)
            given, receipt = self.vault.deposit(trader.holder.owner, amount, payer)
            if given != index:
                raise NotShown(f"{trader.name} was to get account {index}, and not {given}")
            self.deposits.append(Movement(trader.name, amount, receipt.gas))

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

    def release_bonds(self) -> int:
        """Lets the time for challenges pass and takes the bonds of all batches back; wei locked until then."""
        bonds, before = self.vault.bonds, self.vault.bonds.call("free")
        self.chain.pass_time(self.vault.plan.bonds.challenge_time + 1)
        for number in range(1, self.contract.call("batch") + 1):
            bonds.send("release", number)
        if bonds.call("free") != BONDS:
            raise NotShown("the operator did not get all its bonds back")
        return BONDS - int(before)

    def claim(self, who: str, recipient: str, amount: int) -> None:
        """Claims what is credited to an address; it must be that amount."""
        before = self.vault.balance(recipient)
        receipt = self.contract.send("claim", recipient)
        if self.vault.balance(recipient) - before != amount:
            raise NotShown(f"{who} could not claim {amount} token units")
        self.claims.append(Movement(who, amount, receipt.gas))

    # ---- what the operator does

    def seal(
        self, requests: Sequence[Request], deposits: Mapping[int, int], exits: Mapping[int, int], at: int
    ) -> Sealed:
        """Opens the next batch, and at a time commits on chain to its orders, all queued deposits and all exit requests."""
        opening = self.contract.send("open")
        number = self.contract.event(opening, "BatchOpened")["batch"]
        touches = put_together(requests, self.traders, deposits, exits, self.domain)
        root, chained = seal_root(touches, self.domain, number), receipts_hash(touches, self.domain, number)
        deposit_end, exit_end = self.contract.call("depositQueue")[1], self.contract.call("exitQueue")[1]
        self.chain.next_block_at(at)
        receipt = self.contract.send("seal", (root, chained, len(touches), len(requests), deposit_end, exit_end))
        return Sealed(number, touches, root, deposit_end, exit_end, opening, receipt)

    def clear(self, sealed: Sealed) -> Cleared:
        """Clears the sealed batch under the epoch and the time that its seal has on chain."""
        if self.table is None:
            raise NotShown("an epoch is posted before a batch is cleared")
        batch = SealedBatch(
            params=PARAMS,
            context=sealed_context(self.contract),
            risk=risk_rows(self.table),
            touches=sealed.touches,
            settled=settled_rows(self.state, sealed.touches, self.settled),
        )
        cleared = self.state.clear(batch)
        if cleared.seal_root != sealed.root:
            raise NotShown("the seal that the core computes is the one on chain")
        return cleared

    def prove(self, sealed: Sealed, cleared: Cleared, workers: int) -> Settlement:
        """Proves the batch, with a bar."""
        with self.watch.proving(PROVE.format(sealed.number), cleared.segments + 1) as hear:
            return prove(
                cleared,
                self.keys,
                workers=workers,
                deposit_end=sealed.deposit_end,
                exit_end=sealed.exit_end,
                beneficiary=self.chain.accounts[BENEFICIARY],
                progress=hear,
            )

    def check(self, settlement: Settlement) -> int:
        """Checks a settlement against what the vault holds; the root after it."""
        return verify(settlement, self.keys, trusted(self.contract, self.settled))

    def settle(self, sealed: Sealed, cleared: Cleared, settlement: Settlement) -> Settled:
        """Sends the settlement; the vault's root is then the state's."""
        receipt = self.vault.settle(Posting(settlement))
        if self.contract.call("root") != cleared.end_root:
            raise NotShown("the vault's root after settling is that of the operator's state")
        self.state = cleared.state
        return Settled(sealed, cleared, settlement, receipt)


def settled_rows(state: State, touches: Sequence[Touch], values: Mapping[int, int]) -> tuple[SettledRow, ...]:
    """Of the settled instruments, by id with their values, those that the touched accounts hold."""
    leaves = [state.leaf(touch.index) for touch in touches]
    held = {position.instrument for leaf in leaves if leaf for position in leaf.positions}
    return tuple(SettledRow(number, values[number]) for number in sorted(held & values.keys()))


def sealed_context(contract: Contract) -> Context:
    """The context of the sealed batch: the vault's seal, under its terms."""
    _, batch, _, _, _, _, last_void, _, time = contract.call("currentSeal")
    fee_rate, num, den = contract.call("terms")
    return Context(
        domain=contract.call("domain"),
        batch=batch,
        last_void=last_void,
        time=time,
        fee_rate=fee_rate,
        num=num,
        den=den,
    )


def trusted(contract: Contract, settled: Mapping[int, int]) -> Expected:
    """What a settlement of the sealed batch is checked against: the vault's storage, all of it.

    ``settled`` names the instruments whose settlement values are looked up.
    """
    root, _, _, orders, deposit_end, exit_end, _, epoch, _ = contract.call("currentSeal")
    deposits: dict[int, LockedDeposit] = {}
    for entry in range(contract.call("depositQueue")[0], deposit_end):
        _, amount, index, _ = contract.call("deposits", entry)
        if not amount:
            continue
        before = deposits[index].amount if index in deposits else 0
        deposits[index] = LockedDeposit(before + amount, contract.call("ownerOf", index))
    exits = [contract.call("exits", entry) for entry in range(contract.call("exitQueue")[0], exit_end)]
    return Expected(
        context=sealed_context(contract),
        start_root=contract.call("root"),
        seal_root=root,
        active_orders=orders,
        deposit_end=deposit_end,
        exit_end=exit_end,
        risk_root=contract.call("epochs", epoch)[0],
        deposits=deposits,
        exits={index: amount for _, amount, index, _ in exits},
        settled={number: contract.call("settlementValue", number)[0] for number in settled},
    )
