"""An operator with a vault on a local chain, and traders at it: deposits, exit requests, batches sealed, proven and settled.

The vault's storage and the operator's state go hand in hand; what is sealed on chain is cleared in the same context, with the
block time of the seal. Everything honest is here, so that a test of what is refused changes one thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from demo.chain import Contract, LocalChain, Receipt, Value
from demo.seal import receipts_hash
from demo.vault import ETHER, Plan, Terms, Vault
from prover.batch import Cleared, Context, RiskRow, SealedBatch, SettledRow, State
from prover.exit import ExitRequest, prove_exit
from prover.keys import Keys
from prover.orders import Holder, Order, SealedOrder, Touch
from prover.posting import Posting
from prover.proof import prove
from prover.settlement import Proof, Settlement

TERMS = Terms(fee_rate=30, num=5, den=4)
PLAN = Plan(terms=TERMS)
BENEFICIARY, PAYER, STRANGER = 2, 3, 5
"""Which of the chain's unlocked accounts is credited with settlements, which pays deposits, and which is nobody's."""


@dataclass(frozen=True)
class Trader:
    """Somebody with a seed. `index` is the account once a deposit has been queued."""

    name: str
    index: int = 0

    @property
    def seed(self) -> bytes:
        """Seed of the signing key."""
        return self.name.encode().ljust(32, b".")

    @property
    def holder(self) -> Holder:
        """Keys of the account."""
        return Holder.from_seed(self.seed, viewing_key=int.from_bytes(self.name.encode(), "big") + 1)


class Venue:
    """A vault with the keys of a parameter set, and the state that its root stands for."""

    def __init__(self, chain: LocalChain, keys: Keys, plan: Plan = PLAN) -> None:
        self.chain = chain
        self.keys = keys
        self.fund = Trader("fund")
        self.rows: tuple[RiskRow, ...] = ()
        self.batch = 0
        self._sequence = 0
        self.vault = Vault.deploy(chain, keys, self._genesis_root, self.fund.holder.owner, plan)
        self.vault.fund_bonds(100 * ETHER)
        self.vault.mint(self.payer, 2**60)
        self.state = State.genesis(keys.params, self.fund.holder, self.domain)

    def _genesis_root(self, domain: int) -> int:
        return State.genesis(self.keys.params, self.fund.holder, domain).root

    @property
    def contract(self) -> Contract:
        """The vault's contract."""
        return self.vault.contract

    @property
    def domain(self) -> int:
        """The vault's domain."""
        return self.vault.domain

    @property
    def payer(self) -> str:
        """Who pays all deposits."""
        return self.chain.accounts[PAYER]

    # ---- before a batch

    def post_epoch(self, rows: Sequence[RiskRow], settled: Sequence[SettledRow] = ()) -> Receipt:
        """Puts a risk table in force; `settled` are the instruments that leave with it."""
        self.rows = tuple(rows)
        return self.vault.post_epoch(rows, settled)

    def deposit(self, trader: Trader, amount: int) -> Trader:
        """Deposits token units; returns the trader with the account assigned."""
        index, _ = self.vault.deposit(trader.holder.owner, amount, self.payer)
        return replace(trader, index=index)

    def exit_proof(self, trader: Trader, amount: int, recipient: str) -> Proof:
        """Proof of the next exit request of a trader's account."""
        number = self.contract.call("exitCount", trader.index)
        request = ExitRequest(
            domain=self.domain, index=trader.index, recipient=recipient.lower(), amount=amount, number=number
        )
        return prove_exit(request, trader.holder, self.keys, seed=trader.seed).proof

    def request_exit(self, trader: Trader, amount: int, recipient: str) -> int:
        """Asks for up to `amount` token units of free cash; the deadline."""
        proof = self.exit_proof(trader, amount, recipient)
        fee = self.vault.plan.limits.exit_fee
        receipt = self.contract.send("requestExit", trader.index, amount, recipient, proof, value=fee)
        return int(self.contract.event(receipt, "ExitRequested")["deadline"])

    def order(self, trader: Trader, **fields: Value) -> SealedOrder:
        """A signed order with the next sequence number of the batch."""
        self._sequence += 1
        order = Order(account=trader.index, max_fee_rate=TERMS.fee_rate, **fields)
        return order.sealed(trader.seed, self.domain, self._sequence)

    # ---- a batch

    def open(self) -> int:
        """Opens the next batch; its number."""
        receipt = self.contract.send("open")
        self.batch = int(self.contract.event(receipt, "BatchOpened")["batch"])
        return self.batch

    def seal(
        self, touches: Sequence[Touch], settled: Sequence[SettledRow] = (), ends: tuple[int, int] | None = None
    ) -> SealedBatch:
        """Seals touches (the fund's is added if missing) with everything that is queued, or up to `ends` of both queues. Opens the
        batch first unless one is open.
        """
        if not touches or touches[0].index != 0:
            touches = (Touch(0, self.fund.holder), *touches)
        if self.contract.call("opening")[0] == 0:
            self.open()
        self._sequence = 0
        drawn = SealedBatch(self.keys.params, self.context(0), self.rows, tuple(touches), tuple(settled))
        cleared = self.state.clear(drawn)
        chained = receipts_hash(touches, self.domain, self.batch)
        ends = ends or self.queue_ends()
        self.contract.send("seal", (cleared.seal_root, chained, len(touches), cleared.active_orders, *ends))
        return replace(drawn, context=self.context(self.contract.call("currentSeal")[8]))

    def context(self, time: int) -> Context:
        """The context of the batch that is open or sealed, at a time."""
        last_void = self.contract.call("lastVoid")
        return Context(domain=self.domain, batch=self.batch, last_void=last_void, time=time, **TERMS._asdict())

    def queue_ends(self) -> tuple[int, int]:
        """Ends of the queues of deposits and of exit requests."""
        return self.contract.call("depositQueue")[1], self.contract.call("exitQueue")[1]

    def clear(self, sealed: SealedBatch) -> Cleared:
        """Clears a sealed batch on the held state, which stays as it is."""
        return self.state.clear(sealed)

    def prove(self, cleared: Cleared, directory: Path | None = None) -> Settlement:
        """All proofs of a cleared batch."""
        deposit_end, exit_end = self.contract.call("currentSeal")[4:6]
        return prove(
            cleared,
            self.keys,
            directory=directory,
            deposit_end=deposit_end,
            exit_end=exit_end,
            beneficiary=self.chain.accounts[BENEFICIARY],
        )

    def settle(self, settlement: Settlement, cleared: Cleared, sender: str | None = None) -> Receipt:
        """Settles in one transaction and moves the state on."""
        receipt = self.vault.settle(Posting(settlement), sender)
        self.state = cleared.state
        return receipt

    def run(self, touches: Sequence[Touch], settled: Sequence[SettledRow] = ()) -> Cleared:
        """A batch from its opening to its settlement."""
        cleared = self.clear(self.seal(touches, settled))
        self.settle(self.prove(cleared), cleared)
        return cleared

    def attempt(self, settlement: Settlement) -> None:
        """Settles without leaving a trace; raises `Reverted` if the vault refuses."""
        self.contract.call("settle", *self.vault.settle_arguments(Posting(settlement)))

    def void(self) -> None:
        """Gives the sealed batch up."""
        self.contract.send("voidSeal")

    @contextmanager
    def forgotten(self) -> Iterator[None]:
        """The chain and the operator forget what is done inside."""
        snapshot, memory, ids = self.chain.rpc("evm_snapshot"), vars(self).copy(), self.vault.ids
        try:
            yield
        finally:
            vars(self).update(memory)
            self.vault.ids = ids
            if not self.chain.rpc("evm_revert", snapshot):
                raise RuntimeError("anvil could not go back to its snapshot")
