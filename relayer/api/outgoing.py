"""Where this service may send anything: webhooks, endpoints of the chain, collectors.

Whoever may name an address could otherwise have the service speak to its own machine or network. An address is checked when it is
configured, and again at each connection on what its name resolves to at that moment: the connection is made to exactly the address that
was checked, so a name that resolves to another one a moment later gains nothing. Refused is whatever is not global unicast, in any
form: loopback, private, link-local (cloud metadata), multicast, reserved; version 6 that carries a version 4 address; and numbers in forms
that programs read differently (decimal, octal, hexadecimal, short). Redirects are not followed, proxies of the environment not used.
The operator can allow networks of its own.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import httpcore
import httpx

from relayer.api.services import Network
from relayer.errors import OutgoingError

SCHEMES: Final = ("https", "http")
SPECIAL_4: Final = tuple(IPv4Network(text) for text in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24"))
UNICAST_6: Final = IPv6Network("2000::/3")
SPECIAL_6: Final = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
"""Registered for a purpose, beside what Python says: shared addresses, protocols, relays; and those that carry version 4 inside."""
LONGEST: Final = 2_000

IpAddress = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Iterable[str]]


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system resolves it."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise OutgoingError(f"{host[:80]} does not resolve", {"host": host[:80]}) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Outgoing:
    """Checks addresses, and makes clients that connect to checked ones alone."""

    def __init__(self, allowed: Sequence[Network] = (), resolve: Resolve = resolved, *, secure: bool = True) -> None:
        self.allowed, self._resolve, self._secure = tuple(allowed), resolve, secure

    def check(self, url: str) -> None:
        """Refuses an address that may not be sent to (:class:`OutgoingError`), by what its name resolves to now."""
        parts = self.form(url)
        host = parts.hostname or ""
        addresses = self.addresses(host, parts.port or (443 if parts.scheme == "https" else 80))
        if parts.scheme == "http" and self._secure and not all(self._is_allowed(each) for each in addresses):
            raise OutgoingError("an address outside the operator's own networks is https://", {"scheme": "http"})

    def form(self, url: str) -> SplitResult:
        """The parts of an address whose text alone is fit to be sent to."""
        if len(url) > LONGEST or not url.isascii() or any(ord(sign) <= 32 or sign in "\\\x7f" for sign in url):
            raise OutgoingError(f"an address is plain ASCII without spaces, at most {LONGEST} characters")
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise OutgoingError("the address is malformed") from error
        if parts.scheme not in SCHEMES:
            raise OutgoingError(
                f"an address begins with https://, not {parts.scheme[:16]}:", {"scheme": parts.scheme[:16]}
            )
        if not host or parts.username is not None or parts.password is not None or parts.fragment:
            raise OutgoingError("an address has a host, and neither user, password nor fragment")
        _number(host)
        return parts

    def addresses(self, host: str, port: int) -> list[IpAddress]:
        """What a host is to be reached at now, every one of them checked."""
        number = _number(host)
        texts = [str(number)] if number is not None else list(self._resolve(host, port))
        found = [ip_address(text.partition("%")[0]) for text in texts]
        if not found:
            raise OutgoingError(f"{host[:80]} does not resolve", {"host": host[:80]})
        for each in found:
            if not self._is_allowed(each) and not is_public(each):
                what = f"{host[:80]} is inside a network, not on the internet: allow it in the settings if it is meant"
                raise OutgoingError(what, {"host": host[:80]})
        return found

    def client(self, timeout: float) -> httpx.Client:
        """A client whose every connection is to a checked address; it follows no redirect and uses no proxy."""
        return httpx.Client(transport=_Transport(self), timeout=timeout, follow_redirects=False, trust_env=False)

    def _is_allowed(self, address: IpAddress) -> bool:
        return any(address in network for network in self.allowed if network.version == address.version)


def is_public(address: IpAddress) -> bool:
    """Whether an address is global unicast, and carries no other inside."""
    if isinstance(address, IPv6Address):
        if address not in UNICAST_6 or address.scope_id or any(address in network for network in SPECIAL_6):
            return False
    elif any(address in network for network in SPECIAL_4):
        return False
    unicast = address.is_global and not address.is_multicast and not address.is_reserved
    return unicast and not address.is_unspecified and not address.is_loopback and not address.is_link_local


def _number(host: str) -> IpAddress | None:
    """The address that a host is, None for a name; numbers that programs read differently are refused."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    last = host.rstrip(".").rpartition(".")[2].lower()
    if (
        ":" in host
        or last.isdigit()
        or (last.startswith("0x") and all(sign in "0123456789abcdef" for sign in last[2:]))
    ):
        raise OutgoingError("the host is a number in no plain form: write a name, or four decimal parts")
    return None


class _Backend(httpcore.SyncBackend):
    """Connects to the address that was checked: the name is resolved once, here."""

    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__()
        self._outgoing = outgoing

    def connect_tcp(self, host: str, port: int, *rest: Any, **named: Any) -> httpcore.NetworkStream:  # noqa: ANN401
        """A connection to the first checked address that answers."""
        failure: Exception | None = None
        for address in self._outgoing.addresses(host, port):
            try:
                return super().connect_tcp(str(address), port, *rest, **named)
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError("no address")

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:  # noqa: ANN401
        """Never: a socket of this machine is inside it."""
        raise httpcore.ConnectError("no socket of this machine")


class _Transport(httpx.HTTPTransport):
    """httpx over connections of :class:`_Backend`."""

    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__(trust_env=False)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=20,
            max_keepalive_connections=0,
            network_backend=_Backend(outgoing),
        )
