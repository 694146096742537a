"""The relayer's intake in a thread of the test's process: envelopes in, receipts out, without a network between."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from prover.orders import Holder, Order
from relayer.envelope import SignedOrder, seal_order, seal_registration
from relayer.hpke import PublicKey
from relayer.intake.acceptance import Acceptance, Acknowledged, Limits
from relayer.intake.engine import Engine
from relayer.intake.keys import KeyRing
from relayer.intake.opening import Opener
from relayer.intake.signer import LocalSigner, Voucher
from relayer.intake.view import Terms, View
from relayer.intake.views import Sources, StoredViews
from relayer.pipeline.desk import Desk
from relayer.pipeline.states import current_state
from relayer.signing import Signer
from relayer.store.clock import now_ms
from relayer.store.leases import Leases

PATIENCE: Final = 10.0
BY_HAND: Final = 3_600.0
"""Seconds that a look at the chain counts for: the test takes the watcher's steps, and proves between them."""
T = TypeVar("T")


class Intake:
    """Intake of one vault; :meth:`stop` it at the end."""

    def __init__(self, now: Callable[[], Desk], signer: Signer) -> None:
        desk = now()
        vault, terms = desk.vault, desk.vault.terms
        self.keys = KeyRing(desk.database, desk.sealer, Voucher(LocalSigner(signer), vault.separator))
        self._terms = Terms(
            domain=vault.domain,
            vault=vault.address,
            separator=vault.separator,
            params=vault.params,
            fee_rate=terms.feeRate,
            num=terms.num,
            den=terms.den,
            epoch_age=vault.delays.epochAge,
            open_time=vault.delays.openTime,
        )
        sources = Sources(
            history=lambda _: desk.history(), state=lambda session, history: current_state(now(), session, history)
        )
        self.engine = Engine(
            database=desk.database,
            leases=Leases(desk.database, "intake of the test"),
            keys=self.keys,
            views=StoredViews(desk.database, self._terms, sources, lambda: now_ms() // 1000, fresh=BY_HAND),
            opener=Opener(desk.database, self.keys, self._terms),
            acceptance=Acceptance(desk.database, desk.sealer, LocalSigner(signer), Limits(orders=100, accounts=60)),
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="intake", daemon=True)
        self._thread.start()
        self._do(self.engine.start())

    def stop(self) -> None:
        """Ends it."""
        self._do(self.engine.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def register(self, holder: Holder) -> None:
        """Makes an owner's keys known."""
        self._until(lambda: self.keys.current() is not None, "there is no key to encrypt to")
        self._do(self.engine.register(seal_registration(self._key, self._terms.domain, self._terms.vault, holder)))

    def take(self, seed: bytes, owner: int, order: Order, batch: int | None) -> Acknowledged:
        """Acknowledges an order, once intake sees that this batch is open (None: that none is) and whose the account is."""
        self._until(lambda: self._sees(batch, owner), f"intake does not see that batch {batch} is open")
        signed = SignedOrder.sign(seed, owner, order, self._terms.domain)
        return self._do(self.engine.submit(seal_order(self._key, self._terms.domain, self._terms.vault, signed)))

    def sees(self, holds: Callable[[View], bool]) -> None:
        """Waits until intake has such a view."""
        self._until(lambda: self.engine.view is not None and holds(self.engine.view), "intake does not see it")

    @property
    def view(self) -> View:
        """What intake knows."""
        assert self.engine.view is not None
        return self.engine.view

    def _sees(self, batch: int | None, owner: int) -> bool:
        view = self.engine.view
        return view is not None and view.open == batch and owner in view.accounts and not self.engine.reasons

    @property
    def _key(self) -> PublicKey:
        current = self.keys.current()
        assert current is not None
        return PublicKey(current.public)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def _until(self, holds: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, otherwise
            time.sleep(0.02)
