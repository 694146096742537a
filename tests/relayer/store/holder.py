"""A process that does work under a lease, for tests that stop and kill it: `python -m tests.relayer.store.holder URL NAME [STOP]`.

It counts what it wrote in a row of its own name, and says a word a line: `held`, `standby`, `lost`, `failed`. STOP has it stop itself
(SIGSTOP) once it has the lease: `before` a write, or `inside` one.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from sqlalchemy.orm import Session

from relayer.errors import LeaseLost, StoreError
from relayer.store import database as store
from relayer.store.database import Database
from relayer.store.leases import Lease, Leases
from relayer.store.models import Setting

SECONDS = 1.0
PAUSE = 0.05


def main(url: str, name: str, stop: str = "") -> None:
    """Works until it is killed or loses the lease."""
    store.BUSY_SECONDS = store.IDLE_SECONDS = 2  # type: ignore[misc]
    database = Database.open(url)
    leases = Leases(database, name)
    lease = held(leases)
    say("held")
    for number in range(1_000_000):
        stopping = stop if number == 1 else ""
        if stopping == "before":
            os.kill(os.getpid(), signal.SIGSTOP)
        try:
            with database.write() as session:
                lease.check(session)
                count(session, name)
                if stopping == "inside":
                    session.flush()
                    os.kill(os.getpid(), signal.SIGSTOP)
            lease = leases.renew(lease, SECONDS)
        except LeaseLost:
            say("lost")
            break
        except StoreError:
            say("failed")
            break
        time.sleep(PAUSE)
    database.close()


def held(leases: Leases) -> Lease:
    """The lease, waited for."""
    while True:
        try:
            lease = leases.acquire("work", SECONDS)
        except StoreError:
            say("failed")
            continue
        if lease is not None:
            return lease
        say("standby")
        time.sleep(PAUSE)


def count(session: Session, name: str) -> None:
    """One more piece of work."""
    row = session.get(Setting, name)
    session.merge(Setting(name=name, value=str(1 + int(row.value if row else 0))))


def say(word: str) -> None:
    """Tells the test."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
