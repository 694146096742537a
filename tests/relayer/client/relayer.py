"""A whole relayer for a client to talk to: vault on anvil, watcher, pipeline, intake, and the public interface on a local port."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import uvicorn

from relayer.api.app import create_app
from relayer.api.reading import StoredReading
from relayer.api.services import ApiSettings, Rate, Services, Venue
from relayer.client import Client, Seed, UnlockedSender
from relayer.intake.refusal import Unready
from relayer.signing import Signer
from relayer.store.database import Database
from relayer.store.models import Order
from tests.relayer.service.venue import POLICY as SERVICE
from tests.relayer.service.venue import Service, service

PATIENCE: Final = 60.0
SETTLE_AFTER: Final = 1.5
"""Seconds after which a batch with orders closes, when the relayer runs by itself."""
POLICY: Final = replace(SERVICE, interval=10**6)
PLENTY: Final = Rate(10_000.0, 10_000)


class Silent:
    """Nothing is measured."""

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""

    def connected(self, change: int) -> None:
        """A connection was opened or closed."""

    def exposition(self) -> tuple[bytes, str]:
        """Nothing."""
        return b"", "text/plain"

    def reasons(self) -> Sequence[Unready]:
        """Ready."""
        return ()

    def status(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}


class Relayer:
    """A running relayer. ``step`` by hand, or :meth:`keep_going` in the background."""

    def __init__(self, made: Service, folder: Path) -> None:
        self.service, self.folder = made, folder
        self.rpc = made.venue.url
        self.vault = made.vault.address
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.early: dict[str, tuple[Any, Any, Any]] = {}
        self.again: dict[str, Any] = {}
        self._threads: list[threading.Thread] = []
        self.settle_after = SETTLE_AFTER
        services = Services(
            database=made.database,
            sealer=made.sealer,
            engine=made.intake.engine,
            reading=StoredReading(made.database, made.sealer, made.vault.params),
            venue=Venue.of(made.vault),
            watching=Silent(),
            settings=ApiSettings(address_rate=PLENTY, owner_rate=PLENTY),
            keys=lambda: made.keys,
        )
        config = uvicorn.Config(create_app(services), host="127.0.0.1", port=0, log_level="error", lifespan="on")
        self._server = uvicorn.Server(config)
        # On intake's own loop: the engine is asked from there.
        loop = made.intake._loop
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve(), loop)
        end = time.monotonic() + PATIENCE
        while not self._server.started:
            assert not self._serving.done(), self._serving.exception()
            assert time.monotonic() < end
            time.sleep(0.02)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    @property
    def vault_domain(self) -> int:
        """The vault's domain."""
        return self.service.vault.domain

    @property
    def receipt_key(self) -> Signer:
        """The vault's receipt key."""
        return Signer(bytes(self.service.venue.vault.receipt_signer.key))

    def keep_going(self) -> None:
        """Steps in the background, and closes batches that hold orders, as a service does."""
        thread = threading.Thread(target=self._go, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _go(self) -> None:
        final: object = None
        since = time.monotonic()
        while not self._stop.is_set():
            if self.step():
                continue
            if (now := self.service.states()) != final:
                # Blocks are mined only when something happened: on this chain they are all that makes time pass.
                self.service.finalize()
                final = now
            elif not self.holds_orders():
                since = time.monotonic()
                self._stop.wait(0.05)
            elif time.monotonic() - since > self.settle_after:
                self.service.request_close(self.service.open_batch() or 0)
                since = time.monotonic()
            else:
                self._stop.wait(0.05)

    def holds_orders(self) -> bool:
        """Whether the open batch has promised a place."""
        number = self.service.open_batch()
        with self.service.database.read() as session:
            return number is not None and session.query(Order).filter(Order.batch == number).first() is not None

    def step(self) -> bool:
        """One step of every part of the relayer."""
        with self._lock:
            return self.service.step()

    def settle(self) -> int:
        """Closes the open batch and brings it into the chain for good; its number."""
        with self._lock:
            return self.service.settle()

    def opened(self) -> int:
        """Steps until a batch is open and intake sees it; its number."""
        self.service.run(lambda: self.service.open_batch() is not None)
        self.service.finalize()
        number = self.service.open_batch()
        assert number is not None
        self._until_seen(number)
        return number

    def _until_seen(self, number: int) -> None:
        engine = self.service.intake.engine
        self._until(lambda: engine.view is not None and engine.view.open == number and not engine.reasons)

    def known(self, *names: str) -> None:
        """Waits until intake knows these accounts, which the watcher has stored."""
        self.service.watch()
        owners = {self.seed(name).holder(self.vault_domain).owner for name in names}
        engine = self.service.intake.engine
        self._until(lambda: engine.view is not None and owners <= engine.view.accounts.keys() and not engine.reasons)

    def _until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, self.service.intake.engine.reasons
            time.sleep(0.02)

    def seed(self, name: str) -> Seed:
        """Somebody's seed."""
        return self.service.venue.owner(name).secret

    def funded(self, name: str, dollars: int = 10_000) -> Seed:
        """Somebody who has registered and deposited."""
        seed = self.seed(name)
        with Client(self.url, seed, rpc=self.rpc, vault=self.vault) as client:
            client.register()
            client.deposit(dollars, self.payer)
        return seed

    @property
    def payer(self) -> UnlockedSender:
        """Who has test dollars, unlocked on the local chain."""
        return UnlockedSender(self.service.venue.payer)

    def stop(self) -> None:
        """Ends the interface and what runs in the background."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        self._server.should_exit = True
        self._serving.result(PATIENCE)


@contextmanager
def relayer(folder: Path) -> Iterator[Relayer]:
    """A relayer of a fresh vault with a risk table in force."""
    database = Database.create(f"sqlite:///{folder / 'tacit.sqlite'}")
    with service(database, folder, policy=POLICY) as made:
        while made.stored.history().genesis is None:
            made.watch()
        running = Relayer(made, folder)
        try:
            yield running
        finally:
            running.stop()
    database.close()
