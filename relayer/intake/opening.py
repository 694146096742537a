"""From envelopes to orders whose signatures hold: what needs no state but who is registered, and may run in several threads at once.

Everything an envelope can be wrong in ends as an :class:`.Issue`; nothing of what was decrypted is in it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

from prover import eddsa
from prover.eddsa import Point
from prover.errors import BatchError, PointError
from prover.orders import Holder
from relayer.envelope import Envelope, SignedOrder, open_order, open_registration
from relayer.errors import DecryptionError, OrderError
from relayer.intake import rules
from relayer.intake.acceptance import Candidate, order_hash
from relayer.intake.keys import KeyRing
from relayer.intake.refusal import Code, Issue, Refused
from relayer.intake.view import Terms
from relayer.store import orders
from relayer.store.database import Database

FAILED = Issue(Code.DECRYPTION_FAILED, "the envelope does not open: encrypt anew to the key of GET /v1/keys")


REMEMBERED: Final = 65_536
"""Keys of owners that are kept in memory: those who sent orders last."""


@dataclass(frozen=True, slots=True)
class Request:
    """An envelope, and the key under which it is to be answered alike."""

    envelope: Envelope
    idempotency_key: str | None = None


class Opener:
    """Opens envelopes for a vault."""

    def __init__(self, database: Database, keys: KeyRing, terms: Terms) -> None:
        self._database, self._keys, self._terms = database, keys, terms
        self._holders: OrderedDict[int, Point] = OrderedDict()
        self._lock = threading.Lock()

    def open_all(self, requests: Sequence[Request]) -> list[Candidate | Issue]:
        """A candidate for each order that is well-formed and signed by the owner that it names, else the first thing wrong."""
        opened = [self._open(each.envelope) for each in requests]
        keys = self._keys_of({each.owner for each in opened if isinstance(each, SignedOrder)})
        pairs = zip(requests, opened, strict=True)
        return [
            each if isinstance(each, Issue) else self._checked(request, each, keys.get(each.owner))
            for request, each in pairs
        ]

    def registration(self, envelope: Envelope) -> Holder:
        """The holder in an envelope (:class:`Refused`)."""
        try:
            key = self._keys.opening(envelope.key_id)
            return open_registration(envelope, key, self._terms.domain, self._terms.vault)
        except DecryptionError:
            raise Refused(FAILED) from None
        except OrderError as error:
            raise Refused(Issue(Code.INVALID_REQUEST, str(error), error.values)) from None

    def _open(self, envelope: Envelope) -> SignedOrder | Issue:
        try:
            key = self._keys.opening(envelope.key_id)
            signed = open_order(envelope, key, self._terms.domain, self._terms.vault)
        except Refused as refused:
            return refused.issue
        except DecryptionError:
            return FAILED
        except OrderError as error:
            return Issue(Code.INVALID_ORDER, str(error), error.values)
        return rules.kind_issue(signed.order) or signed

    def _checked(self, request: Request, signed: SignedOrder, holder: Point | None) -> Candidate | Issue:
        if holder is None:
            return Issue(Code.UNKNOWN_ACCOUNT, "the owner is not registered: POST /v1/accounts first")
        try:
            digest = order_hash(signed, self._terms.domain)
        except BatchError as error:
            return Issue(Code.INVALID_ORDER, str(error), error.values)
        if not eddsa.verify(holder, int.from_bytes(digest, "big"), signed.signature):
            return Issue(Code.INVALID_SIGNATURE, "the signature of the order is not the owner's")
        return Candidate(signed, digest, request.idempotency_key)

    def _keys_of(self, owners: Set[int]) -> dict[int, Point]:
        """The keys of those owners that are registered. Only who has an account is remembered: others may be forgotten by the store."""
        with self._lock:
            found = {owner: self._holders[owner] for owner in owners if owner in self._holders}
            for owner in found:
                self._holders.move_to_end(owner)
        missing = sorted(owner.to_bytes(32, "big") for owner in owners - found.keys())
        if not missing:
            return found
        with self._database.read() as session:
            stored = orders.keys(session, missing)
        read = {int.from_bytes(owner, "big"): (eddsa.unpack(key), has) for owner, (key, has) in stored.items()}
        with self._lock:
            self._holders |= {owner: key for owner, (key, has_account) in read.items() if has_account}
            while len(self._holders) > REMEMBERED:
                self._holders.popitem(last=False)
        return found | {owner: key for owner, (key, _) in read.items()}


def packed_key(holder: Holder) -> bytes:
    """The signing key of a holder as stored (:class:`Refused` if it is no point of the curve: it could never sign)."""
    try:
        return eddsa.pack(holder.key)
    except PointError:
        raise Refused(
            Issue(Code.INVALID_REQUEST, "the holder's key is no point of the curve", {"what": "key"})
        ) from None
