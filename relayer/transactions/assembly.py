"""Endpoints, relays and the sender of transactions as the settings say.

Endpoints and relays are named by the operator, who may well run them beside the service, so private networks and this machine are
allowed; every other form of :mod:`relayer.api.outgoing` is refused, and each connection is made to an address that was checked then.
"""

from __future__ import annotations

from functools import partial
from ipaddress import ip_network
from typing import Final
from urllib.parse import SplitResult

from relayer.api.outgoing import Outgoing
from relayer.chain import Connect
from relayer.config import Settings
from relayer.errors import OutgoingError
from relayer.exchange import Link
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.transactions.endpoints import Endpoints
from relayer.transactions.manager import Manager
from relayer.transactions.policy import Policy
from relayer.transactions.private import Relays

OPERATORS_OWN: Final = tuple(
    ip_network(text) for text in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""Networks that an endpoint may be in, beside the internet. Not link-local ones: there are the metadata of clouds."""


def open_endpoints(settings: Settings) -> Endpoints:
    """The endpoints of ``[chain]``; :class:`relayer.errors.OutgoingError` for an address that nothing is sent to."""
    chain, outgoing = settings.chain, Outgoing(OPERATORS_OWN)
    for url in chain.rpc:
        outgoing.form(url)
    return Endpoints.open(
        chain.rpc,
        timeout=chain.timeout_seconds,
        connect=connecting(outgoing),
        max_lag=chain.behind_blocks,
        depth=chain.compare_depth,
        quorum=chain.quorum,
        every=chain.poll_seconds,
    )


def open_relays(settings: Settings) -> Relays:
    """The private endpoints of ``[transactions]``."""
    given, outgoing = settings.transactions, Outgoing(OPERATORS_OWN)
    for url in given.private:
        outgoing.form(url)
    signer, timeout = settings.searcher(), settings.chain.timeout_seconds
    return Relays.open(given.private, given.private_method, signer, timeout, connecting(outgoing))


def open_manager(settings: Settings, database: Database, leases: Leases, chain: Endpoints, relays: Relays) -> Manager:
    """The sender of the operator's transactions."""
    signer = settings.operator()
    signers = {signer.address: signer}
    return Manager(
        database, leases, chain, signers, partial(Policy.of, settings), relays, seconds=settings.leases.seconds
    )


def connecting(outgoing: Outgoing) -> Connect:
    """Connects to checked addresses alone; certificates are still those of the name."""

    def checked(parts: SplitResult, host: str, port: int) -> list[str]:
        try:
            if parts.scheme == "http":
                outgoing.check(parts.geturl())
            return [str(address) for address in outgoing.addresses(host, port)]
        except OutgoingError as error:
            # It may be refused for a moment only, as when names do not resolve: another endpoint is asked.
            raise OSError(str(error)) from error

    return lambda parts: Link(parts, partial(checked, parts))
