"""The HTTP face of a replica.

Sizes are bounded before a body is parsed; a refusal is a problem (RFC 9457) with a stable code, never a trace. What is served
is public: ciphertext that only its owner can open, by its hash or by account. Only the vault's operator can store, by a
signature over each request.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from prover.errors import TacitError
from prover.wire import Json, Reader, element, hexadecimal, read_bytes
from relayer.errors import ReplicaError
from relayer.header import MOST_SEGMENTS, Header
from relayer.replica import Attestation, Replica
from relayer.replica import Request as Stored
from relayer.replica_store import Place
from relayer.vault import Layout

HEADER_ROOM: Final = 64 * 1024
MOST_PLACES: Final = 1_000
LENGTH_DIGITS: Final = 12
HASH: Final = r"^0x[0-9a-f]{64}$"

Account = Annotated[int, Path(ge=0, lt=2**21)]
Filler = Callable[[bytes], bytes | None]


class NotFound(Exception):  # noqa: N818 - it is an answer
    """What was asked for is not here."""


def application(replica: Replica, fill: Filler = lambda _: None) -> FastAPI:
    """The application; while it runs, the chain is followed."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = threading.Event()
        follower = threading.Thread(target=replica.follow, args=(stop, fill), name="follower", daemon=True)
        follower.start()
        yield
        stop.set()
        await run_in_threadpool(follower.join)

    app = FastAPI(title="tacit replica", version="1", lifespan=lifespan)
    limit = body_limit(replica.vault.layout)

    @app.exception_handler(TacitError)
    async def refused(_: Request, error: TacitError) -> JSONResponse:
        return _problem(400, error.code, str(error))

    @app.exception_handler(NotFound)
    async def missing(_: Request, error: NotFound) -> JSONResponse:
        return _problem(404, "NOT_FOUND", str(error))

    @app.middleware("http")
    async def bounded(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        length = request.headers.get("content-length")
        if request.method == "POST" and (length is None or not length.isdecimal()):
            return _problem(411, "LENGTH_REQUIRED", "a request says how long it is")
        if length is not None and (len(length) > LENGTH_DIGITS or int(length) > limit):
            return _problem(413, "TOO_LARGE", f"a request has at most {limit} bytes")
        return await call(request)

    @app.post("/v1/segments")
    async def store(request: Request) -> Json:
        stored, signature = read_request(await request.body())
        return write_attestation(await run_in_threadpool(replica.keep, stored, signature))

    @app.get("/v1/segments/{digest}")
    def segment(digest: Annotated[str, Path(pattern=HASH)]) -> Json:
        return {"hash": digest, "words": hexadecimal(_words(replica, bytes.fromhex(digest[2:])))}

    @app.get("/v1/accounts/{account}")
    def newest(account: Account) -> Json:
        places = replica.store.places(account, None, 1)
        if not places:
            raise NotFound(f"no settled batch has touched account {account}")
        return _place(places[0]) | {"words": hexadecimal(_words(replica, places[0].hash))}

    @app.get("/v1/accounts/{account}/batches")
    def batches(
        account: Account,
        before: Annotated[int | None, Query(ge=1, lt=2**32)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_PLACES)] = 100,
    ) -> Json:
        return {"batches": [_place(each) for each in replica.store.places(account, before, limit)]}

    @app.get("/v1/replica")
    def identity() -> Json:
        vault = replica.vault
        return {
            "address": replica.signer.address,
            "vault": vault.address,
            "chain_id": vault.chain_id,
            "params": vault.params,
        }

    @app.get("/healthz")
    def health(response: Response) -> Json:
        missing, newest = len(replica.store.missing()), replica.store.newest_settled()
        well = replica.trouble is None and not missing
        response.status_code = 200 if well else 503
        return {
            "well": well,
            "trouble": replica.trouble,
            "batch": None if newest is None else newest[0],
            "segments": replica.store.count(),
            "missing": missing,
        }

    return app


def body_limit(layout: Layout) -> int:
    """Bytes of the longest request: the segments of a whole settlement."""
    return MOST_SEGMENTS * (2 * layout.cipher_bytes + 8) + HEADER_ROOM


def write_request(stored: Stored, signature: bytes) -> Json:
    """A request as JSON."""
    return {
        "header": hexadecimal(stored.header.encoded),
        "first": stored.first,
        "segments": [hexadecimal(words) for words in stored.segments],
        "signature": hexadecimal(signature),
    }


def read_request(body: bytes) -> tuple[Stored, bytes]:
    """What :func:`write_request` wrote (:class:`ReplicaError` for anything else)."""
    reader = Reader.parse(body, "the request", ReplicaError)
    header = reader.read("header", _bytes, "0x and digits")
    first = reader.integer("first", 32)
    segments = reader.read("segments", _all_bytes, "a list of 0x and digits")
    signature = reader.read("signature", _bytes, "0x and digits")
    reader.end()
    return Stored(Header.decode(header), first, segments), signature


def write_attestation(made: Attestation) -> Json:
    """A replica's answer as JSON."""
    return {
        "address": made.address,
        "hashes": [hexadecimal(each) for each in made.hashes],
        "values": [element(each) for each in made.values],
        "signature": hexadecimal(made.signature),
    }


def _words(replica: Replica, digest: bytes) -> bytes:
    words = replica.store.words(digest)
    if words is None:
        raise NotFound(f"no words with hash {hexadecimal(digest)} are held here: ask another replica")
    return words


def _place(place: Place) -> Json:
    return {"batch": place.batch, "segment": place.segment, "place": place.place, "hash": hexadecimal(place.hash)}


def _problem(status: int, code: str, detail: str) -> JSONResponse:
    content = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail}
    return JSONResponse(content, status, media_type="application/problem+json")


def _bytes(value: object) -> bytes | None:
    length = (len(value) - 2) // 2 if isinstance(value, str) else 0
    return read_bytes(value, length)


def _all_bytes(value: object) -> tuple[bytes, ...] | None:
    read = [_bytes(each) for each in value] if isinstance(value, list) else [None]
    return None if None in read else tuple(each for each in read if each is not None)
