"""Settlements of one segment and more: proven, verified, and settled by a vault on a local chain in both modes of public data.

The vault starts from a state in which everybody has money, so that each batch is full touches of orders and nothing else. A rollup and
a validium vault stand at one address on two chains of one number, go through the same at the same times, and so are settled with the
same proofs. Gas is what the chain's receipt says; of it, the part paid for calldata is counted from the transaction's bytes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from bench.book import FEE_RATE, MARGIN, MONEY, Book, require_all_admitted, trader
from demo.chain import LocalChain, Receipt, local_chain
from demo.seal import receipts_hash
from demo.vault import ETHER, Plan, Terms, Vault
from prover.batch import Cleared, SealedBatch
from prover.escape import Escape, EscapeStatement, prove_escape
from prover.exit import ExitRequest, prove_exit
from prover.keys import Keys
from prover.posting import Posting
from prover.proof import prove
from prover.settlement import Expected, Settlement, verify

BASE_GAS: Final = 21_000
ZERO_BYTE_GAS: Final = 4
BYTE_GAS: Final = 16
FLOOR_TOKEN_GAS: Final = 10
TOKENS_A_BYTE: Final = 4
PAIRING_BASE_GAS: Final = 45_000
PAIR_GAS: Final = 34_000
KEY_PAIRS: Final = 5
"""Of two keys with one α and one β: with γ and δ of each, and with β once."""
VERIFICATIONS: Final = 9
SPARE: Final = 1 << 40
PAYER: Final = 1
RECIPIENT: Final = "0x00000000000000000000000000000000000c0ffe"
REPLICAS: Final = 5
THRESHOLD: Final = 3
HARDFORK: Final = "cancun"
"""The last one without a floor price of calldata, which is reckoned from the bytes."""
START: Final = 1_800_000_000
"""When both chains start, in seconds since 1970."""
SEAL_GAP: Final = 60
"""Seconds from the last block to a seal, so that both chains can seal at one time."""

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Gas:
    """Gas of a transaction: all of it where bytes have no least price, the part for its bytes, and that least price (EIP-7623)."""

    total: int
    calldata: int
    floor: int
    size: int

    @property
    def floored(self) -> int:
        """What the transaction costs where its bytes have a least price."""
        return max(self.total, self.floor)

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
    tried); ``verifications`` are several of the same settlement. ``settle`` is in rollup mode, ``validium`` with signatures of 3 replicas
    of 5, ``parts`` the gas of all transactions of the first with a segment in each.
    """

    segments: int
    touches: int
    orders: int
    clear: float
    prove: float
    prove_pairs: float | None
    verifications: tuple[float, ...]
    open: Gas
    seal: Gas
    settle: Gas
    validium: Gas
    parts: int

    @property
    def verify(self) -> float:
        """The median verification."""
        return statistics.median(self.verifications)

    @property
    def pairing(self) -> int:
        """Gas of the one product of pairings, by the price of the precompile."""
        return PAIRING_BASE_GAS + PAIR_GAS * (self.segments + 1 + KEY_PAIRS)


@dataclass(frozen=True)
class Leaving:
    """Gas of the way out of a frozen vault."""

    freeze: int
    escape: int
    pay: int


@dataclass(frozen=True)
class Calls:
    """Gas of what operator, signers and traders call beside settling."""

    deploy_verifier: int
    deploy_vault: int
    epoch: int
    first_deposit: int
    deposit: int
    exit: int
    claim: int
    leaving: Leaving


class Venue:
    """Two vaults at one address, rollup and validium, with the keys of a parameter set, and the book behind both."""

    def __init__(self, chains: Sequence[LocalChain], keys: Keys, segments: int) -> None:
        self.keys = keys
        terms, fund = Terms(FEE_RATE, *MARGIN), trader(0).holder.owner
        plans = Plan(terms=terms), Plan(terms=terms, replicas=REPLICAS, replica_threshold=THRESHOLD)
        root = self._root(keys.params, segments)
        self.vaults = [Vault.deploy(chain, keys, root, fund, plan) for chain, plan in zip(chains, plans, strict=True)]
        self.rollup, self.validium = self.vaults
        if self.rollup.domain != self.validium.domain:
            raise ValueError("the two vaults have different domains: one proof cannot settle both")
        for vault in self.vaults:
            vault.fund_bonds(1_000 * ETHER)

    def _root(self, params: str, segments: int) -> Callable[[int], int]:
        """What gives the root to start from, once the domain is known."""

        def root(domain: int) -> int:
            self.book = Book(params, domain, segments)
            return self.book.state.root

        return root

    def post_epoch(self) -> Receipt:
        """Puts the book's instruments in force, and opens a batch with the newest epoch that there is."""
        return self._both(lambda vault: vault.post_epoch(self.book.rows))

    def _both(self, call: Callable[[Vault], Receipt]) -> Receipt:
        """Makes the same call of both vaults; the receipt of the rollup's."""
        receipt = call(self.rollup)
        call(self.validium)
        return receipt

    def seal(self, segments: int) -> tuple[SealedBatch, Gas, Gas]:
        """Opens and seals a full batch on both chains at one time, which it has; gas of both calls."""
        opened = self._both(lambda vault: vault.contract.send("open"))
        number = self.rollup.contract.call("batch")
        drawn = self.book.batch(segments, number)
        cleared = self.book.state.clear(drawn)
        chained = receipts_hash(drawn.touches, self.rollup.domain, number)
        request = (cleared.seal_root, chained, len(drawn.touches), cleared.active_orders, 0, 0)
        time = max(vault.chain.time() for vault in self.vaults) + SEAL_GAP
        for vault in self.vaults:
            vault.chain.next_block_at(time)
        sealed = self._both(lambda vault: vault.contract.send("seal", request))
        chain = self.rollup.chain
        return replace(drawn, context=replace(drawn.context, time=time)), Gas.of(chain, opened), Gas.of(chain, sealed)

    def settle(self, segments: int, pairs: bool) -> Settled:
        """Seals, clears, proves, verifies and settles a full batch; ``pairs``: proves it again, two proofs at a time."""
        sealed, opening, seal = self.seal(segments)
        cleared, clear_seconds = _timed(lambda: self.book.state.clear(sealed))
        require_all_admitted(cleared)
        beneficiary = self.rollup.chain.accounts[2]
        settlement, prove_seconds = _timed(lambda: prove(cleared, self.keys, beneficiary=beneficiary))
        prove_pairs = _timed(lambda: prove(cleared, self.keys, workers=2))[1] if pairs else None
        seconds = self._verified(settlement, cleared)
        posting = Posting(settlement)
        parts = self._in_parts(posting)
        receipts = [vault.settle(posting) for vault in self.vaults]
        if {vault.contract.call("root") for vault in self.vaults} != {cleared.end_root}:
            raise ValueError("a vault's root is not the state's")
        self.book.advance(cleared)
        gas = [Gas.of(vault.chain, receipt) for vault, receipt in zip(self.vaults, receipts, strict=True)]
        return Settled(
            segments=segments,
            touches=len(sealed.touches),
            orders=cleared.active_orders,
            clear=clear_seconds,
            prove=prove_seconds,
            prove_pairs=prove_pairs,
            verifications=seconds,
            open=opening,
            seal=seal,
            settle=gas[0],
            validium=gas[1],
            parts=parts,
        )

    def _in_parts(self, posting: Posting) -> int:
        """Gas of a settlement with a segment a transaction, which the chain then forgets."""
        with forgotten(self.rollup.chain):
            return sum(receipt.gas for receipt in self.rollup.settle_in_parts(posting))

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
    with local_chain(HARDFORK, START) as rollup, local_chain(HARDFORK, START) as validium:
        venue = Venue((rollup, validium), keys, max(sizes))
        venue.post_epoch()
        done = []
        for segments in (sizes[0], *sizes):
            say(
                f"{keys.params}: a batch of {segments} segment{'s' if segments > 1 else ''}, sealed, proven and settled"
            )
            done.append(venue.settle(segments, pairs=segments == max(sizes)))
            venue.post_epoch()
        say(f"{keys.params}: deposits, an exit request, claims, a freeze and an escape")
        return done[1:], _calls(venue)


def _calls(venue: Venue) -> Calls:
    """What is called beside settling, where some batches are settled already."""
    vault = venue.rollup
    epoch = venue.post_epoch().gas
    with forgotten(vault.chain):
        payer = vault.chain.accounts[PAYER]
        vault.mint(payer, 4 * MONEY)
        deposits = [vault.deposit(trader(SPARE + owner).holder.owner, MONEY, payer)[1].gas for owner in (1, 2, 2)]
        exit_ = _exit(venue, SPARE + 1, 1)
        for entry in (0, 1):
            vault.contract.send("returnDeposit", entry)
        vault.contract.send("claim", payer)
        vault.contract.send("returnDeposit", 2)
        claim = vault.contract.send("claim", payer).gas
    with forgotten(vault.chain):
        leaving = _leaving(venue)
    deployments = vault.deployments
    verifier, made = deployments["Verifier"].gas, deployments["Vault"].gas
    return Calls(verifier, made, epoch, deposits[1], deposits[2], exit_, claim, leaving)


def _exit(venue: Venue, owner: int, index: int) -> int:
    """Gas of an exit request."""
    who, vault = trader(owner), venue.rollup
    request = ExitRequest(domain=vault.domain, index=index, recipient=RECIPIENT, amount=MONEY, number=0)
    proof = prove_exit(request, who.holder, venue.keys, seed=who.seed).proof
    fee = vault.plan.limits.exit_fee
    return vault.contract.send("requestExit", index, MONEY, RECIPIENT, proof, value=fee).gas


def _leaving(venue: Venue) -> Leaving:
    """An account of the book, which the vault gets to know by a deposit, asks for cash in vain, freezes the vault and leaves."""
    vault, book, who, payer = venue.rollup, venue.book, trader(1), venue.rollup.chain.accounts[PAYER]
    vault.mint(payer, MONEY)
    vault.deposit(who.holder.owner, MONEY, payer)
    _exit(venue, 1, 1)
    vault.chain.pass_time(vault.plan.delays.exit_time + 1)
    freeze = vault.contract.send("freeze").gas
    leaf = book.state.leaf(1)
    if leaf is None:
        raise ValueError("the book has no account 1")
    escape = Escape(
        params=book.params,
        domain=book.domain,
        index=1,
        recipient=RECIPIENT,
        holder=who.holder,
        leaf=leaf,
        path=book.tree.path(1),
        risk=book.rows,
    )
    inputs, proof = prove_escape(escape, venue.keys, seed=who.seed)
    shown = EscapeStatement.from_inputs(inputs)
    claim = (1, RECIPIENT, shown.equity, shown.settled_words, proof)
    registered = vault.contract.send("escape", claim).gas
    vault.chain.pass_time(vault.plan.delays.claim_window + 1)
    return Leaving(freeze, registered, vault.contract.send("payEscape", 1).gas)


@contextmanager
def forgotten(chain: LocalChain) -> Iterator[None]:
    """The chain forgets what is done inside."""
    snapshot = chain.rpc("evm_snapshot")
    yield
    if not chain.rpc("evm_revert", snapshot):
        raise ValueError("anvil could not go back to its snapshot")


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """A result and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start
