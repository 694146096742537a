"""What both clients are made of: a checked URL, a trader, and the settings of the connection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from relayer.chain import Address, Chain
from relayer.client.onchain import OnChain
from relayer.client.problems import ClientError
from relayer.client.requests import Patience, Requests
from relayer.client.terms import Venue
from relayer.reading import CipherSource
from relayer.seed import Seed

LOCAL: Final = ("127.0.0.1", "localhost", "::1")
TIMEOUT: Final = 30.0


def trader(
    seed: Seed,
    *,
    rpc: str | None = None,
    vault: Address | None = None,
    subaccount: int = 0,
    book: Path | None = None,
    source: CipherSource | None = None,
    patience: Patience | None = None,
    instruments: Mapping[str, int] | None = None,
) -> OnChain:
    """The rules of a client. ``rpc``: an endpoint of the chain; ``vault``: the one that is meant; ``book``: file of orders and receipts;
    ``instruments``: ids by name, the only ones that are then believed.
    """
    chain = None if rpc is None else Chain(rpc)
    own = OnChain(seed, Venue(Requests(), chain, vault), subaccount=subaccount, book=book, patience=patience)
    own.source = source
    own.meant = instruments
    return own


def settings(url: str, timeout: float, allow_http: bool) -> dict[str, Any]:
    """Arguments of an httpx client. Without TLS whoever is in between could put its own key in the place of the operator's, so plain
    http is for this machine alone, unless ``allow_http`` says that the way is safe.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ClientError("a relayer is https://HOST, or http://HOST:PORT on this machine")
    if parts.scheme == "http" and parts.hostname not in LOCAL and not allow_http:
        what = f"{parts.hostname} without TLS: orders could be encrypted to somebody else's key; use https, or allow_http on a safe way"
        raise ClientError(what, {"host": parts.hostname})
    # Answers are of this relayer alone: a redirect would carry the session elsewhere.
    return {"base_url": url.rstrip("/"), "timeout": httpx.Timeout(timeout), "follow_redirects": False}
