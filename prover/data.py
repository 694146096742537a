"""Public data of a segment: its open words, its encrypted ones, and what a settlement and a replica say of them.

docs/protocol.md sections 7 and 8. The contract reads words 0 to 4 of a touch; of the others it takes a hash and
their value at z, so that they may stand in calldata (rollup) or be held by replicas (validium). A
replica needs nothing but this module: the words it was sent, and r₁ of the settlement they belong to. What the
words say is left to :func:`prover.batch.read_touch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from prover.errors import SettlementError
from prover.hashing import FIELD_ORDER, keccak256

OPEN_WORDS: Final = 5
WORD_BYTES: Final = 32
DATA_POINT: Final = 4
"""Number of z among the challenges of r₁."""
ATTESTATION_TYPE: Final = b"PublicData(bytes32 r1,uint32 first,bytes32 hashes,bytes32 values)"


def write_words(words: Iterable[int]) -> bytes:
    """Words as the contract takes them: 32 bytes each, most significant first."""
    return b"".join(word.to_bytes(WORD_BYTES, "big") for word in words)


def read_words(raw: bytes) -> tuple[int, ...]:
    """What :func:`write_words` wrote of field elements; anything else is refused (:class:`SettlementError`)."""
    if len(raw) % WORD_BYTES:
        raise SettlementError(f"{len(raw)} bytes are no words of 32 bytes", {"bytes": len(raw)})
    words = tuple(int.from_bytes(raw[at : at + WORD_BYTES], "big") for at in range(0, len(raw), WORD_BYTES))
    for at, word in enumerate(words):
        if word >= FIELD_ORDER:
            raise SettlementError(f"word {at} of the data is no field element", {"word": at})
    return words


@dataclass(frozen=True, slots=True)
class SegmentData:
    """The words of a segment: words 0 to 4 of its touches, and words 5 and after of them, each in the order of the touches."""

    open: tuple[int, ...]
    encrypted: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuses words that are no whole touches."""
        touches, rest = divmod(len(self.open), OPEN_WORDS)
        if not touches or rest or not self.encrypted or len(self.encrypted) % touches:
            sizes = {"open": len(self.open), "encrypted": len(self.encrypted)}
            raise SettlementError(
                f"{sizes['open']} open and {sizes['encrypted']} encrypted words are no touches", sizes
            )

    @classmethod
    def of(cls, words: Sequence[int], size: int) -> SegmentData:
        """Of the words touch by touch, `size` of them a touch (:attr:`prover.batch.Params.words`)."""
        touches = [words[at : at + size] for at in range(0, len(words), size)]
        return cls(
            tuple(word for touch in touches for word in touch[:OPEN_WORDS]),
            tuple(word for touch in touches for word in touch[OPEN_WORDS:]),
        )

    @property
    def touches(self) -> list[tuple[int, ...]]:
        """All words of each touch, padding included."""
        count = len(self.open) // OPEN_WORDS
        width = len(self.encrypted) // count
        return [
            self.open[OPEN_WORDS * at : OPEN_WORDS * (at + 1)] + self.encrypted[width * at : width * (at + 1)]
            for at in range(count)
        ]

    @property
    def words(self) -> tuple[int, ...]:
        """All words, touch by touch, as a settlement keeps them."""
        return tuple(word for touch in self.touches for word in touch)

    @property
    def encrypted_hash(self) -> bytes:
        """keccak over the encrypted words."""
        return keccak256(write_words(self.encrypted))

    @property
    def hash(self) -> bytes:
        """h_j: keccak over the open words and the hash of the encrypted ones."""
        return keccak256(write_words(self.open) + self.encrypted_hash)

    @property
    def rollup(self) -> bytes:
        """The segment's calldata where all words are published."""
        return write_words(self.open) + write_words(self.encrypted)

    @property
    def validium(self) -> bytes:
        """The segment's calldata where replicas hold the encrypted words."""
        return write_words(self.open) + self.encrypted_hash

    def open_value(self, z: int) -> int:
        """The value of the open words at z."""
        return _value(self.open, z)

    def encrypted_value(self, z: int) -> int:
        """The value of the encrypted words at z: of these alone, so that it says nothing of the open ones."""
        return _value(self.encrypted, z)


def _value(words: Sequence[int], z: int) -> int:
    """Horner from the first word, modulo p."""
    value = 0
    for word in words:
        value = (value * z + word) % FIELD_ORDER
    return value


def data_point(r1: bytes) -> int:
    """z: where the words of the settlement r₁ are evaluated."""
    return int.from_bytes(keccak256(r1 + DATA_POINT.to_bytes(WORD_BYTES, "big")), "big") % FIELD_ORDER


def attestation(separator: bytes, r1: bytes, first: int, segments: Sequence[SegmentData]) -> bytes:
    """What a replica signs that holds the encrypted words of the segments `first` (from 0) and after of the settlement r₁: 32 bytes.

    `separator`: EIP-712 domain separator of the vault (:func:`domain_separator`).
    """
    z = data_point(r1)
    hashes = keccak256(b"".join(segment.encrypted_hash for segment in segments))
    values = keccak256(write_words(segment.encrypted_value(z) for segment in segments))
    struct = keccak256(ATTESTATION_TYPE) + r1 + first.to_bytes(WORD_BYTES, "big") + hashes + values
    return keccak256(b"\x19\x01" + separator + keccak256(struct))


def domain_separator(chain_id: int, vault: bytes) -> bytes:
    """EIP-712 domain separator of a vault (its address, 20 bytes): what is signed for it holds for no other."""
    kind = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    names = keccak256(b"tacit") + keccak256(b"1")
    return keccak256(kind + names + chain_id.to_bytes(WORD_BYTES, "big") + vault.rjust(WORD_BYTES, b"\0"))
