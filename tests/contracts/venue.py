"""An operator with a settlement contract on a local chain: queues, seals, clears, proves and settles, batch after batch.

The contract's storage and the operator's state go hand in hand; what is sealed on chain is cleared in the same context, with the
block time of the seal. Everything honest is here, so that a test of what is refused changes one thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demo.chain import Contract, LocalChain, Receipt, Terms, Value, deploy_settlement, domain_of
from prover.batch import Cleared, Context, RiskRow, SealedBatch, SettledRow, State, risk_root
from prover.keys import Keys
from prover.orders import Holder, Order, SealedOrder, Touch
from prover.proof import prove
from prover.settlement import Settlement

TERMS = Terms(fee_rate=30, num=5, den=4)


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
    """A `LocalSettlement` with the keys of a parameter set, and the state that its root stands for."""

    def __init__(self, chain: LocalChain, keys: Keys) -> None:
        self.chain = chain
        self.keys = keys
        self.fund = Trader("fund")
        self.rows: tuple[RiskRow, ...] = ()
        self.batch = 0
        self.last_void = 0
        self._sequence = 0
        self.contract = deploy_settlement(chain, keys.solidity(), self._genesis_root, self.fund.holder.owner, TERMS)
        self.domain = domain_of(chain.chain_id, self.contract.address)
        self.state = State.genesis(keys.params, self.fund.holder, self.domain)

    def _genesis_root(self, domain: int) -> int:
        return State.genesis(self.keys.params, self.fund.holder, domain).root

    # ---- before a batch

    def post_epoch(self, rows: Sequence[RiskRow], settled: Sequence[SettledRow] = ()) -> None:
        """Puts a risk table in force; `settled` are the instruments that leave with it."""
        root = risk_root(self.keys.params, tuple(rows))
        ids, previous = ([row.instrument for row in table] for table in (rows, self.rows))
        self.contract.send("postEpoch", root, ids, previous, [tuple(row) for row in settled])
        self.rows = tuple(rows)

    def deposit(self, trader: Trader, amount: int) -> Trader:
        """Queues a deposit of token units; returns the trader with the account assigned."""
        owner = trader.holder.owner
        self.contract.send("enqueueDeposit", owner, amount, self.chain.accounts[1])
        _, index = self.contract.call("accountOf", owner)
        return replace(trader, index=index)

    def order(self, trader: Trader, **fields: Value) -> SealedOrder:
        """A signed order with the next sequence number of the batch."""
        self._sequence += 1
        order = Order(account=trader.index, max_fee_rate=TERMS.fee_rate, **fields)
        return order.sealed(trader.seed, self.domain, self._sequence)

    # ---- a batch

    def seal(
        self, touches: Sequence[Touch], settled: Sequence[SettledRow] = (), ends: tuple[int, int] | None = None
    ) -> SealedBatch:
        """Seals touches (the fund's is added if missing) with everything that is queued, or up to `ends` of both queues."""
        if not touches or touches[0].index != 0:
            touches = (Touch(0, self.fund.holder), *touches)
        self.batch += 1
        self._sequence = 0
        context = self.context(0)
        drawn = SealedBatch(self.keys.params, context, self.rows, tuple(touches), tuple(settled))
        cleared = self.state.clear(drawn)
        request = (
            cleared.seal_root,
            len(touches),
            cleared.active_orders,
            *(ends or self._queue_ends()),
        )
        self.contract.send("seal", request)
        time = self.contract.call("currentSeal")[8]
        return replace(drawn, context=self.context(time))

    def context(self, time: int) -> Context:
        return Context(
            domain=self.domain,
            batch=self.batch,
            last_void=self.last_void,
            time=time,
            fee_rate=TERMS.fee_rate,
            num=TERMS.num,
            den=TERMS.den,
        )

    def _queue_ends(self) -> tuple[int, int]:
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
            beneficiary=self.chain.accounts[2],
        )

    def settle(self, settlement: Settlement, cleared: Cleared) -> Receipt:
        """Settles and moves the state on."""
        receipt = self.contract.send("settle", *arguments(settlement))
        self.state = cleared.state
        return receipt

    def void(self) -> None:
        """Gives the sealed batch up."""
        self.contract.send("voidBatch")
        self.last_void = self.batch


def arguments(settlement: Settlement) -> tuple[Value, ...]:
    """A settlement as the contract's `settle` takes it."""
    segments = [(part.proof, part.root, part.sums, part.tau) for part in settlement.segments]
    closing = (settlement.closing.proof, settlement.closing.auction_root, settlement.closing.tau)
    return segments, closing, settlement.calldata_words, "0x" + settlement.beneficiary.hex()


def attempt(contract: Contract, settlement: Settlement) -> None:
    """Settles without leaving a trace; raises `Reverted` if the contract refuses."""
    contract.call("settle", *arguments(settlement))
