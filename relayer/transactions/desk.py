"""What one step of the sender works with: the chain at one block, the policy in force, and writes that only the lease's holder can make.

Answers that a step draws conclusions from are those of most endpoints (:meth:`Endpoints.agreed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median_high, median_low

from sqlalchemy.orm import Session

from relayer.chain import Address, Block, Chain, Receipt
from relayer.errors import RevertedError, RpcError, UnsettledError
from relayer.signing import Signer
from relayer.store.database import Database
from relayer.store.leases import Lease
from relayer.store.outgoing import PRIVATE, PUBLIC, Outgoing
from relayer.transactions.alarms import Alarms
from relayer.transactions.endpoints import Endpoints
from relayer.transactions.memory import Memory
from relayer.transactions.policy import LOCAL_CHAINS, Policy
from relayer.transactions.private import Relays

FEE_BLOCKS = 20
"""Blocks whose fees say what to offer."""
FEE_PERCENTILE = 50.0


@dataclass(frozen=True)
class Desk:
    """One step's tools. ``head`` is the newest block, ``final`` the height that most endpoints call final."""

    database: Database
    lease: Lease
    chain: Endpoints
    relays: Relays
    signers: Mapping[Address, Signer]
    policy: Policy
    alarms: Alarms
    head: Block
    final: int
    memory: Memory
    counts: dict[tuple[Address, int], int] = field(default_factory=dict)
    """Nonces used by a sender up to a block, asked once a step."""

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A write that :class:`relayer.errors.LeaseLost` ends if another does this work by now."""
        with self.database.write() as session:
            self.lease.check(session)
            yield session

    def still_ours(self) -> None:
        """Refuses to go on (:class:`relayer.errors.LeaseLost`) if another does this work by now."""
        with self.database.read() as session:
            self.lease.check(session)

    def alarm(self, code: str, subject: str, message: str) -> bool:
        """Something holds that an operator must know; whether it is new."""
        return self.alarms.holds(self.write, code, subject, message)

    def calm(self, code: str, subject: str) -> None:
        """It holds no longer."""
        self.alarms.over(self.write, code, subject)

    # ---- the chain

    @cached_property
    def chain_id(self) -> int:
        """The chain's number."""
        return self.chain.agreed(lambda chain: chain.chain_id(), "the chain's number")

    @cached_property
    def market(self) -> tuple[int, list[int]]:
        """Base fee of the next block, tips of the last ones: the middle of what endpoints say, so that none can make fees."""
        told = self.chain.answers(lambda chain: chain.fee_history(FEE_BLOCKS, FEE_PERCENTILE))
        histories = [each for each in told if not isinstance(each, RevertedError)]
        tips = [median_high(tips) for _, tips in histories if tips]
        return median_low(base for base, _ in histories), [median_low(tips)] if tips else []

    def used_nonces(self, sender: Address, block: int) -> int:
        """Nonces of a sender that the chain has used up to a block."""
        if (sender, block) not in self.counts:
            counted = self.chain.agreed(lambda chain: chain.nonce(sender, block), f"the nonce of {sender}")
            self.counts[sender, block] = counted
        return self.counts[sender, block]

    def receipt(self, digest: bytes) -> Receipt | None:
        """What became of a transaction, as most endpoints say; only in a block that stands."""
        return self.chain.agreed(lambda chain: _standing(chain, digest), f"the receipt of 0x{digest.hex()}")

    def stands(self, block: int, digest: bytes) -> bool:
        """Whether a block is in the chain, as most of the endpoints say that have come there."""
        try:
            return self.chain.agreed(lambda chain: _block(chain, block).hash, f"block {block}") == digest
        except UnsettledError:
            raise
        except RpcError:
            # No endpoint has a block of that number: the chain has become shorter.
            if block > self.head.number:
                return False
            raise

    # ---- simulation

    def refused(self, wanted: Outgoing) -> RevertedError | None:
        """Why a transaction would be refused now, as most endpoints say; None if it would not."""
        try:
            at = self.head.number
            self.chain.agreed(lambda chain: _simulated(chain, wanted, at), f"whether {wanted.purpose} would succeed")
        except RevertedError as error:
            return error
        return None

    def gas(self, wanted: Outgoing) -> int:
        """Gas that a transaction needs, without margin: the middle of what endpoints say. :class:`RevertedError` if most say that it
        would be refused.
        """
        told = self.chain.answers(lambda chain: chain.gas(wanted.sender, wanted.to, wanted.data, wanted.value))
        needed = [each for each in told if not isinstance(each, RevertedError)]
        refusals = [each for each in told if isinstance(each, RevertedError)]
        if len(refusals) >= len(needed):
            raise refusals[0]
        return median_high(needed)

    def with_margin(self, gas: int) -> int:
        """Gas to send along, which the policy's most may cut down to what is needed."""
        return max(gas, min(gas * (100 + self.policy.gas_margin_percent) // 100, self.policy.max_gas))

    # ---- channels

    def channel(self, wanted: Outgoing) -> str | None:
        """Where a transaction goes first; None while policy leaves no way."""
        if not wanted.private:
            return PUBLIC
        if len(self.relays):
            return PRIVATE
        return PUBLIC if self.policy.public_fallback or self.chain_id in LOCAL_CHAINS else None


def _standing(chain: Chain, digest: bytes) -> Receipt | None:
    receipt = chain.receipt(digest)
    if receipt is None:
        return None
    block = chain.block(receipt.block)
    return receipt if block is not None and block.hash == receipt.block_hash else None


def _block(chain: Chain, number: int) -> Block:
    block = chain.block(number)
    if block is None:
        # It has not come there, so it has no vote.
        raise RpcError(f"{chain.name} has no block {number} yet", {"endpoint": chain.name, "block": number})
    return block


def _simulated(chain: Chain, wanted: Outgoing, block: int) -> bool:
    chain.call(wanted.to, wanted.data, block, sender=wanted.sender, value=wanted.value)
    return True
