"""The operator of the demo: takes deposits and orders, seals, clears, proves, and has the contract settle.

The order of things is the protocol's: a batch is sealed on chain before anything of it is cleared; the settlement is
checked against what the contract holds, read back from it, and not against what the operator believes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from demo.chain import Contract, LocalChain, Receipt, Terms, deploy_settlement
from demo.errors import NotShown
from demo.market import PARAMS
from demo.progress import Watch
from demo.seal import put_together, seal_root
from demo.story import FEE_RATE, MARGIN, Request
from demo.traders import Trader
from prover.batch import Cleared, Context, SealedBatch, SettledRow, State, risk_root, risk_rows
from prover.keys import Keys
from prover.orders import Touch
from prover.proof import prove
from prover.risk import RiskTable
from prover.settlement import Expected, LockedDeposit, Settlement, verify

PROVE: Final = "prove batch {}"
PAYER: Final = 1
BENEFICIARY: Final = 2
"""Which of the chain's unlocked accounts pays deposits, and which is credited with settlements; 0 is the operator's."""

Arguments = tuple[list[tuple[object, ...]], tuple[object, ...], bytes, str]


@dataclass(frozen=True)
class Sealed:
    """A batch that the chain holds the seal of, and nobody has cleared."""

    number: int
    touches: tuple[Touch, ...]
    root: bytes
    deposit_end: int
    exit_end: int
    receipt: Receipt


@dataclass(frozen=True)
class Settled:
    """A batch that the contract has settled."""

    sealed: Sealed
    cleared: Cleared
    settlement: Settlement
    receipt: Receipt


@dataclass
class Exchange:
    """A settlement contract on a chain, with the operator's state behind it."""

    chain: LocalChain
    contract: Contract
    keys: Keys
    traders: tuple[Trader, ...]
    watch: Watch
    state: State
    domain: int
    table: RiskTable | None = None
    settled: dict[int, int] = field(default_factory=dict)

    @classmethod
    def open(cls, chain: LocalChain, keys: Keys, traders: tuple[Trader, ...], watch: Watch) -> Exchange:
        """Deploys the keys' verifier and the contract, which starts from the fund's empty account."""
        fund = traders[0].holder
        contract = deploy_settlement(
            chain,
            keys.solidity(),
            lambda domain: State.genesis(PARAMS, fund, domain).root,
            fund.owner,
            Terms(FEE_RATE, *MARGIN),
        )
        domain = contract.call("domain")
        return cls(chain, contract, keys, traders, watch, State.genesis(PARAMS, fund, domain), domain)

    def post_epoch(self, table: RiskTable, settled: Mapping[int, int]) -> Receipt:
        """Puts a risk table in force; the instruments that have left it get their settlement values."""
        before = [] if self.table is None else _ids(self.table)
        receipt = self.contract.send(
            "postEpoch", risk_root(PARAMS, table), _ids(table), before, sorted(settled.items())
        )
        self.table = table
        self.settled.update(settled)
        return receipt

    def deposit(self, amounts: Mapping[int, int]) -> None:
        """Queues deposits in token units; a first deposit is where an owner gets its account."""
        payer = self.chain.accounts[PAYER]
        for index, amount in sorted(amounts.items()):
            receipt = self.contract.send("enqueueDeposit", self.traders[index].holder.owner, amount, payer)
            given = [event.values["index"] for event in self.contract.events(receipt) if event.name == "DepositQueued"]
            if given != [index]:
                raise NotShown(f"{self.traders[index].name} was to get account {index}, and not {given}")

    def request_exits(self, amounts: Mapping[int, int]) -> None:
        """Queues exit requests in token units."""
        for index, amount in sorted(amounts.items()):
            self.contract.send("requestExit", index, amount, self.chain.accounts[PAYER])

    def seal(self, requests: Sequence[Request], deposits: Mapping[int, int], exits: Mapping[int, int]) -> Sealed:
        """Commits on chain to a batch of orders, all queued deposits and all exit requests."""
        touches = put_together(requests, self.traders, deposits, exits, self.domain)
        number = self.contract.call("batch") + 1
        root = seal_root(touches, self.domain, number)
        deposit_end, exit_end = self.contract.call("depositQueue")[1], self.contract.call("exitQueue")[1]
        receipt = self.contract.send("seal", (root, len(touches), len(requests), deposit_end, exit_end))
        return Sealed(number, touches, root, deposit_end, exit_end, receipt)

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
        """Checks a settlement against what the contract holds; the root after it."""
        return verify(settlement, self.keys, trusted(self.contract, self.settled))

    def settle(self, sealed: Sealed, cleared: Cleared, settlement: Settlement) -> Settled:
        """Sends the settlement; the contract's root is then the state's."""
        receipt = self.contract.send("settle", *arguments(settlement))
        if self.contract.call("root") != cleared.end_root:
            raise NotShown("the contract's root after settling is that of the operator's state")
        self.state = cleared.state
        return Settled(sealed, cleared, settlement, receipt)


def settled_rows(state: State, touches: Sequence[Touch], values: Mapping[int, int]) -> tuple[SettledRow, ...]:
    """Of the settled instruments, by id with their values, those that the touched accounts hold."""
    leaves = [state.leaf(touch.index) for touch in touches]
    held = {position.instrument for leaf in leaves if leaf for position in leaf.positions}
    return tuple(SettledRow(number, values[number]) for number in sorted(held & values.keys()))


def arguments(settlement: Settlement) -> Arguments:
    """What ``settle`` is called with."""
    segments: list[tuple[object, ...]] = [(part.proof, part.root, part.sums, part.tau) for part in settlement.segments]
    closing = settlement.closing.proof, settlement.closing.auction_root, settlement.closing.tau
    return segments, closing, settlement.calldata_words, "0x" + settlement.beneficiary.hex()


def sealed_context(contract: Contract) -> Context:
    """The context of the sealed batch: the contract's seal, under its terms."""
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
    """What a settlement of the sealed batch is checked against: the contract's storage, all of it.

    ``settled`` names the instruments whose settlement values are looked up.
    """
    root, _, _, orders, deposit_end, exit_end, _, epoch, _ = contract.call("currentSeal")
    deposits: dict[int, LockedDeposit] = {}
    for entry in range(contract.call("depositQueue")[0], deposit_end):
        _, amount, index = contract.call("deposits", entry)
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
        exits={index: amount for _, amount, index in exits},
        settled={number: contract.call("settlementValue", number)[0] for number in settled},
    )


def _ids(table: RiskTable) -> list[int]:
    return [int(number) for number in table.rows["id"]]
