"""Settlements of one segment and more: proven, verified, and settled by a contract on a local chain.

The contract starts from a state in which everybody has money, so that each batch is full touches of orders and nothing else. Gas is
what the chain's receipt says; of it, the part paid for calldata is counted from the transaction's bytes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from bench.book import FEE_RATE, MARGIN, MONEY, Book, require_all_admitted, trader
from demo.chain import Contract, LocalChain, Receipt, Terms, deploy_settlement, local_chain
from prover.batch import Cleared, Context, SealedBatch, risk_root
from prover.keys import Keys
from prover.proof import prove
from prover.settlement import Expected, Settlement, verify

BASE_GAS: Final = 21_000
ZERO_BYTE_GAS: Final = 4
BYTE_GAS: Final = 16
FLOOR_TOKEN_GAS: Final = 10
TOKENS_A_BYTE: Final = 4
PAIRING_BASE_GAS: Final = 45_000
PAIR_GAS: Final = 34_000
KEY_PAIRS: Final = 6
VERIFICATIONS: Final = 9
SPARE: Final = 1 << 40

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Gas:
    """Gas of a transaction: all of it, the part for its bytes, the least that its bytes cost (EIP-7623)."""

    total: int
    calldata: int
    floor: int
    size: int

    @property
    def execution(self) -> int:
        """What the contract's own work costs."""
        return self.total - BASE_GAS - self.calldata

    @classmethod
    def of(cls, chain: LocalChain, receipt: Receipt) -> Gas:
        """Gas of a mined transaction."""
        data = chain.calldata(receipt.transaction)
        zeros = data.count(0)
        tokens = zeros + TOKENS_A_BYTE * (len(data) - zeros)
        calldata = ZERO_BYTE_GAS * zeros + BYTE_GAS * (len(data) - zeros)
        return cls(receipt.gas, calldata, BASE_GAS + FLOOR_TOKEN_GAS * tokens, len(data))


@dataclass(frozen=True)
class Settled:
    """A batch from its seal to its settlement. Times in seconds: ``prove`` makes one proof at a time, ``prove_pairs`` two (None: not
    tried); ``verifications`` are several of the same settlement.
    """

    segments: int
    touches: int
    orders: int
    clear: float
    prove: float
    prove_pairs: float | None
    verifications: tuple[float, ...]
    seal: Gas
    settle: Gas

    @property
    def verify(self) -> float:
        """The median verification."""
        return statistics.median(self.verifications)

    @property
    def pairing(self) -> int:
        """Gas of the one product of pairings, by the price of the precompile."""
        return PAIRING_BASE_GAS + PAIR_GAS * (self.segments + 1 + KEY_PAIRS)


@dataclass(frozen=True)
class Calls:
    """Gas of what an operator and the vault call beside settling."""

    deploy_verifier: int
    deploy_contract: int
    epoch: int
    first_deposit: int
    deposit: int


class Venue:
    """A contract on a chain with the keys of a parameter set, and the book behind it."""

    def __init__(self, chain: LocalChain, keys: Keys, segments: int) -> None:
        self.chain = chain
        self.keys = keys
        self.contract = deploy_settlement(
            chain,
            keys.solidity(),
            self._root(keys.params, segments),
            trader(0).holder.owner,
            Terms(FEE_RATE, *MARGIN),
        )
        self.number = 0

    def _root(self, params: str, segments: int) -> Callable[[int], int]:
        """What gives the root to start from, once the domain is known."""

        def root(domain: int) -> int:
            self.book = Book(params, domain, segments)
            return self.book.state.root

        return root

    def post_epoch(self) -> Receipt:
        """Puts the book's instruments in force."""
        rows = self.book.rows
        return self.contract.send(
            "postEpoch", risk_root(self.keys.params, rows), [row.instrument for row in rows], [], []
        )

    def seal(self, segments: int) -> tuple[SealedBatch, Receipt]:
        """Seals a full batch on chain; it has the time of its seal."""
        self.number += 1
        drawn = self.book.batch(segments, self.number)
        cleared = self.book.state.clear(drawn)
        request = (cleared.seal_root, len(drawn.touches), cleared.active_orders, 0, 0)
        receipt = self.contract.send("seal", request)
        return self._at_its_time(drawn), receipt

    def _at_its_time(self, drawn: SealedBatch) -> SealedBatch:
        context = drawn.context
        sealed = Context(
            domain=context.domain,
            batch=context.batch,
            last_void=context.last_void,
            time=self.contract.call("currentSeal")[8],
            fee_rate=context.fee_rate,
            num=context.num,
            den=context.den,
        )
        return SealedBatch(drawn.params, sealed, drawn.risk, drawn.touches)

    def settle(self, segments: int, pairs: bool) -> Settled:
        """Seals, clears, proves, verifies and settles a full batch; ``pairs``: proves it again, two proofs at a time."""
        sealed, seal_receipt = self.seal(segments)
        cleared, clear_seconds = _timed(lambda: self.book.state.clear(sealed))
        require_all_admitted(cleared)
        settlement, prove_seconds = _timed(lambda: prove(cleared, self.keys, beneficiary=self.chain.accounts[2]))
        prove_pairs = _timed(lambda: prove(cleared, self.keys, workers=2))[1] if pairs else None
        seconds = self._verified(settlement, cleared)
        receipt = self.contract.send("settle", *_arguments(settlement))
        if self.contract.call("root") != cleared.end_root:
            raise ValueError("the contract's root is not the state's")
        self.book.state = cleared.state
        return Settled(
            segments=segments,
            touches=len(sealed.touches),
            orders=cleared.active_orders,
            clear=clear_seconds,
            prove=prove_seconds,
            prove_pairs=prove_pairs,
            verifications=seconds,
            seal=Gas.of(self.chain, seal_receipt),
            settle=Gas.of(self.chain, receipt),
        )

    def _verified(self, settlement: Settlement, cleared: Cleared) -> tuple[float, ...]:
        expected = Expected.of(cleared)
        runs = [_timed(lambda: verify(settlement, self.keys, expected)) for _ in range(VERIFICATIONS)]
        if {root for root, _ in runs} != {cleared.end_root}:
            raise ValueError("the verified root is not the state's")
        return tuple(seconds for _, seconds in runs)


def settlements(keys: Keys, sizes: Sequence[int], say: Say) -> tuple[list[Settled], Calls]:
    """Settles a batch of each number of segments on one chain, the first twice: only the second counts, because a contract's
    first settlement also pays for storage that was empty.
    """
    keys.proving  # noqa: B018 - reading it loads it, and loading is measured elsewhere
    with local_chain() as chain:
        venue = Venue(chain, keys, max(sizes))
        calls = _calls(venue)
        done = []
        for segments in (sizes[0], *sizes):
            say(
                f"{keys.params}: a batch of {segments} segment{'s' if segments > 1 else ''}, sealed, proven and settled"
            )
            done.append(venue.settle(segments, pairs=segments == max(sizes)))
    return done[1:], calls


def _calls(venue: Venue) -> Calls:
    """Posts the epoch; deposits are undone, so that no batch has to take them in."""
    chain, contract = venue.chain, venue.contract
    first, second = _deployments(chain)
    epoch = venue.post_epoch().gas
    snapshot = chain.rpc("evm_snapshot")
    deposits = [_deposit(contract, owner) for owner in (1, 2, 2)]
    if not chain.rpc("evm_revert", snapshot):
        raise ValueError("anvil could not go back to its snapshot")
    return Calls(first, second, epoch, deposits[1], deposits[2])


def _deposit(contract: Contract, index: int) -> int:
    owner = trader(SPARE + index).holder.owner
    return contract.send("enqueueDeposit", owner, MONEY, contract.chain.accounts[1]).gas


def _deployments(chain: LocalChain) -> tuple[int, int]:
    """Gas of the transactions that created the verifier and the contract: the chain's first two blocks."""
    used = []
    for block in (1, 2):
        found: dict[str, Any] = chain.rpc("eth_getBlockByNumber", hex(block), False)
        used.append(int(found["gasUsed"], 16))
    return used[0], used[1]


def _arguments(settlement: Settlement) -> tuple[object, ...]:
    """What ``settle`` is called with."""
    segments = [(part.proof, part.root, part.sums, part.tau) for part in settlement.segments]
    closing = settlement.closing.proof, settlement.closing.auction_root, settlement.closing.tau
    return segments, closing, settlement.calldata_words, "0x" + settlement.beneficiary.hex()


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """A result and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start
