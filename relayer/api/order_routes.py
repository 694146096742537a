"""Orders: sent in envelopes, looked at and cancelled by their owner.

What is refused is the engine's to say (:mod:`relayer.intake`); here it gets its status. Why margin was short is shown to the owner alone:
to whoever sends the envelope with a session of the order's owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from prover.errors import TacitError
from relayer.api import schemas
from relayer.api.forms import Id, Signature, maybe_word, plain, word
from relayer.api.known import OPTIONAL, Credentials, Known
from relayer.api.limits import CALLER, Buckets
from relayer.api.market import Market
from relayer.api.problems import Problem, Refusal, documented, not_found, problem, refusal_of, sayable
from relayer.api.services import Acknowledged, Services
from relayer.api.shown import Shown
from relayer.envelope import Envelope
from relayer.store import listing

INTAKE: Final = (
    "DECRYPTION_FAILED",
    "NONCE_USED",
    "BATCH_FULL",
    "IDEMPOTENCY_MISMATCH",
    "INVALID_SIGNATURE",
    "INVALID_ORDER",
    "EXPIRED",
    "UNKNOWN_INSTRUMENT",
    "INSUFFICIENT_MARGIN",
    "UNKNOWN_ACCOUNT",
    "UNKNOWN_KEY",
    "PAUSED",
    "STALE_RISK",
    "NOT_LEADER",
)
"""What an order is refused for."""
OWN: Final = ("UNAUTHENTICATED", "NOT_FOUND")
LONGEST_KEY: Final = 64

IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[A-Za-z0-9_.:-]{1,64}$",
        max_length=LONGEST_KEY,
        description="The same key with the same request gets the same answer.",
    ),
]
TacitSignature = Annotated[Signature | None, Header(description="The cancellation's signature, instead of a body.")]


def router(services: Services, known: Known, market: Market, buckets: Buckets) -> APIRouter:
    """Routes of orders. ``buckets`` are those of addresses: several orders at once cost as much as one by one."""
    routes = APIRouter(prefix="/v1/orders", tags=["orders"])
    engine, shown = services.engine, Shown(services, market)

    @routes.post(
        "",
        status_code=201,
        response_model=schemas.Receipted,
        responses={
            202: {"model": schemas.Waiting, "description": "Stored; waits for a batch."},
            **documented(*INTAKE, "UNAUTHENTICATED"),
        },
        openapi_extra=OPTIONAL,
    )
    async def send(
        envelope: schemas.Envelope, credentials: Credentials, idempotency_key: IdempotencyKey = None
    ) -> JSONResponse:
        """Sends an order. It is on disk when this answers."""
        asker = await run_in_threadpool(known.perhaps, credentials) if credentials is not None else None
        try:
            made = await engine.submit(envelope_of(envelope), idempotency_key)
        except TacitError as error:
            raise told_to(error, asker) from error
        status, document = acknowledgement(made)
        return JSONResponse(document.model_dump(), status)

    @routes.post("/bulk", responses=documented("UNAUTHENTICATED"), openapi_extra=OPTIONAL)
    async def bulk(
        asked: schemas.Bulk, request: Request, credentials: Credentials, idempotency_key: IdempotencyKey = None
    ) -> schemas.BulkResults:
        """Sends several orders; each is taken or refused by itself."""
        buckets.charge(request.scope[CALLER], len(asked.orders) - 1)
        asker = await run_in_threadpool(known.perhaps, credentials) if credentials is not None else None
        results = []
        for number, each in enumerate(asked.orders):
            key = None if idempotency_key is None else f"{idempotency_key}#{number}"
            results.append(await _one(services, each, key, asker))
        return schemas.BulkResults(results=results)

    @routes.post("/check", responses=documented(*INTAKE, "UNAUTHENTICATED"), openapi_extra=OPTIONAL)
    async def check(envelope: schemas.Envelope, credentials: Credentials) -> schemas.Checked:
        """What an order would be refused for now. Nothing is stored."""
        asker = await run_in_threadpool(known.perhaps, credentials) if credentials is not None else None
        try:
            looked = await engine.look(envelope_of(envelope))
        except TacitError as error:
            raise told_to(error, asker) from error
        own = asker is not None and looked.owner == int.from_bytes(asker, "big")
        issues = [
            schemas.Issue(
                code=each.code,
                detail=each.detail,
                values=sayable(each.values) | (sayable(each.private) if own else {}),
            )
            for each in looked.issues
        ]
        domain = services.venue.domain.to_bytes(32, "big")
        return schemas.Checked(issues=issues, hash=maybe_word(looked.hash), domain=word(domain))

    @routes.get("/{order_id}", responses=documented(*OWN))
    def one(order_id: Id, credentials: Credentials) -> schemas.Order:
        """An order of the asker's own."""
        owner = known.owner(credentials)
        with services.database.read() as session:
            row = listing.order(session, owner, order_id)
        if row is None:
            raise not_found()
        return shown.order(row)

    @routes.delete("/{order_id}", responses=documented(*OWN, "CONFLICT", "INVALID_SIGNATURE", "NOT_LEADER"))
    async def cancel(
        order_id: Id,
        credentials: Credentials,
        cancellation: schemas.Cancellation | None = None,
        tacit_signature: TacitSignature = None,
    ) -> schemas.Order:
        """Cancels an order that waits. One with a receipt stays in its batch: send an order of kind cancel."""
        owner = await run_in_threadpool(known.owner, credentials)
        signature = cancellation.signature if cancellation is not None else tacit_signature
        if signature is None:
            raise Refusal(
                "INVALID_REQUEST", "body: give the signature of the cancellation, or the header Tacit-Signature"
            )
        await engine.cancel(order_id, owner, plain(signature))
        return await run_in_threadpool(one, order_id, credentials)

    return routes


def envelope_of(asked: schemas.Envelope) -> Envelope:
    """The envelope of a request."""
    return Envelope(
        bytes.fromhex(asked.key_id),
        asked.first_batch,
        asked.last_batch,
        plain(asked.encapsulated),
        plain(asked.ciphertext),
    )


def acknowledgement(made: Acknowledged) -> tuple[int, schemas.Receipted | schemas.Waiting]:
    """Status and document of an order that is stored."""
    if made.receipt is None or made.batch is None or made.sequence is None:
        return 202, schemas.Waiting(id=made.id, hash=_hash(made.hash), state=str(made.state))
    receipt = schemas.Receipt(**made.receipt.to_wire())
    document = schemas.Receipted(
        id=made.id,
        hash=_hash(made.hash),
        state=str(made.state),
        batch=made.batch,
        sequence=made.sequence,
        receipt=receipt,
    )
    return 201, document


def told_to(error: TacitError, asker: bytes | None) -> Refusal:
    """A refusal of the engine's; with what only the owner may know, if the asker is the owner."""
    refusal = refusal_of(error)
    owner, issue = getattr(error, "owner", None), getattr(error, "issue", None)
    private: Mapping[str, Any] = getattr(issue, "private", {})
    if private and asker is not None and owner == int.from_bytes(asker, "big"):
        refusal.values |= sayable(private)
    seconds = getattr(error, "seconds", None) or refusal.values.get("retry_after")
    if isinstance(seconds, int):
        refusal.retry_after = seconds
    return refusal


async def _one(
    services: Services, envelope: schemas.Envelope, key: str | None, asker: bytes | None
) -> schemas.BulkResult:
    try:
        made = await services.engine.submit(envelope_of(envelope), key)
    except TacitError as error:
        refused = problem(told_to(error, asker))
        document = Problem.model_validate_json(bytes(refused.body))
        return schemas.BulkResult(status=refused.status_code, order=None, problem=document)
    status, order = acknowledgement(made)
    return schemas.BulkResult(status=status, order=order, problem=None)


def _hash(value: bytes | int) -> str:
    return word(value if isinstance(value, bytes) else value.to_bytes(32, "big"))
