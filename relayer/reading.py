"""An owner's account read from chain data with the owner's keys: the newest touch of its index, decrypted, and compared with
the tree's leaf.

In a vault whose ciphertexts are at replicas they come from one, segment by segment, and count only if they hash to what is on
chain; so a replica can withhold, and cannot lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prover.batch import Leaf, Reading, read_touch
from prover.hashing import keccak256
from prover.orders import Holder
from relayer.errors import LedgerError, ReplicaError
from relayer.rebuild import LEAF_WORD, LIVE
from relayer.records import BatchSettled, SegmentData
from relayer.vault import Vault

CipherSource = Callable[[bytes], bytes | None]
"""Gives the ciphertext words of a segment by their hash, None if it has none."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Where a settlement touched an account: batch, segment, place in the segment, and the new leaf hash."""

    batch: int
    segment: SegmentData
    place: int
    leaf: int


@dataclass(frozen=True, slots=True)
class AccountReading:
    """An account as its owner reads it: the leaf after a batch, and what became of the batch's orders."""

    index: int
    batch: int
    reading: Reading

    @property
    def leaf(self) -> Leaf:
        """The account."""
        return self.reading.leaf


def touches_of(settlements: Iterable[BatchSettled], index: int, places: int) -> list[Touched]:
    """The touches that left an account existing, in order; ``places`` touches stand in a segment."""
    return [touched for each in settlements for at, touched in live_touches(each, places) if at == index]


def live_touches(settlement: BatchSettled, places: int) -> Iterator[tuple[int, Touched]]:
    """The touches of a settlement that left an account existing, with its index (:class:`LedgerError` where its words are not at hand)."""
    if not settlement.segments:
        what = f"the words of batch {settlement.batch} are not in memory: read its settlement whole"
        raise LedgerError(what, {"batch": settlement.batch})
    for segment in settlement.segments:
        for place in range(places):
            words = segment.open_touch(place)
            if words[0] & LIVE and words[LEAF_WORD]:
                yield words[0] % LIVE, Touched(settlement.batch, segment, place, words[LEAF_WORD])


def read_account(
    vault: Vault, settlements: Iterable[BatchSettled], holder: Holder, index: int, source: CipherSource | None = None
) -> AccountReading | None:
    """The account after the last settled batch; None if no batch has touched it.

    Raises :class:`prover.errors.ReadingError` if the keys do not open it, :class:`ReplicaError` if its ciphertext is not to be had.
    """
    touches = touches_of(settlements, index, vault.layout.touches)
    return read_touched(vault, touches[-1], holder, index, source) if touches else None


def read_touched(
    vault: Vault, touched: Touched, holder: Holder, index: int, source: CipherSource | None = None
) -> AccountReading:
    """One touch of an account, read with its owner's keys."""
    words = touched.segment.touch(touched.place, vault.layout, ciphertext(touched.batch, touched.segment, source))
    return AccountReading(index, touched.batch, read_touch(vault.params, words, holder, vault.domain, index))


def ciphertext(batch: int, segment: SegmentData, source: CipherSource | None) -> bytes | None:
    """The ciphertext words of a segment that calldata lacks, from a replica; None where calldata has them.

    :class:`ReplicaError` if there is no source, or what it gives is not what is on chain.
    """
    if segment.cipher_words is not None:
        return None
    if source is None:
        what = f"the ciphertext of batch {batch}, segment {segment.number} is at the vault's replicas: name one with --replica URL"
        raise ReplicaError(what, {"batch": batch, "segment": segment.number})
    words = source(segment.cipher_hash)
    if words is None:
        what = f"the replica does not have the words of batch {batch}, segment {segment.number}: ask another"
        raise ReplicaError(what, {"batch": batch, "segment": segment.number})
    if keccak256(words) != segment.cipher_hash:
        what = f"the replica's words of batch {batch}, segment {segment.number} are not those on chain: ask another replica"
        raise ReplicaError(what, {"batch": batch, "segment": segment.number})
    return words
