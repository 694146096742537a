"""What has happened in a vault, as typed records: one class an event, with what its transaction's calldata adds.

A record knows its place in the chain, block hash included, so that a reorganisation can withdraw exactly what it took back.
Amounts are token units, values price units, times seconds since 1970, addresses lower-case ``0x`` text. Making records is
left to :mod:`relayer.ledger`, what follows from them to :mod:`relayer.history`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from prover.batch import RiskRow, SettledRow
from prover.settlement import Proof
from relayer.chain import Address
from relayer.interface import Struct
from relayer.vault import OPEN_WORDS, WORD, Layout


@dataclass(frozen=True, slots=True, order=True)
class At:
    """A place in the chain: block, log index in it, block hash, transaction."""

    block: int
    index: int
    block_hash: bytes = field(repr=False)
    transaction: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Record:
    """Something that happened in the vault."""

    at: At


@dataclass(frozen=True, slots=True)
class Genesis(Record):
    """The vault was made: root of the first tree, domain, everything it was configured with, its bonds."""

    root: int
    domain: int
    config: Struct
    bonds: Address


@dataclass(frozen=True, slots=True)
class AccountAssigned(Record):
    """An owner word has its account from now on."""

    index: int
    owner: int


@dataclass(frozen=True, slots=True)
class DepositQueued(Record):
    """A deposit waits for a batch."""

    entry: int
    index: int
    payer: Address
    amount: int


@dataclass(frozen=True, slots=True)
class DepositReturned(Record):
    """A deposit left the queue without a batch; its payer may claim it."""

    entry: int
    index: int
    payer: Address
    amount: int


@dataclass(frozen=True, slots=True)
class ExitRequested(Record):
    """An owner asked for cash, to be answered until the deadline."""

    entry: int
    index: int
    recipient: Address
    amount: int
    deadline: int


@dataclass(frozen=True, slots=True)
class ExitAnswered(Record):
    """A batch answered an exit request."""

    entry: int
    batch: int
    requested: int
    paid: int


@dataclass(frozen=True, slots=True)
class EpochPosted(Record):
    """A risk table is in force. ``rows`` are what calldata holds; that they hash to the root is for who uses them to check."""

    epoch: int
    risk_root: int
    instruments: tuple[int, ...]
    settled: tuple[SettledRow, ...]
    time: int
    rows: tuple[RiskRow, ...]


@dataclass(frozen=True, slots=True)
class BatchOpened(Record):
    """Intake of a batch has begun under an epoch."""

    batch: int
    epoch: int


@dataclass(frozen=True, slots=True)
class OpeningExpired(Record):
    """A batch was not sealed in time."""

    batch: int


@dataclass(frozen=True, slots=True)
class Seal:
    """What a batch was sealed with."""

    root: bytes
    batch: int
    touches: int
    orders: int
    deposit_end: int
    exit_end: int
    last_void: int
    epoch: int
    time: int


@dataclass(frozen=True, slots=True)
class BatchSealed(Record):
    """A batch is sealed on a root of the accounts."""

    batch: int
    root: int
    seal: Seal
    receipts_hash: bytes


@dataclass(frozen=True, slots=True)
class BatchVoided(Record):
    """A sealed batch was given up."""

    batch: int


@dataclass(frozen=True, slots=True)
class SegmentData:
    """Proof and public words of a segment as calldata has them.

    ``open_words``: words 0 … 4 of its touches. ``cipher_words``: the others; None in validium, where ``cipher_hash`` is on chain and
    ``value`` is what replicas signed that these words come to at the data point.
    """

    number: int
    proof: Proof
    open_words: bytes = field(repr=False)
    cipher_words: bytes | None = field(repr=False)
    cipher_hash: bytes = field(repr=False)
    value: int | None = None

    def open_touch(self, place: int) -> list[int]:
        """Words 0 … 4 of a touch by its place in the segment."""
        return numbers(self.open_words, place * OPEN_WORDS, OPEN_WORDS)

    def touch(self, place: int, layout: Layout, cipher: bytes | None = None) -> list[int]:
        """All words of a touch; ``cipher`` are the segment's ciphertext words where calldata lacks them."""
        held = self.cipher_words if self.cipher_words is not None else cipher
        if held is None:
            raise ValueError("the ciphertext of the segment is at replicas")
        return self.open_touch(place) + numbers(held, place * layout.cipher_words, layout.cipher_words)


@dataclass(frozen=True, slots=True)
class SegmentsChecked(Record):
    """Segments of a settlement in several transactions; nothing else has changed."""

    batch: int
    r1: bytes
    first: int
    claim: Claim = field(repr=False)
    segments: tuple[SegmentData, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SegmentClaim:
    """What a segment leads to, as claimed before challenges are drawn."""

    root: int
    sums: int
    transcript: int
    next_index: int
    data_hash: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """All that a settlement says before a challenge is drawn."""

    segments: tuple[SegmentClaim, ...]
    auction_root: int
    closing_transcript: int
    closing_hash: bytes
    beneficiary: Address


@dataclass(frozen=True, slots=True)
class BatchSettled(Record):
    """A batch is settled, with everything that its transactions carried."""

    batch: int
    root_before: int
    root_after: int
    data_hash: bytes
    r1: bytes
    beneficiary: Address
    claim: Claim = field(repr=False)
    segments: tuple[SegmentData, ...] = field(repr=False)
    closing_proof: Proof = field(repr=False)
    closing_words: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WithdrawalCredited(Record):
    """A batch credited a withdrawal or an exit."""

    batch: int
    index: int
    recipient: Address
    amount: int


@dataclass(frozen=True, slots=True)
class Claimed(Record):
    """Credited tokens were paid."""

    recipient: Address
    amount: int


@dataclass(frozen=True, slots=True)
class Retiring(Record):
    """The vault ends at a time."""

    successor: Address
    time: int


@dataclass(frozen=True, slots=True)
class Frozen(Record):
    """The vault is frozen; escapes share alike until the window's end."""

    root: int
    epoch: int
    window_end: int


@dataclass(frozen=True, slots=True)
class EscapeRegistered(Record):
    """An owner showed what the account is worth."""

    index: int
    recipient: Address
    equity: int
    in_window: bool


@dataclass(frozen=True, slots=True)
class PotFixed(Record):
    """What the escapes share, and what they are worth together."""

    pot: int
    total_equity: int


@dataclass(frozen=True, slots=True)
class EscapePaid(Record):
    """A registered escape was credited."""

    index: int
    recipient: Address
    amount: int


def numbers(raw: bytes, first: int, count: int) -> list[int]:
    """``count`` 32-byte words from word ``first`` on."""
    return [int.from_bytes(raw[at : at + WORD], "big") for at in range(first * WORD, (first + count) * WORD, WORD)]
