"""A settlement: what is sent to the contract, and its check against what the caller trusts.

:func:`verify` does without a chain what the contract does with one (docs/protocol.md section 9): every
proof in one product of pairings, challenges and data values derived anew, links, seal, deposits, exits,
settlement values. An honest settlement of another state, seal or epoch than expected is refused. Making
settlements is left to :mod:`prover.proof`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from prover import _native
from prover.batch import Cleared, Context, Params
from prover.data import SegmentData
from prover.errors import FileError, SettlementError
from prover.keys import Keys
from prover.orders import NO_ADDRESS
from prover.wire import (
    ADDRESS_BYTES,
    HASH_BYTES,
    Json,
    Reader,
    dump,
    element,
    hexadecimal,
    read_bytes,
    read_element,
    read_text,
    write_whole,
)

FORMAT: Final = "tacit.settlement.1"
EXPECTED_FORMAT: Final = "tacit.expected.1"
FILE: Final = "settlement.json"
PROOF_WORDS: Final = 8
TOUCH_INDEX_BITS: Final = 21

_Value = TypeVar("_Value")

Proof = tuple[int, ...]
"""Eight words as the EVM reads them: A.x, A.y, B.x imaginary, B.x real, B.y imaginary, B.y real, C.x, C.y."""


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """Root after a segment, commitment to the sums after it, digest τ of its transcript, proof (None: not made yet)."""

    root: int
    sums: int
    tau: int
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class ClosingPart:
    """Auction root, digest τ of the closing transcript, proof (None: not made yet)."""

    auction_root: int
    tau: int
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Everything that is sent to the contract (as :class:`prover.posting.Posting`), and what the batch was sealed with.

    ``words``: the public data words, segments in order, then the closing ones. ``beneficiary``: the address
    that receives the reward, 20 bytes. ``deposit_end``, ``exit_end``: ends of the queue entries it consumes.
    """

    params: str
    context: Context
    start_root: int
    seal_root: bytes
    active_orders: int
    deposit_end: int
    exit_end: int
    risk_root: int
    segments: tuple[SegmentPart, ...]
    closing: ClosingPart
    words: tuple[int, ...]
    beneficiary: bytes

    @property
    def end_root(self) -> int:
        """Root after the batch."""
        return self.segments[-1].root if self.segments else self.start_root

    @property
    def segment_data(self) -> tuple[SegmentData, ...]:
        """The words of each segment, open and encrypted ones apart (:class:`SettlementError` where they are no whole segments)."""
        sizes = Params.named(self.params)
        _check_words(self, sizes)
        length = sizes.touches * sizes.words
        starts = range(0, len(self.segments) * length, length)
        return tuple(SegmentData.of(self.words[at : at + length], sizes.words) for at in starts)

    @property
    def closing_words(self) -> tuple[int, ...]:
        """The public words of the closing proof: one a risk row, then one a settled row."""
        sizes = Params.named(self.params)
        return self.words[len(self.segments) * sizes.touches * sizes.words :]

    @property
    def live_touches(self) -> list[list[int]]:
        """The public words of each live touch, in order; what is no whole touch is none (:func:`verify` refuses it)."""
        size, live = Params.named(self.params).words, 1 << TOUCH_INDEX_BITS
        end = len(self.words) - len(self.closing_words)
        touches = (list(self.words[at : at + size]) for at in range(0, end - size + 1, size))
        return [words for words in touches if words[0] & live]

    def touch_words(self, index: int) -> list[int]:
        """The public words of an account's touch (:class:`SettlementError` if the batch does not touch it)."""
        for words in self.live_touches:
            if words[0] % (1 << TOUCH_INDEX_BITS) == index:
                return words
        raise SettlementError(f"the settlement does not touch account {index}", {"index": index})

    def to_json(self) -> str:
        """The file ``tacit.settlement.1``."""
        return dump(
            {
                "format": FORMAT,
                "params": self.params,
                "context": self.context.to_wire(),
                "start_root": element(self.start_root),
                "seal_root": hexadecimal(self.seal_root),
                "active_orders": self.active_orders,
                "deposit_end": str(self.deposit_end),
                "exit_end": str(self.exit_end),
                "risk_root": element(self.risk_root),
                "segments": [_segment_to_wire(part) for part in self.segments],
                "closing": {
                    "auction_root": element(self.closing.auction_root),
                    "tau": element(self.closing.tau),
                    "proof": proof_to_wire(self.closing.proof),
                },
                "words": [element(word) for word in self.words],
                "beneficiary": hexadecimal(self.beneficiary),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Settlement:
        """What :meth:`to_json` wrote; anything malformed is refused (:class:`SettlementError`)."""
        reader = Reader.parse(text, "the settlement", SettlementError)
        reader.format(FORMAT)
        settlement = cls(
            params=reader.text("params"),
            context=_context(reader.object("context")),
            start_root=reader.element("start_root"),
            seal_root=reader.bytes("seal_root", HASH_BYTES),
            active_orders=reader.integer("active_orders", 32),
            deposit_end=reader.amount("deposit_end", 64),
            exit_end=reader.amount("exit_end", 64),
            risk_root=reader.element("risk_root"),
            segments=tuple(_segment(part) for part in reader.objects("segments")),
            closing=_closing(reader.object("closing")),
            words=tuple(reader.read("words", _elements, "a list of field elements")),
            beneficiary=reader.bytes("beneficiary", ADDRESS_BYTES),
        )
        reader.end()
        return settlement

    @classmethod
    def load(cls, path: str | Path) -> Settlement:
        """The settlement of a file, or of the folder that ``prover prove`` wrote."""
        path = Path(path)
        if path.is_dir():
            path /= FILE
            if not path.is_file():
                raise FileError(f"{path} does not exist: the batch is not proven to its end", {"path": str(path)})
        return cls.from_json(read_text(path))

    def save(self, path: str | Path) -> None:
        """Writes the file."""
        write_whole(Path(path), self.to_json())


class LockedDeposit(NamedTuple):
    """The sum of an account's locked deposits in token units, and the owner that the contract recorded."""

    amount: int
    owner: int


class _Claim(NamedTuple):
    """Data words 0 and 3 of a live touch, read (docs/protocol.md section 8)."""

    account: int
    exit: bool
    amount: int
    owner: int

    @classmethod
    def of(cls, words: list[int]) -> _Claim:
        return cls(words[0] % 2**21, bool(words[0] >> 22 & 1), (words[0] >> 24) % 2**64, words[3])

    @property
    def deposits(self) -> bool:
        return not self.exit and self.amount > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the caller trusts, from the contract or a record of its own.

    ``deposits`` and ``exits`` (token units) by account, ``settled`` values (price units) by instrument;
    what is missing there has none.
    """

    context: Context
    start_root: int
    seal_root: bytes
    active_orders: int
    deposit_end: int
    exit_end: int
    risk_root: int
    deposits: Mapping[int, LockedDeposit] = field(default_factory=dict)
    exits: Mapping[int, int] = field(default_factory=dict)
    settled: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, cleared: Cleared, *, deposit_end: int = 0, exit_end: int = 0) -> Expected:
        """What the sealer of a batch knows to be true of its settlement."""
        touches = cleared.batch.touches
        return cls(
            context=cleared.batch.context,
            start_root=cleared.start_root,
            seal_root=cleared.seal_root,
            active_orders=cleared.active_orders,
            deposit_end=deposit_end,
            exit_end=exit_end,
            risk_root=cleared.risk_root,
            deposits={t.index: LockedDeposit(t.deposit, t.holder.owner) for t in touches if t.deposit},
            exits={t.index: t.exit for t in touches if t.exit is not None},
            settled=dict(cleared.batch.settled),
        )

    @classmethod
    def claimed_by(cls, settlement: Settlement) -> Expected:
        """What a settlement says of itself. Trusting it checks the proofs, and nothing about where they belong."""
        claims = [_Claim.of(words) for words in settlement.live_touches]
        settled = settlement.closing_words[Params.named(settlement.params).rows :]
        return cls(
            context=settlement.context,
            start_root=settlement.start_root,
            seal_root=settlement.seal_root,
            active_orders=settlement.active_orders,
            deposit_end=settlement.deposit_end,
            exit_end=settlement.exit_end,
            risk_root=settlement.risk_root,
            deposits={claim.account: LockedDeposit(claim.amount, claim.owner) for claim in claims if claim.deposits},
            exits={claim.account: claim.amount for claim in claims if claim.exit},
            settled={word % 2**27: word >> 27 for word in settled if word},
        )

    def to_json(self) -> str:
        """The file ``tacit.expected.1``."""
        deposits = [
            {"index": index, "amount": str(amount), "owner": element(owner)}
            for index, (amount, owner) in sorted(self.deposits.items())
        ]
        return dump(
            {
                "format": EXPECTED_FORMAT,
                "context": self.context.to_wire(),
                "start_root": element(self.start_root),
                "seal_root": hexadecimal(self.seal_root),
                "active_orders": self.active_orders,
                "deposit_end": str(self.deposit_end),
                "exit_end": str(self.exit_end),
                "risk_root": element(self.risk_root),
                "deposits": deposits,
                "exits": [{"index": index, "amount": str(amount)} for index, amount in sorted(self.exits.items())],
                "settled": [{"instrument": each, "value": str(value)} for each, value in sorted(self.settled.items())],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Expected:
        """What :meth:`to_json` wrote; anything malformed is refused (:class:`SettlementError`)."""
        reader = Reader.parse(text, "what is expected", SettlementError)
        reader.format(EXPECTED_FORMAT)
        expected = cls(
            context=_context(reader.object("context")),
            start_root=reader.element("start_root"),
            seal_root=reader.bytes("seal_root", HASH_BYTES),
            active_orders=reader.integer("active_orders", 32),
            deposit_end=reader.amount("deposit_end", 64),
            exit_end=reader.amount("exit_end", 64),
            risk_root=reader.element("risk_root"),
            deposits=_increasing(reader, "deposits", _deposit),
            exits=_increasing(reader, "exits", lambda entry: _amount(entry, "index", "amount")),
            settled=_increasing(reader, "settled", lambda entry: _amount(entry, "instrument", "value")),
        )
        reader.end()
        return expected

    @classmethod
    def load(cls, path: str | Path) -> Expected:
        """What is expected, of a file."""
        return cls.from_json(read_text(Path(path)))

    def save(self, path: str | Path) -> None:
        """Writes the file."""
        write_whole(Path(path), self.to_json())


def _increasing(reader: Reader, name: str, read: Callable[[Reader], tuple[int, _Value]]) -> dict[int, _Value]:
    """A list as a mapping; its accounts or instruments increase, or one could be said twice and the last would count."""
    entries = [read(entry) for entry in reader.objects(name)]
    for (before, _), (after, _) in pairwise(entries):
        if after <= before:
            reader.refuse(f"{name}: {after} follows {before}")
    return dict(entries)


def verify(settlement: Settlement, keys: Keys, expected: Expected) -> int:
    """Checks a settlement as the contract does, against what the caller trusts; returns the root after the batch.

    Raises :class:`prover.errors.VerificationError` for one that does not hold or is another one than expected,
    and :class:`SettlementError` for one that is malformed.
    """
    with _fitting():
        return _native.verify(settlement, keys.verifying, expected)


@dataclass(frozen=True, slots=True)
class Digest:
    """What a settlement is called by, and what r₁ is hashed of beside the settlement's own numbers.

    ``r1``: r₁. ``next_indices``: one more than the last account index after each segment. ``data_hashes``: h_j of each
    segment. ``closing_hash``: keccak over the closing words. ``data_hash``: the contract's name for all public data.
    """

    r1: bytes
    next_indices: tuple[int, ...]
    data_hashes: tuple[bytes, ...]
    closing_hash: bytes
    data_hash: bytes


def digest(settlement: Settlement) -> Digest:
    """r₁ and the hashes of the public data; proofs are not looked at."""
    _check_words(settlement, Params.named(settlement.params))
    segments = tuple(replace(part, proof=None) for part in settlement.segments)
    with _fitting():
        found = _native.settlement_digest(
            replace(settlement, segments=segments, closing=replace(settlement.closing, proof=None))
        )
    return Digest(
        r1=bytes(found["r1"]),
        next_indices=tuple(found["next_indices"]),
        data_hashes=tuple(map(bytes, found["data_hashes"])),
        closing_hash=bytes(found["closing_hash"]),
        data_hash=bytes(found["data_hash"]),
    )


def public_inputs(settlement: Settlement) -> list[list[int]]:
    """The public inputs of every proof as the contract derives them: one list a segment, then the closing proof's."""
    sizes = Params.named(settlement.params)
    _check_words(settlement, sizes)
    places = len(settlement.segments) * sizes.touches * sizes.orders
    if settlement.active_orders > places:
        raise SettlementError(f"{settlement.active_orders} orders do not fit {places} places", {"places": places})
    with _fitting():
        return _native.public_inputs(settlement)


def _check_words(settlement: Settlement, sizes: Params) -> None:
    """As many words as the segments have."""
    count = len(settlement.segments)
    words = count * sizes.touches * sizes.words + sizes.rows + sizes.settled
    if len(settlement.words) != words:
        raise SettlementError(f"{count} segments have {words} data words, it has {len(settlement.words)}")


@contextmanager
def _fitting() -> Iterator[None]:
    """Refuses values that their place has no room for, or that are of another type."""
    try:
        yield
    except (TypeError, OverflowError, ValueError) as error:
        place = str(error).partition("\n")[0].rpartition(".")[2]
        raise SettlementError(f"a value does not fit its place: {place}", {"place": place}) from error


def address(text: str = NO_ADDRESS) -> bytes:
    """The 20 bytes of a ``0x`` address."""
    raw = read_bytes(text.lower(), ADDRESS_BYTES)
    if raw is None:
        raise SettlementError(f"{text[:60]!r} is no address: 0x and {2 * ADDRESS_BYTES} digits", {"address": text[:60]})
    return raw


def proof_to_wire(proof: Proof | None) -> list[str] | None:
    """A proof as eight words of 0x and 64 digits."""
    return None if proof is None else [element(word) for word in proof]


def proof_from_wire(wire: object) -> Proof | None:
    """What :func:`proof_to_wire` wrote; None if it is not that."""
    if not isinstance(wire, list) or len(wire) != PROOF_WORDS:
        return None
    words = [read_bytes(word, HASH_BYTES) for word in wire]
    return None if None in words else tuple(int.from_bytes(word, "big") for word in words if word is not None)


def _segment_to_wire(part: SegmentPart) -> Json:
    numbers = {"root": element(part.root), "sums": element(part.sums), "tau": element(part.tau)}
    return numbers | {"proof": proof_to_wire(part.proof)}


def _segment(reader: Reader) -> SegmentPart:
    root, sums, tau = (reader.element(name) for name in ("root", "sums", "tau"))
    part = SegmentPart(root, sums, tau, reader.read("proof", proof_from_wire, "eight words"))
    reader.end()
    return part


def _closing(reader: Reader) -> ClosingPart:
    root, tau = reader.element("auction_root"), reader.element("tau")
    part = ClosingPart(root, tau, reader.read("proof", proof_from_wire, "eight words"))
    reader.end()
    return part


def _elements(wire: object) -> list[int] | None:
    elements = [read_element(item) for item in wire] if isinstance(wire, list) else [None]
    return None if None in elements else [item for item in elements if item is not None]


def _context(reader: Reader) -> Context:
    domain = reader.element("domain")
    bits = {"batch": 32, "last_void": 32, "time": 40, "fee_rate": 14, "num": 3, "den": 3}
    context = Context(domain=domain, **{name: reader.integer(name, size) for name, size in bits.items()})
    reader.end()
    return context


def _deposit(reader: Reader) -> tuple[int, LockedDeposit]:
    index, amount = reader.integer("index", 32), reader.amount("amount", 64)
    entry = index, LockedDeposit(amount, reader.element("owner"))
    reader.end()
    return entry


def _amount(reader: Reader, name: str, value: str) -> tuple[int, int]:
    entry = reader.integer(name, 32), reader.amount(value, 64)
    reader.end()
    return entry
