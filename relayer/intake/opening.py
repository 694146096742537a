"""From envelopes to orders whose signatures hold: what needs no state but who is registered, and may run in several threads at once.

Everything an envelope can be wrong in ends as an :class:`.Issue`; nothing of what was decrypted is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Request:
    """An envelope, and the key under which it is to be answered alike."""

    envelope: Envelope
    idempotency_key: str | None = None


class Opener:
    """Opens envelopes for a vault."""

    def __init__(self, database: Database, keys: KeyRing, terms: Terms) -> None:
        self._database, self._keys, self._terms = database, keys, terms
        self._holders: dict[int, Point] = {}

    def open_all(self, requests: Sequence[Request]) -> list[Candidate | Issue]:
        """A candidate for each order that is well-formed and signed by the owner that it names, else the first thing wrong."""
        opened = [self._open(each.envelope) for each in requests]
        self._look_up([each.owner for each in opened if isinstance(each, SignedOrder)])
        pairs = zip(requests, opened, strict=True)
        return [each if isinstance(each, Issue) else self._checked(request, each) for request, each in pairs]

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

    def _checked(self, request: Request, signed: SignedOrder) -> Candidate | Issue:
        holder = self._holders.get(signed.owner)
        if holder is None:
            return Issue(Code.UNKNOWN_ACCOUNT, "the owner is not registered: POST /v1/accounts first")
        try:
            digest = order_hash(signed, self._terms.domain)
        except BatchError as error:
            return Issue(Code.INVALID_ORDER, str(error), error.values)
        if not eddsa.verify(holder, int.from_bytes(digest, "big"), signed.signature):
            return Issue(Code.INVALID_SIGNATURE, "the signature of the order is not the owner's")
        return Candidate(signed, digest, request.idempotency_key)

    def _look_up(self, owners: Sequence[int]) -> None:
        """Reads the keys of owners that are not known yet. One that is not registered is asked for again the next time."""
        missing = sorted({owner.to_bytes(32, "big") for owner in owners if owner not in self._holders})
        if not missing:
            return
        with self._database.read() as session:
            found = orders.keys(session, missing)
        self._holders |= {int.from_bytes(owner, "big"): eddsa.unpack(packed) for owner, packed in found.items()}


def packed_key(holder: Holder) -> bytes:
    """The signing key of a holder as stored (:class:`Refused` if it is no point of the curve: it could never sign)."""
    try:
        return eddsa.pack(holder.key)
    except PointError:
        raise Refused(
            Issue(Code.INVALID_REQUEST, "the holder's key is no point of the curve", {"what": "key"})
        ) from None
