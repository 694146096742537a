"""What every process of the service begins with: settings, database, chain, vault, a name of its own, logs and signs of life."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from prover.errors import TacitError
from relayer.config import Settings
from relayer.errors import ConfigError, LeaseLost
from relayer.pipeline.assembly import desk as make_desk
from relayer.pipeline.desk import Desk
from relayer.pipeline.keeping import renewed
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Lease, Leases
from relayer.transactions.assembly import OPERATORS_OWN, open_endpoints
from relayer.transactions.endpoints import Endpoints
from relayer.vault import Vault
from relayer.watching import logs, measures, tracing
from relayer.watching.signs import Signs
from relayer.watching.troubles import TROUBLES

PAUSE_MOST: Final = 30.0
"""Seconds until a step that keeps failing is tried again."""
BUSY: Final = 0.02
"""Seconds between two steps that both found something to do."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Process:
    """A process of the service. ``instance`` is a name that no other process has, now or later."""

    settings: Settings
    role: str
    instance: str
    stop: threading.Event
    database: Database
    sealer: Sealer = field(repr=False)

    @property
    def leases(self) -> Leases:
        """Leases in this process's name."""
        return Leases(self.database, self.instance)

    @contextmanager
    def chain(self) -> Iterator[Endpoints]:
        """The chain, with connections of its own: each thread has one."""
        found = open_endpoints(self.settings)
        try:
            yield found
        finally:
            found.close()

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """What the pipeline's steps work with, on a chain of its own."""
        with self.chain() as chain:
            yield make_desk(self.settings, self.database, self.sealer, self.vault(chain))

    def vault(self, chain: Endpoints) -> Vault:
        """The vault that is served (:class:`ConfigError` if none is named)."""
        if not self.settings.chain.vault:
            raise ConfigError("chain.vault is not set: give the address of the vault", {"setting": "chain.vault"})
        return Vault(chain, self.settings.chain.vault)


@contextmanager
def process(settings: Settings, role: str, instance: str, stop: threading.Event) -> Iterator[Process]:
    """A process, from its first line in the log to its last."""
    logs.configure(role, settings.logs.level)
    tracing.configure(role, settings.tracing.endpoint, settings.tracing.ratio)
    database = Database.open(settings.database.url)
    signs = Signs(database, role, instance)
    try:
        signs.start()
        log.info("ready", extra={"role": role})
        yield Process(settings, role, instance, stop, database, Sealer(settings.sealing_key()))
        log.info("stopped", extra={"role": role})
    finally:
        signs.stop()
        tracing.stop()
        database.close()


def outgoing_allowed(settings: Settings) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks that are otherwise refused and that webhooks may be in."""
    return OPERATORS_OWN if settings.webhooks.private_addresses else ()


class Held:
    """A lease that is taken when it is free and renewed while it is held, between steps and beside them."""

    def __init__(self, leases: Leases, name: str, seconds: float, every: float) -> None:
        self._leases, self._name, self._seconds, self._every = leases, name, seconds, every
        self._lease: Lease | None = None
        self._renewed = 0.0

    def take(self) -> Lease | None:
        """The lease; None while another process has it."""
        now = time.monotonic()
        try:
            if self._lease is None:
                self._lease, self._renewed = self._leases.acquire(self._name, self._seconds), now
            elif now - self._renewed >= self._every:
                self._lease, self._renewed = self._leases.renew(self._lease, self._seconds), now
        except LeaseLost:
            self.lost()
        return self._lease

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renews it, if it is held, also while a step lasts: a step that takes longer than the lease could never write."""
        if self._lease is None:
            yield
            return
        with renewed(self._leases, self._lease, self._seconds, self._every):
            yield

    def lost(self) -> None:
        """Another process has it."""
        if self._lease is not None:
            log.warning("lease lost", extra={"lease": self._name})
        self._lease = None

    def release(self) -> None:
        """Leaves it for others at once."""
        if self._lease is not None:
            self._leases.release(self._lease)
        self._lease = None


def repeat(name: str, stop: threading.Event, step: Callable[[], bool], every: float) -> None:
    """Takes a step again and again until ``stop``: at once where there was something to do, else after ``every`` seconds.

    A step that fails for a reason that may pass (:class:`TacitError`) is logged, noted as failing until it passes, and tried again after a
    pause that doubles. Any other error is a fault of this program, and raised.
    """
    failures = 0
    while not stop.is_set():
        began = time.monotonic()
        try:
            with tracing.span(name, step=name):
                worked = step()
        except LeaseLost:
            worked, result = False, "standby"
        except TacitError:
            failures += 1
            TROUBLES.failed(name)
            measures.stepped(name, time.monotonic() - began, "failed")
            log.exception("step failed", extra={"step": name, "count": failures})
            stop.wait(min(PAUSE_MOST, every * 2 ** min(failures - 1, 10)))
            continue
        else:
            result = "worked" if worked else "idle"
        failures = 0
        TROUBLES.passed(name)
        measures.stepped(name, time.monotonic() - began, result)
        stop.wait(BUSY if worked else every)
