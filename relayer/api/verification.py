"""Settlements verified on request: the check is the vault's own (:func:`prover.settlement.verify`), one at a time.

A settled batch of this vault is checked against what the vault's events say. Anything else is checked against what the asker trusts,
or, where nothing is given, against its own claims: then only its proofs hold, and the answer says so.
"""

from __future__ import annotations

import json
import threading
from typing import Final

from prover.batch import Context
from prover.errors import SettlementError, TacitError, VerificationError
from prover.settlement import Expected, Settlement, verify
from relayer.api import schemas
from relayer.api.forms import word
from relayer.api.problems import Refusal, not_found
from relayer.api.services import Services, Venue
from relayer.errors import LedgerError
from relayer.history import History
from relayer.store import listing
from relayer.store.models import BatchState

WAIT_SECONDS: Final = 2.0
MINED: Final = (BatchState.MINED, BatchState.FINAL)


class Verifier:
    """Verifies one settlement at a time: each takes a core for as long as it lasts."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._turn = threading.Semaphore(1)

    def verify(self, asked: schemas.VerificationAsked) -> schemas.Verification:
        """What verifying comes to; a settlement that is malformed is ``INVALID_REQUEST``."""
        if (asked.batch is None) == (asked.settlement is None) or (
            asked.batch is not None and asked.expected is not None
        ):
            raise Refusal(
                "INVALID_REQUEST", "body: give batch, or settlement with or without expected", {"place": "body"}
            )
        if asked.batch is not None:
            return self._checked(*self._own(asked.batch), "chain")
        try:
            settlement = Settlement.from_json(json.dumps(asked.settlement))
            expected = Expected.from_json(json.dumps(asked.expected)) if asked.expected is not None else None
            if expected is None:
                return self._checked(settlement, Expected.claimed_by(settlement), "claims")
        except SettlementError as error:
            raise Refusal("INVALID_REQUEST", str(error)[:300], {"place": "body"}) from error
        return self._checked(settlement, expected, "expected")

    def _own(self, number: int) -> tuple[Settlement, Expected]:
        with self.services.database.read() as session:
            row = listing.batch(session, number)
        if row is None or row.settlement is None or row.state not in MINED:
            raise not_found()
        settlement = Settlement.from_json(row.settlement.decode())
        try:
            return settlement, expected_of(self.services.reading.history(), self.services.venue, number)
        except LedgerError as error:
            raise Refusal("NOT_READY", "the chain has not been read as far as this batch") from error

    def _checked(self, settlement: Settlement, expected: Expected, against: str) -> schemas.Verification:
        try:
            keys = self.services.keys()
        except TacitError as error:
            raise Refusal("NOT_READY", "there are no verifying keys here that can be used") from error
        if keys is None or keys.params != settlement.params:
            raise Refusal("NOT_READY", f"no verifying keys of parameter set {settlement.params[:16]} are here")
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise Refusal("BUSY", "another settlement is being verified: try again")
        detail = None
        try:
            verify(settlement, keys, expected)
        except VerificationError as error:
            detail = str(error)[:300]
        except TacitError as error:
            raise Refusal("INVALID_REQUEST", str(error)[:300], {"place": "body.settlement"}) from error
        finally:
            self._turn.release()
        return schemas.Verification(
            valid=detail is None,
            against=against,  # type: ignore[arg-type]  # one of its literals
            batch=settlement.context.batch,
            start_root=word(settlement.start_root.to_bytes(32, "big")),
            end_root=word(settlement.end_root.to_bytes(32, "big")),
            detail=detail,
        )


def expected_of(history: History, venue: Venue, number: int) -> Expected:
    """What the vault's events say of a batch (:class:`LedgerError` where they do not tell of it)."""
    sealed, epoch = history.seal_of(number), history.epoch_of(number)
    context = Context(
        domain=venue.domain,
        batch=number,
        last_void=sealed.seal.last_void,
        time=sealed.seal.time,
        fee_rate=venue.fee_rate,
        num=venue.num,
        den=venue.den,
    )
    return Expected(
        context=context,
        start_root=sealed.root,
        seal_root=sealed.seal.root,
        active_orders=sealed.seal.orders,
        deposit_end=sealed.seal.deposit_end,
        exit_end=sealed.seal.exit_end,
        risk_root=epoch.risk_root,
        deposits=history.locked(number),
        exits=history.requested(number),
        settled={row.instrument: row.value for row in history.settled_values(sealed.seal.epoch)},
    )
