"""Sections 7 and 8: public data, its open and its encrypted words, and what is hashed of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from .batch import ClearedTouch, Result
from .field import Word, horner, word
from .keccak import keccak

OPEN_WORDS = 5
"""Section 7: "Words 0 … 4 of a touch (section 8) are its **open words**"."""

Segment = tuple[ClearedTouch | None, ...]
"""T touches, None for padding."""


@dataclass(frozen=True)
class SegmentData:
    """The words of a segment's touches, a list a touch.

    Section 8: "A segment has T·(6 + n_x) words, in order of its touches"."""

    touches: tuple[tuple[int, ...], ...]

    @property
    def open(self) -> list[int]:
        return [value for touch in self.touches for value in touch[:OPEN_WORDS]]

    @property
    def encrypted(self) -> list[int]:
        """Section 7: "words 5 … are **encrypted**"."""
        return [value for touch in self.touches for value in touch[OPEN_WORDS:]]

    @property
    def hash(self) -> Word:
        """Section 7: "h_j = keccak(open words of all T touches of segment j ‖ keccak(encrypted words of all T touches of segment j))"."""
        return keccak(b"".join(map(word, self.open)) + words_hash(self.encrypted))

    def open_value(self, z: int) -> int:
        """Section 8: "the **open value** is that of the open words of all T touches"."""
        return horner(self.open, z)

    def encrypted_value(self, z: int) -> int:
        """Section 8: "the **encrypted value** that of the encrypted words of all T touches, these alone"."""
        return horner(self.encrypted, z)


def words_hash(words: Sequence[int]) -> Word:
    return keccak(b"".join(map(word, words)))


def touch_words(result: Result, touch: ClearedTouch | None) -> tuple[int, ...]:
    """Section 8: "Words of a touch, 6 + n_x of them …, all 0 for padding"."""
    return (0,) * result.params.words_per_touch if touch is None else tuple(touch.words)


def segment_data(result: Result, segment: Segment) -> SegmentData:
    return SegmentData(tuple(touch_words(result, touch) for touch in segment))


def closing_hash(result: Result) -> Word:
    """Section 7: "closingHash = keccak(closing words)"."""
    return words_hash(result.closing_words)


def data_hash(hashes: Sequence[Word], closing: Word) -> Word:
    """Section 7: "dataHash = keccak(h_1 ‖ … ‖ h_N ‖ closingHash)"."""
    return keccak(b"".join(hashes) + closing)
