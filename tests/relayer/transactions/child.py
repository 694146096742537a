"""A process that sends transactions until it is ended, and may end or stop itself at a named place (:mod:`relayer.points`).

Started through a server that has imported everything once, so that a process costs milliseconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Final

from relayer import points
from relayer.signing import Signer
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.transactions.endpoints import Endpoints
from relayer.transactions.manager import Manager
from relayer.transactions.policy import Policy

CONTEXT: Final = multiprocessing.get_context("forkserver")
LEASE_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Orders:
    """What a process is told: ``signal`` it sends itself the first time it comes to ``point``."""

    database: str
    endpoint: str
    key: bytes
    holder: str
    point: str | None = None
    signal: int = signal.SIGKILL


def run(orders: Orders) -> None:
    """Steps until it is ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    left = [orders.point]

    def reached(name: str) -> None:
        if name in left:
            left.clear()
            os.kill(os.getpid(), orders.signal)

    points.install(reached)
    signer, database = Signer(orders.key), Database.open(orders.database)
    chain = Endpoints.open([orders.endpoint], every=0.0, depth=1)
    leases = Leases(database, orders.holder)
    manager = Manager(database, leases, chain, {signer.address: signer}, lambda _: Policy(), seconds=LEASE_SECONDS)
    while True:
        manager.step()
        time.sleep(0.02)


@contextmanager
def started(orders: Orders) -> Iterator[BaseProcess]:
    """The process, ended when the context is left."""
    CONTEXT.set_forkserver_preload([__name__])
    process = CONTEXT.Process(target=run, args=(orders,), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
