"""Who does a kind of work, when several processes could.

A lease is held until a time, and renewed before. Time only says when another may take it: what keeps a former holder from writing is
its token, which every new holder gets a greater one of, and which :meth:`Lease.check` compares in the transaction of the write itself.
Writes come one after another (:mod:`.database`), so nobody can take a lease between the check and the commit. Clocks of several machines
should agree to a second or two; if they do not, leases change hands early or late, and nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from relayer.errors import LeaseLost
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.models import Lease as Row

SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Lease:
    """Leave to do a kind of work, until ``expires_at`` (ms) if it is not renewed."""

    name: str
    holder: str
    token: int
    expires_at: int

    def check(self, session: Session) -> None:
        """Refuses to write on (:class:`LeaseLost`) if another has taken the lease; call it in the write that it is to protect."""
        row = session.get(Row, self.name)
        if row is None or (row.holder, row.token) != (self.holder, self.token):
            raise _lost(self)


class Leases:
    """The leases of one process, which ``holder`` names; no two processes may share a name."""

    def __init__(self, database: Database, holder: str, clock: Callable[[], int] = now_ms) -> None:
        self.database, self.holder, self._clock = database, holder, clock

    def acquire(self, name: str, seconds: float = SECONDS) -> Lease | None:
        """The lease, if it is free, run out or this process's own; None while another has it."""
        with self.database.write() as session:
            row, now = session.get(Row, name), self._clock()
            if row is not None and row.holder != self.holder and row.expires_at > now:
                return None
            lease = Lease(name, self.holder, 1 if row is None else row.token + 1, now + round(1000 * seconds))
            session.merge(Row(name=name, holder=lease.holder, token=lease.token, expires_at=lease.expires_at))
            return lease

    def renew(self, lease: Lease, seconds: float = SECONDS) -> Lease:
        """The same lease for longer; :class:`LeaseLost` if another has it by now."""
        with self.database.write() as session:
            lease.check(session)
            renewed = Lease(lease.name, lease.holder, lease.token, self._clock() + round(1000 * seconds))
            session.merge(Row(name=lease.name, holder=lease.holder, token=lease.token, expires_at=renewed.expires_at))
            return renewed

    def release(self, lease: Lease) -> None:
        """Gives the lease up for others to take at once; nothing if another has it already."""
        with self.database.write() as session:
            row = session.get(Row, lease.name)
            if row is not None and (row.holder, row.token) == (lease.holder, lease.token):
                row.holder, row.expires_at = "", 0


def _lost(lease: Lease) -> LeaseLost:
    what = f"the lease {lease.name} has gone to another process: this one stops that work"
    return LeaseLost(what, {"lease": lease.name, "token": lease.token})
