"""How an owner becomes known: a challenge, its signature, a bearer token.

A challenge is given for every word alike, so that asking tells nobody who is registered; an answer for an unknown owner is checked against
a key of nobody, so that it takes as long as any other to fail. A challenge is used up by the session that it is answered for. Nothing is
written for who cannot sign, and nothing is shared by those who ask but the rate of their address.
"""

from __future__ import annotations

import secrets
from typing import Final

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from prover import eddsa
from prover.errors import TacitError
from relayer import auth
from relayer.api import schemas
from relayer.api.challenges import Challenges
from relayer.api.forms import at, plain
from relayer.api.known import Credentials, Known, token_hash
from relayer.api.limits import Buckets
from relayer.api.problems import Refusal, documented
from relayer.api.services import Services
from relayer.store import sessions
from relayer.store.clock import now_ms

TOKEN_BYTES: Final = 32
NOBODY: Final = eddsa.public_key(bytes(32))
"""A key that no session is given for."""


def router(services: Services, known: Known) -> APIRouter:
    """Routes of challenges and sessions."""
    routes = APIRouter(prefix="/v1/auth", tags=["sessions"])
    settings, database = services.settings, services.database
    challenges, logins = Challenges(services.sealer, settings.challenge_seconds), Buckets(settings.owner_rate)

    @routes.post("/challenges", status_code=201, responses=documented("INVALID_REQUEST"))
    def challenge(asked: schemas.ChallengeAsked) -> schemas.Challenge:
        """A challenge for an owner to sign."""
        made, until = challenges.give(plain(asked.owner))
        return schemas.Challenge(challenge="0x" + made.hex(), expires_at=at(until))

    @routes.post("/sessions", status_code=201, responses=documented("UNAUTHENTICATED"))
    def begin(asked: schemas.SessionAsked) -> schemas.Session:
        """A session for who signed a challenge."""
        owner, made, now = plain(asked.owner), plain(asked.challenge), now_ms()
        ends = challenges.end_of(owner, made)
        if ends is None:
            raise _unknown()
        with database.read() as session:
            key = sessions.holder_key(session, owner)
        if not _signed(services, key, made, plain(asked.signature)):
            raise _unknown()
        logins.charge(owner.hex())
        token, until = secrets.token_urlsafe(TOKEN_BYTES), now + 1000 * settings.session_seconds
        with database.write() as session:
            if not sessions.use_challenge(session, made, owner, now, ends):
                raise _unknown()
            sessions.add_session(session, token_hash(token), owner, now, until)
        return schemas.Session(token=token, expires_at=at(until))

    @routes.delete("/sessions", status_code=204, responses=documented("UNAUTHENTICATED"))
    async def end(credentials: Credentials) -> Response:
        """Ends the session whose token this is."""
        await run_in_threadpool(known.owner, credentials)
        await run_in_threadpool(_end, services, credentials.credentials if credentials is not None else "")
        return Response(status_code=204)

    return routes


def _unknown() -> Refusal:
    """One answer, whatever is wrong."""
    what = (
        "the challenge is not one that was given to a registered owner and is in time, or its signature does not hold"
    )
    return Refusal("UNAUTHENTICATED", what)


def _end(services: Services, token: str) -> None:
    with services.database.write() as session:
        sessions.end_session(session, token_hash(token))


def _signed(services: Services, packed: bytes | None, challenge: bytes, signature: bytes) -> bool:
    """Whether the owner with this key signed; the same work, and False, for nobody's."""
    try:
        key = NOBODY if packed is None else eddsa.unpack(packed)
    except TacitError:
        packed, key = None, NOBODY
    number = int.from_bytes(challenge, "big")
    return auth.verify_challenge(key, services.venue.domain, number, signature) and packed is not None
