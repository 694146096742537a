"""A lease that is kept while something long is done, by a thread beside it.

Losing it does not stop the work: whoever works looks at :attr:`Keeping.lost` where it can stop, and what is written under a lost lease
is refused in its own transaction (:meth:`relayer.store.leases.Lease.check`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from relayer.errors import LeaseLost, StoreError
from relayer.store.leases import Lease, Leases


class Keeping:
    """A lease that is being renewed."""

    def __init__(self, leases: Leases, lease: Lease, seconds: float, every: float) -> None:
        self.lost = False
        self._leases, self._lease, self._seconds, self._every = leases, lease, seconds, every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"lease {lease.name}", daemon=True)

    @property
    def lease(self) -> Lease:
        """As it was last renewed."""
        return self._lease

    def start(self) -> None:
        """Begins to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._every):
            try:
                self._lease = self._leases.renew(self._lease, self._seconds)
            except LeaseLost:
                self.lost = True
                return
            except StoreError:
                continue  # the database is busy: until the lease runs out there is time


@contextmanager
def renewed(leases: Leases, lease: Lease, seconds: float, every: float) -> Iterator[Keeping]:
    """Renews a lease for ``seconds``, ``every`` so many, as long as the context lasts; whoever has it then still has it afterwards."""
    keeping = Keeping(leases, lease, seconds, every)
    keeping.start()
    try:
        yield keeping
    finally:
        keeping.stop()


@contextmanager
def kept(leases: Leases, name: str, seconds: float, every: float) -> Iterator[Keeping | None]:
    """The lease of a name for as long as the context lasts; None if another has it."""
    lease = leases.acquire(name, seconds)
    if lease is None:
        yield None
        return
    try:
        with renewed(leases, lease, seconds, every) as keeping:
            yield keeping
    finally:
        leases.release(lease)
