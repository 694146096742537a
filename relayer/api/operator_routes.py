"""What the operator asks and changes: transactions, batches, policies, status, risk tables, measures."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from prover.batch import risk_root
from prover.errors import TacitError
from prover.risk import RiskTable
from relayer.api import admin_schemas as schemas
from relayer.api import paging
from relayer.api.forms import Id, at, maybe_word, word
from relayer.api.problems import Refusal, documented, not_found
from relayer.api.scopes import REFUSED, Scoped
from relayer.api.services import Services
from relayer.errors import TransactionError
from relayer.store import batches, listing, policies, risk
from relayer.store import transactions as queue
from relayer.store.models import Attempt, BatchState, ChainTransaction

TRANSACTIONS: Final = "t"
TABLE: Final = {
    "title": "RiskTable",
    "description": "The file that `prover risk` writes (format tacit-risk-table-1).",
    "type": "object",
    "required": ["format", "rows", "scenarios", "rule", "valuation", "index", "last_id"],
    "properties": {"format": {"const": "tacit-risk-table-1"}},
}


def transactions(services: Services, scoped: Scoped) -> APIRouter:
    """Routes of transactions and batches."""
    routes = APIRouter(prefix="/v1", tags=["transactions"])
    database = services.database
    reads, bumps, seals = (Depends(scoped.may(scope)) for scope in ("status", "transactions", "batches"))

    @routes.get("/transactions", dependencies=[reads], responses=documented(*REFUSED))
    def listed(limit: paging.Limit = paging.DEFAULT, cursor: paging.After = None) -> schemas.Transactions:
        """Transactions, newest first."""
        size = min(limit, services.settings.page)
        with database.read() as session:
            rows = listing.transactions(session, paging.place(TRANSACTIONS, cursor), size + 1)
        more = paging.cursor(TRANSACTIONS, rows[size - 1].position) if len(rows) > size else None
        return schemas.Transactions(
            items=[schemas.Transaction(**_transaction(row)) for row in rows[:size]], next_cursor=more
        )

    @routes.get("/transactions/{number}", dependencies=[reads], responses=documented(*REFUSED, "NOT_FOUND"))
    def one(number: Id) -> schemas.TransactionDetail:
        """A transaction with every attempt."""
        with database.read() as session:
            row = listing.transaction(session, number)
            attempts = listing.attempts(session, number)
        if row is None:
            raise not_found()
        told = [_attempt(each) for each in attempts]
        return schemas.TransactionDetail(**_transaction(row), data=word(row.data), attempts=told)

    @routes.post(
        "/transactions/{number}/bump",
        status_code=202,
        dependencies=[bumps],
        responses=documented(*REFUSED, "NOT_FOUND", "CONFLICT"),
    )
    def bump(number: Id) -> schemas.TransactionDetail:
        """Has a transaction replaced at higher fees with the next step."""
        with database.write() as session:
            if listing.transaction(session, number) is None:
                raise not_found()
            try:
                queue.bump(session, number)
            except TransactionError as error:
                raise Refusal("CONFLICT", str(error), dict(error.values)) from error
        return one(number)

    @routes.post("/batches", status_code=202, dependencies=[seals], responses=documented(*REFUSED, "CONFLICT"))
    def seal() -> schemas.SealAsked:
        """Closes the batch that is open as soon as it can be."""
        with database.write() as session:
            row = batches.last(session)
            if row is None or row.state not in (BatchState.OPENING, BatchState.OPEN):
                raise Refusal("CONFLICT", "no batch is open: there is nothing to close")
            row.close_requested = True
            return schemas.SealAsked(batch=row.number, state=row.state.value, close_requested=True)

    return routes


def service(services: Services, scoped: Scoped) -> APIRouter:
    """Routes of policies, status, risk tables and measures."""
    routes = APIRouter(tags=["service"])
    database = services.database
    reads, changes, tables, measures = (
        Depends(scoped.may(scope)) for scope in ("status", "policies", "risk", "metrics")
    )

    @routes.get("/v1/relayer/status", dependencies=[reads], responses=documented(*REFUSED))
    def status() -> schemas.Status:
        """One look at the whole service."""
        reasons = [each.message for each in services.watching.reasons()]
        with database.read() as session:
            in_force = policies.read(session)
        return schemas.Status(
            ready=not reasons,
            reasons=reasons,
            policies=schemas.PolicyTold(**in_force.model_dump()),
            details=dict(services.watching.status()),
        )

    @routes.patch("/v1/relayer/policies", dependencies=[changes], responses=documented(*REFUSED))
    def change(asked: schemas.PolicyChange) -> schemas.PolicyTold:
        """Changes policies, for every process of the service, at its next step."""
        changed: dict[str, Any] = asked.model_dump(exclude_unset=True)
        null = sorted(name for name, value in changed.items() if value is None and name.endswith("_paused"))
        if null:
            raise Refusal("INVALID_REQUEST", f"body.{null[0]}: true or false", {"place": f"body.{null[0]}"})
        with database.write() as session:
            return schemas.PolicyTold(**policies.change(session, **changed).model_dump())

    @routes.put(
        "/v1/risk",
        dependencies=[tables],
        responses=documented(*REFUSED, "RISK_TABLE"),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": TABLE}}}},
    )
    async def put(request: Request) -> schemas.RiskPut:
        """Stores a risk table with its instruments' names, to be found by its root. Posting it on chain is its signers' business."""
        raw = await request.body()
        return await run_in_threadpool(_keep, services, raw)

    @routes.get(
        "/metrics",
        dependencies=[measures],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **documented(*REFUSED)},
    )
    def metrics() -> Response:
        """Everything measured, as Prometheus takes it."""
        content, kind = services.watching.exposition()
        return Response(content, headers={"Content-Type": kind})

    return routes


def _keep(services: Services, raw: bytes) -> schemas.RiskPut:
    try:
        table = RiskTable.from_json(raw.decode("utf-8"))
        root = risk_root(services.venue.params, table)
    except (TacitError, UnicodeDecodeError) as error:
        raise Refusal("RISK_TABLE", str(error)[:300]) from error
    with services.database.write() as session:
        risk.put(session, root.to_bytes(32, "big"), table.to_json())
    epochs = [number for number, epoch in services.reading.history().epochs.items() if epoch.risk_root == root]
    return schemas.RiskPut(
        risk_root=word(root.to_bytes(32, "big")), instruments=len(table), epochs=sorted(epochs, reverse=True)
    )


def _transaction(row: ChainTransaction) -> dict[str, Any]:
    return {
        "id": row.id,
        "purpose": row.purpose,
        "batch": row.batch,
        "sender": row.sender,
        "to": row.to,
        "value_wei": row.value_wei,
        "private": row.private,
        "state": row.state.value,
        "nonce": row.nonce,
        "block": row.block,
        "mined_hash": maybe_word(row.mined_hash),
        "gas_used": row.gas_used,
        "cost_wei": row.cost_wei,
        "error": row.error,
        "created_at": at(row.created_at),
        "updated_at": at(row.updated_at),
    }


def _attempt(row: Attempt) -> schemas.AttemptTold:
    return schemas.AttemptTold(
        hash=word(row.hash),
        max_fee_wei=row.max_fee_wei,
        priority_fee_wei=row.priority_fee_wei,
        channel=row.channel,
        block=row.block,
        sends=row.sends,
        error=row.error,
        created_at=at(row.created_at),
    )
