"""Batches as everybody sees them, their proofs once they are in the chain, and an owner's proof that an order is in a seal.

A settlement is shown when it is mined and not before: until then only the operator and whoever it sends it to should have it.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from relayer.api import paging, schemas, shown
from relayer.api.forms import LARGEST_BATCH, Id, at, word
from relayer.api.inclusion import Inclusions
from relayer.api.known import Credentials, Known
from relayer.api.problems import Refusal, documented, not_found
from relayer.api.services import Services
from relayer.api.verification import Verifier
from relayer.store import listing
from relayer.store.models import Batch, BatchState

BATCHES: Final = "b"
MINED: Final = (BatchState.MINED, BatchState.FINAL)
SEALED: Final = (
    BatchState.SEALED,
    BatchState.PROVING,
    BatchState.PROVED,
    BatchState.SUBMITTED,
    BatchState.FAILED,
    BatchState.REORGED,
    *MINED,
)
Number = Annotated[int, Path(ge=0, le=LARGEST_BATCH)]


def router(services: Services, known: Known, verifier: Verifier) -> APIRouter:
    """Routes of batches and proofs."""
    routes = APIRouter(prefix="/v1", tags=["batches"])
    database, inclusions = services.database, Inclusions(services)

    @routes.get("/batches", responses=documented("INVALID_REQUEST"))
    def batches(limit: paging.Limit = paging.DEFAULT, cursor: paging.After = None) -> schemas.Batches:
        """Batches, newest first."""
        size = min(limit, services.settings.page)
        with database.read() as session:
            rows = listing.batches(session, paging.place(BATCHES, cursor), size + 1)
        more = paging.cursor(BATCHES, rows[size - 1].number) if len(rows) > size else None
        return schemas.Batches(items=[shown.batch(row) for row in rows[:size]], next_cursor=more)

    @routes.get("/batches/{number}", responses=documented("NOT_FOUND"))
    def batch(number: Number) -> schemas.BatchDetail:
        """A batch with its way so far."""
        with database.read() as session:
            row = _known(listing.brief(session, number))
            steps, mined = listing.steps(session, number), listing.mined_of(session, number)
        return schemas.BatchDetail(
            **shown.batch_fields(row),
            steps=[schemas.Step(state=each.state.value, at=at(each.at)) for each in steps],
            transactions=[
                schemas.BatchTransaction(purpose=each.purpose, hash=word(each.mined_hash), block=each.block)
                for each in mined
                if each.mined_hash is not None and each.block is not None
            ],
        )

    @routes.get(
        "/batches/{number}/proof",
        response_class=Response,
        responses={
            200: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Settlement"}}}},
            **documented("NOT_FOUND"),
        },
    )
    def proof(number: Number) -> Response:
        """The settlement of a batch that is in the chain, as `tacit.settlement.1` of docs/formats.md."""
        with database.read() as session:
            row = _known(listing.batch(session, number))
        if row.settlement is None or row.state not in MINED:
            raise not_found()
        return Response(row.settlement, media_type="application/json")

    @routes.get(
        "/batches/{number}/inclusion/{order_id}", responses=documented("UNAUTHENTICATED", "NOT_FOUND", "CONFLICT")
    )
    def inclusion(number: Number, order_id: Id, credentials: Credentials) -> schemas.Inclusion:
        """Shows that an order of the asker's is in the batch's seal."""
        owner = known.owner(credentials)
        with database.read() as session:
            row, order = listing.batch(session, number), listing.order(session, owner, order_id)
        if order is None or order.batch != number or order.sequence is None or row is None:
            raise not_found()
        if row.state not in SEALED:
            raise Refusal("CONFLICT", f"batch {number} is {row.state.value}, and has no seal to show the order in")
        return inclusions.show(row, order)

    @routes.post("/proofs/verify", responses=documented("NOT_FOUND"))
    def verify(asked: schemas.VerificationAsked) -> schemas.Verification:
        """Checks every proof of a settlement, as the vault does."""
        return verifier.verify(asked)

    return routes


def _known(row: Batch | None) -> Batch:
    if row is None:
        raise not_found()
    return row
