"""The interface and intake: both applications in one event loop, the public one and the operator's, each on a socket of its own.

Told to stop, it takes no more orders, finishes the commit under way and gives up the lease, so that a standby takes them at once;
then answers that are under way are finished, and connections end.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_network
from typing import Any, Final

import uvicorn

from prover.keys import Keys
from relayer.api.admin import create_admin_app
from relayer.api.app import create_app
from relayer.api.limits import Buckets
from relayer.api.reading import StoredReading
from relayer.api.services import ApiSettings, Network, Rate, Services, Venue
from relayer.config import Settings
from relayer.errors import ConfigError
from relayer.intake.acceptance import Acceptance, Limits
from relayer.intake.engine import Engine, Rhythm
from relayer.intake.keys import KeyRing
from relayer.intake.opening import Opener
from relayer.intake.signer import LocalSigner, Voucher
from relayer.intake.view import Terms
from relayer.intake.views import Depths, Sources, StoredViews
from relayer.pipeline.batching import MOST_WITHDRAWALS
from relayer.pipeline.desk import Desk
from relayer.pipeline.states import current_state
from relayer.roles.collecting import collect_seldom
from relayer.roles.common import Process, outgoing_allowed
from relayer.signing import Signer
from relayer.store import chain
from relayer.store.clock import now_ms
from relayer.vault import LOCAL_CHAINS
from relayer.watching.service import ServiceWatching

GLANCE: Final = 0.1
FINISH_SECONDS: Final = 10
BACKLOG: Final = 1_024
WEBSOCKET_BYTES: Final = 8_192

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sockets:
    """Where both applications listen."""

    public: socket.socket
    admin: socket.socket

    def close(self) -> None:
        """Stops listening."""
        self.public.close()
        self.admin.close()


def bound(settings: Settings) -> Sockets:
    """Sockets that listen where the settings say (:class:`ConfigError` if they cannot)."""
    public = _listen("api", settings.api.host, settings.api.port)
    try:
        return Sockets(public, _listen("admin", settings.admin.host, settings.admin.port))
    except BaseException:
        public.close()
        raise


def inherited(public: int, admin: int) -> Sockets:
    """Sockets that the supervisor opened, by their descriptors: they stay open while this process is started again."""
    return Sockets(socket.socket(fileno=public), socket.socket(fileno=admin))


def run(process: Process, sockets: Sockets) -> None:
    """Serves until the process is told to stop."""
    with process.desk() as desk:
        runner = asyncio.Runner(loop_factory=_loop)
        with runner:
            runner.run(_serve(process, desk, sockets))


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _serve(process: Process, desk: Desk, sockets: Sockets) -> None:
    engine, services = assemble(process, desk)
    applications = ((create_app(services), sockets.public), (create_admin_app(services), sockets.admin))
    servers = [(_Server(_configured(app)), at) for app, at in applications]
    await engine.start()
    tasks = [asyncio.create_task(server.serve(sockets=[at])) for server, at in servers]
    collect_seldom()
    try:
        while not process.stop.is_set() and not any(task.done() for task in tasks):
            await asyncio.sleep(GLANCE)
    finally:
        await engine.stop()
        for server, _ in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)


def assemble(process: Process, desk: Desk) -> tuple[Engine, Services]:
    """Intake and what the routes need."""
    settings, vault = process.settings, desk.vault
    signer = LocalSigner(_receipt_signer(process, desk))
    keys = KeyRing(
        process.database,
        process.sealer,
        Voucher(signer, vault.separator),
        key_seconds=settings.intake.key_seconds,
        overlap_seconds=settings.intake.key_overlap_seconds,
    )
    engine = _engine(process, desk, keys, signer)
    params = vault.params

    @cache
    def proving_keys() -> Keys:
        return Keys.load(settings.keys.proving, params)

    services = Services(
        database=process.database,
        sealer=process.sealer,
        engine=engine,
        reading=StoredReading(process.database, process.sealer, params, desk.history),
        venue=Venue.of(vault, _depths(settings, desk).opening),
        watching=ServiceWatching(process.database, settings, process.instance, lambda: engine.reasons),
        settings=api_settings(settings),
        keys=proving_keys,
    )
    return engine, services


def _receipt_signer(process: Process, desk: Desk) -> Signer:
    """The key of the vault's receipts (:class:`ConfigError` if the settings have another)."""
    signer = process.settings.receipt_signer()
    expected = str(desk.vault.roles.receiptSigner).lower()
    if signer.address != expected:
        what = f"the vault's receipts are signed by {expected}, and keys.receipts is the key of {signer.address}"
        raise ConfigError(what, {"setting": "keys.receipts"})
    return signer


def _engine(process: Process, desk: Desk, keys: KeyRing, signer: LocalSigner) -> Engine:
    settings, vault = process.settings, desk.vault
    terms = Terms(
        domain=vault.domain,
        vault=vault.address,
        separator=vault.separator,
        params=vault.params,
        fee_rate=vault.terms.feeRate,
        num=vault.terms.num,
        den=vault.terms.den,
        epoch_age=vault.delays.epochAge,
        open_time=vault.delays.openTime,
    )
    sources = Sources(
        history=lambda _: desk.history(), state=lambda session, history: current_state(desk, session, history)
    )
    limits = Limits(
        orders=settings.batches.capacity,
        accounts=desk.room.ordering,
        withdrawals=MOST_WITHDRAWALS,
        forecast=settings.intake.forecast,
    )
    return Engine(
        database=process.database,
        leases=process.leases,
        keys=keys,
        views=StoredViews(
            process.database,
            terms,
            sources,
            lambda: now_ms() // 1000,
            _depths(settings, desk),
            chain.fresh_seconds(settings.chain.poll_seconds),
        ),
        opener=Opener(process.database, keys, terms),
        acceptance=Acceptance(process.database, process.sealer, signer, limits),
        rhythm=Rhythm(
            queue=settings.intake.queue,
            group=settings.intake.group,
            lease_seconds=settings.leases.seconds,
            renew_seconds=settings.leases.renew_seconds,
        ),
        rate=Buckets(api_settings(settings).owner_rate).take,
    )


def _depths(settings: Settings, desk: Desk) -> Depths:
    """As the settings have them; none on a local chain, as for deposits: only sending makes blocks there."""
    if desk.vault.chain_id in LOCAL_CHAINS:
        return Depths()
    given = settings.intake.opening_confirmations
    return Depths(desk.confirmations, None if given == "final" else given)


def api_settings(settings: Settings) -> ApiSettings:
    """Limits and choices of the interface."""
    limits, tokens = settings.limits, settings.admin.tokens
    return ApiSettings(
        body_bytes=limits.body_bytes,
        address_rate=Rate(limits.requests_per_minute / 60, limits.burst),
        owner_rate=Rate(limits.orders_per_minute / 60, limits.burst),
        most_connections=limits.websockets,
        most_connections_an_address=limits.websockets_per_address,
        page=limits.page_size,
        trusted_proxies=tuple(_network(each) for each in settings.api.trusted_proxies),
        admin_tokens="" if tokens is None else tokens.get_secret_value(),
        outgoing_allowed=outgoing_allowed(settings),
    )


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        what = f"api.trusted_proxies: {text[:60]!r} is no address or network such as 10.0.0.0/8"
        raise ConfigError(what, {"setting": "api.trusted_proxies"}) from None


def _listen(section: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
        made.set_inheritable(True)
    except OSError as error:
        made.close()
        what = f"{section}.host and {section}.port: nothing can listen at {host}:{port} ({error.strerror})"
        raise ConfigError(what, {"setting": f"{section}.port"}) from None
    return made


def _configured(app: Any) -> uvicorn.Config:  # noqa: ANN401 - an ASGI application
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        ws_max_size=WEBSOCKET_BYTES,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )


class _Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Takes none."""
        yield
