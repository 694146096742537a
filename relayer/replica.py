"""A replica of a vault whose ciphertexts are not in calldata: it stores what the operator sends, signs for it, and serves owners.

What it signs (docs/protocol.md section 7): for segments of the settlement r₁ it holds words with these hashes, which come to
these values at the data point of r₁. It computes both from the words that are on its disk, and signs only then; a contract
that sees its signature may take the values for true. It signs whatever well-formed words the operator sends: which of them
count is the contract's to say, and the chain is followed to know. Because r₁ is shown with its preimage, the operator cannot
have words forgotten by calling them those of an older batch: words go only when their batch can no longer be settled with
them. Nor by sending others under the same r₁: which of them r₁ means cannot be told here, since its data hashes are of open
words too, which no replica is sent. So it neither takes the first for the true ones nor the last; it keeps, counts and signs all
up to a number.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from prover.data import OPEN_WORDS, SegmentData, attestation, data_point, read_words
from prover.errors import SettlementError, TacitError
from prover.hashing import keccak256
from relayer.errors import ReplicaError
from relayer.header import MOST_SEGMENTS, Header
from relayer.ledger import Change, Ledger, whole_from
from relayer.rebuild import LIVE
from relayer.records import BatchSettled
from relayer.replica_store import Store
from relayer.signing import Signer, signer_of
from relayer.vault import Vault

log = logging.getLogger(__name__)

MOST_ATTEMPTS: Final = 4
"""Settlements of one batch that words are kept for, or as many segments in any number: a new attempt has new words only if it
starts anew.
"""
MOST_BATCHES: Final = 64
"""Batches not settled for good that words are kept for."""
FOLLOW_PAUSE: Final = 2.0
REQUEST_TYPE: Final = b"Store(bytes32 r1,uint32 first,bytes32 words)"


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator sends: the ciphertext words of segments ``first`` … of a settlement, and what its r₁ is hashed of."""

    header: Header
    first: int
    segments: tuple[bytes, ...]

    def digest(self, separator: bytes) -> bytes:
        """What the operator signs, so that nobody else fills a replica's disk."""
        words = keccak256(b"".join(self.segments))
        struct = keccak256(REQUEST_TYPE) + self.header.r1 + self.first.to_bytes(32, "big") + words
        return keccak256(b"\x19\x01" + separator + keccak256(struct))


@dataclass(frozen=True, slots=True)
class Attestation:
    """A replica's word that it holds the words of a request, by segment their hash and their value at the data point."""

    address: str
    hashes: tuple[bytes, ...]
    values: tuple[int, ...]
    signature: bytes


class Replica:
    """The replica of a vault: its key, its store, and the chain it follows."""

    def __init__(self, vault: Vault, signer: Signer, store: Store) -> None:
        if not vault.validium:
            raise ReplicaError(
                f"the vault {vault.address} has all its data in calldata and needs no replica", {"vault": vault.address}
            )
        if signer.address not in vault.replicas[0]:
            what = (
                f"the key is of {signer.address}, which is none of the vault's replicas: {', '.join(vault.replicas[0])}"
            )
            raise ReplicaError(what, {"address": signer.address})
        self.vault, self.store, self.signer = vault, store, signer
        self.trouble: str | None = "the chain has not been read yet"
        self._operator = str(vault.roles.operator).lower()
        self._ledger: Ledger | None = None

    # ---- storing

    def keep(self, request: Request, signature: bytes) -> Attestation:
        """Stores the words for good, then signs for them. What is malformed, too much or not the operator's is refused."""
        if signer_of(request.digest(self.vault.separator), signature) != self._operator:
            raise ReplicaError(
                f"the request is not signed by the vault's operator {self._operator}", {"operator": self._operator}
            )
        data = self._checked(request)
        digests = [each.encrypted_hash for each in data]
        r1 = request.header.r1
        with self.store.changing():
            self._check_room(request, digests)
            self.store.keep(r1, request.header.batch, request.first, list(zip(digests, request.segments, strict=True)))
        digest = attestation(self.vault.separator, r1, request.first, data)
        values = tuple(each.encrypted_value(data_point(r1)) for each in data)
        return Attestation(self.signer.address, tuple(digests), values, self.signer.sign(digest))

    def _checked(self, request: Request) -> list[SegmentData]:
        """The words of a request, of the right number and below p."""
        segments, size = request.segments, self.vault.layout.cipher_bytes
        if not segments or request.first + len(segments) > len(request.header.segments):
            what = f"segments {request.first} … {request.first + len(segments) - 1} of a settlement of {len(request.header.segments)}"
            raise ReplicaError(what, {"first": request.first, "segments": len(segments)})
        if request.header.domain != self.vault.domain:
            raise ReplicaError(
                f"the settlement is of another vault than {self.vault.address}", {"domain": hex(request.header.domain)}
            )
        for at, words in enumerate(segments):
            if len(words) != size:
                what = f"segment {request.first + at} has {len(words)} bytes of ciphertext, {size} are expected"
                raise ReplicaError(what, {"segment": request.first + at, "bytes": len(words)})
        return [self._read(request.first + at, words) for at, words in enumerate(segments)]

    def _check_room(self, request: Request, digests: Sequence[bytes]) -> None:
        """Whether there is room for what is new of a request; the same again needs none."""
        batch, newest = request.header.batch, self.store.newest_settled()
        if newest is not None and batch < newest[0]:
            raise ReplicaError(
                f"batch {batch} can no longer be settled: {newest[0]} is", {"batch": batch, "settled": newest[0]}
            )
        waiting = self.store.waiting(batch)
        new = {(request.header.r1, request.first + at, digest) for at, digest in enumerate(digests)} - waiting
        if new and len(waiting) + len(new) > MOST_ATTEMPTS * MOST_SEGMENTS:
            what = f"batch {batch} has {len(waiting)} segments here already: no more attempts at it are kept"
            raise ReplicaError(what, {"batch": batch, "segments": len(waiting)})
        if self.store.batches_waiting(batch) >= MOST_BATCHES:
            what = f"{MOST_BATCHES} batches wait here to be settled: settle them first"
            raise ReplicaError(what, {"batch": batch})

    def _read(self, number: int, words: bytes) -> SegmentData:
        try:
            return SegmentData((0,) * (OPEN_WORDS * self.vault.layout.touches), read_words(words))
        except SettlementError as error:
            raise ReplicaError(f"segment {number}: {error}", {"segment": number}) from error

    # ---- following

    def follow(self, stop: threading.Event, fill: Callable[[bytes], bytes | None] = lambda _: None) -> None:
        """Follows the chain until told to stop; ``fill`` is asked for words that are missing. What fails, however, is tried again,
        and told by :attr:`trouble`.
        """
        try:
            while not stop.is_set():
                try:
                    self.advance()
                    self._fill(fill)
                    self.trouble = None
                except Exception as error:  # noqa: BLE001 - whoever answered, the chain is followed on
                    self._fail(error)
                stop.wait(FOLLOW_PAUSE)
        finally:
            if not stop.is_set():
                self.trouble = "the chain is no longer followed: restart the replica"

    def advance(self) -> None:
        """Takes in what the chain has said since the last call: all of it, or nothing, and then all of it again."""
        final = self.vault.chain.head("finalized").number
        ledger, first = (self._ledger, None) if self._ledger is not None else self._start(final)
        changes = ledger.advance()
        self._ledger = None  # it tells no change twice: unless these are written, another has to start anew
        with self.store.changing():
            if first is not None:
                self.store.withdraw_after(first)
            for change in changes:
                self._take(change)
        self._ledger = ledger
        newest = self.store.newest_settled(final)
        if newest is not None:
            self.store.prune(newest[0])

    def _start(self, final: int) -> tuple[Ledger, int]:
        """The ledger from the newest settlement on that can no longer be taken back, and the block above which what is stored is
        replaced by what it reads. Everything, if a reorganisation moved that settlement unseen.
        """
        newest = self.store.newest_settled(final)
        first = None if newest is None else whole_from(self.vault, *newest)
        return Ledger(self.vault, first), -1 if newest is None or first is None else newest[1]

    def _take(self, change: Change) -> None:
        record = change.record
        if not isinstance(record, BatchSettled):
            return
        if change.withdrawn:
            self.store.withdraw(record.batch)
            return
        hashes = [segment.cipher_hash for segment in record.segments]
        self.store.settle(record.batch, record.at.block, hashes, _touches(record, self.vault.layout.touches))

    def _fill(self, fill: Callable[[bytes], bytes | None]) -> None:
        """Asks for all words that are missing; what fails for some is raised when the others have been asked for."""
        failed: Exception | None = None
        for digest in self.store.missing():
            try:
                words = fill(digest)
            except Exception as error:  # noqa: BLE001 - raised below
                failed = error
                continue
            if words is not None and keccak256(words) == digest:
                self.store.fill(digest, words)
        if failed is not None:
            raise failed

    def _fail(self, error: Exception) -> None:
        """Tells of a look that failed; of what no part of this program meant to raise, its class only."""
        before, kind = self.trouble, type(error).__name__
        if isinstance(error, TacitError | sqlite3.Error):
            self.trouble = str(error)
            return
        self.trouble = f"a look at the chain or at other replicas failed with {kind}: it is tried again"
        if self.trouble != before:
            log.error("a look at the chain or at other replicas failed: %s", kind)


def _touches(settlement: BatchSettled, places: int) -> Sequence[tuple[int, int, int]]:
    """(account, segment, place) of every live touch."""
    found = []
    for segment in settlement.segments:
        for place in range(places):
            word = segment.open_touch(place)[0]
            if word & LIVE:
                found.append((word % LIVE, segment.number, place))
    return found
