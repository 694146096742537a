"""How much one caller may ask: token buckets by address and by owner, and who a caller is behind proxies that are trusted.

Buckets are few thousand numbers in memory, of this process alone; the least recently used make room. An address of version 6 counts as its
/64, which one customer has. What a flood of many addresses does is left to who stands in front, and to the bounded queue of intake.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from relayer.api.problems import Refusal, problem
from relayer.api.services import Network, Rate

MOST_BUCKETS: Final = 65_536
CUSTOMER_BITS: Final = 64
MOST_HOPS: Final = 16
REMEMBERED: Final = 4_096
"""Addresses whose reading is kept: the same ones come again."""
CALLER: Final = "tacit.caller"
"""Where the caller's address stands in the scope."""
FREE: Final = ("/healthz", "/readyz")
"""What costs nothing and needs no place, so that it is answered whatever else goes on: asked without a body, or it would be waited for."""
COSTS: Final = {
    "/v1/proofs/verify": 20,
    "/v1/quotes": 4,
    "/v1/accounts": 4,
    "/v1/auth/challenges": 2,
    "/v1/auth/sessions": 4,
}
"""What a request by its path takes out of the bucket; others take 1."""


class Buckets:
    """One bucket a key. Not shared between processes."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self._clock = rate, clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, cost: float = 1.0) -> float:
        """Seconds until there is enough; 0, and it is taken, if there is now."""
        now = self._clock()
        held, since = self._held.pop(key, (float(self.rate.burst), now))
        held = min(float(self.rate.burst), held + (now - since) * self.rate.per_second)
        cost = min(cost, float(self.rate.burst))
        wait = 0.0 if held >= cost else (cost - held) / self.rate.per_second
        self._held[key] = (held if wait else held - cost, now)
        if len(self._held) > MOST_BUCKETS:
            self._held.popitem(last=False)
        return wait

    def charge(self, key: str, cost: float = 1.0) -> None:
        """Takes it, or ends the request with ``RATE_LIMITED``."""
        wait = self.take(key, cost)
        if wait:
            raise limited(wait)


def limited(wait: float) -> Refusal:
    """Too many requests; when to come again."""
    seconds = max(1, math.ceil(wait))
    return Refusal("RATE_LIMITED", f"too many requests: try again in {seconds} s", {"retry_after": seconds}, seconds)


def is_free(scope: Scope) -> bool:
    """Whether a request asks for health, and for nothing beside it: one that brings a body is a request like any other."""
    if scope["path"] not in FREE or scope["method"] not in ("GET", "HEAD"):
        return False
    headers = Headers(scope=scope)
    return "transfer-encoding" not in headers and set(headers.getlist("content-length")) <= {"0"}


def caller(scope: Scope, trusted: Sequence[Network]) -> str:
    """The address a request comes from: the nearest that is no trusted proxy's. What others write into headers is not believed."""
    client = scope.get("client")
    nearest = str(client[0]) if client else "unknown"
    if not _is_trusted(nearest, trusted):
        return _customer(nearest)
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    for hop in [each.strip() for each in forwarded.split(",") if each.strip()][-MOST_HOPS:][::-1]:
        if _address(hop) is None:
            break
        nearest = hop
        if not _is_trusted(hop, trusted):
            break
    return _customer(nearest)


class AddressRates:
    """Refuses what an address asks for beyond its rate, before anything is read."""

    def __init__(self, app: ASGIApp, buckets: Buckets, trusted: Sequence[Network]) -> None:
        self.app, self.buckets, self.trusted = app, buckets, tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] in ("http", "websocket"):
            scope[CALLER] = caller(scope, self.trusted)
        if scope["type"] == "http" and not is_free(scope):
            wait = self.buckets.take(scope[CALLER], COSTS.get(scope["path"], 1))
            if wait:
                refused = problem(limited(wait))
                refused.headers["Connection"] = "close"
                await refused(scope, receive, send)
                return
        await self.app(scope, receive, send)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks as they stand in the configuration (ValueError for what is neither)."""
    return tuple(ip_network(text, strict=False) for text in texts)


def _address(text: str) -> IPv6Address | object | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    try:
        found = ip_address(text)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return any((mapped or found) in network for network in trusted)


@lru_cache(maxsize=REMEMBERED)
def _customer(text: str) -> str:
    """What one customer's addresses have in common."""
    try:
        found = ip_address(text)
    except ValueError:
        return text
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, CUSTOMER_BITS), strict=False))
