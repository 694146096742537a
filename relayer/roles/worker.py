"""The worker: follows the chain, moves batches and transactions on, deletes what is over, and looks after the whole.

Each of these is a loop of small steps in a thread of its own, under a lease of its own, so that a slow one holds up none of the others and
several workers can share them. A fault in one ends the process: the supervisor starts it anew, and it goes on from what is stored.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from prover.errors import TacitError
from relayer.errors import LeaseLost
from relayer.pipeline import assembly
from relayer.pipeline.worker import LEASE as PIPELINE
from relayer.roles.common import Held, Process, repeat
from relayer.store import overview
from relayer.store.leases import Lease
from relayer.store.retention import LEASE as RETENTION
from relayer.store.retention import Retention
from relayer.transactions.manager import Manager
from relayer.transactions.policy import Policy
from relayer.transactions.private import Relays
from relayer.watcher import LEASE as WATCHER
from relayer.watcher import Watcher
from relayer.watching.observing import Observer

OBSERVE_SECONDS: Final = 5.0

log = logging.getLogger(__name__)

Loop = Callable[[Process], None]


def run(process: Process) -> None:
    """Runs every loop until the process is told to stop; raises what ended one of them."""
    failed: list[BaseException] = []

    def guarded(loop: Loop) -> None:
        try:
            loop(process)
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            failed.append(error)
            process.stop.set()

    loops: dict[str, Loop] = {
        "watcher": follow,
        "pipeline": batches,
        "transactions": send,
        "observer": observe,
        "retention": forget,
    }
    threads = [threading.Thread(target=guarded, args=(loop,), name=name) for name, loop in loops.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def follow(process: Process) -> None:
    """Follows the chain."""
    with process.chain() as chain, holding(process, WATCHER) as held:
        watcher = Watcher(process.database, process.vault(chain), process.sealer)

        def step() -> bool:
            lease = held.take()
            return lease is not None and in_turn(held, lambda: watcher.step(lease))

        repeat("watcher", process.stop, step, process.settings.chain.poll_seconds)


def batches(process: Process) -> None:
    """Moves batches on."""

    def troubled(step: str, _error: TacitError) -> None:
        log.exception("step failed", extra={"step": step})

    with process.desk() as desk:
        pipeline = assembly.pipeline(process.settings, desk, process.leases, troubled)
        try:
            repeat("pipeline", process.stop, pipeline.step, process.settings.chain.poll_seconds)
        finally:
            release(process, PIPELINE)


def send(process: Process) -> None:
    """Moves transactions on."""
    settings = process.settings
    operator = settings.operator()
    with process.chain() as chain:
        manager = Manager(
            process.database,
            process.leases,
            chain,
            {operator.address: operator},
            lambda changed: Policy.of(settings, changed),
            relays(process),
            settings.leases.seconds,
        )
        told: list[str] | None = None

        def step() -> bool:
            nonlocal told
            worked = manager.step()
            raised = sorted({code for code, _ in manager.raised})
            if manager.leading and raised != told:
                with process.database.write() as session:
                    overview.keep(session, overview.SENDING, {"alarms": raised})
                told = raised
            return worked

        try:
            repeat("transactions", process.stop, step, settings.chain.poll_seconds)
        finally:
            manager.release()


def relays(process: Process) -> Relays:
    """The private endpoints of the settings."""
    settings = process.settings
    method = settings.transactions.private_method
    return Relays.open(settings.transactions.private, method, settings.searcher(), settings.chain.timeout_seconds)


def forget(process: Process) -> None:
    """Deletes what is over."""
    given = process.settings.retention
    retention = Retention(
        database=process.database,
        after_final=round(1000 * given.after_final_seconds),
        proofs=process.settings.proving.directory,
    )
    with holding(process, RETENTION) as held:

        def step() -> bool:
            lease = held.take()
            return lease is not None and in_turn(held, lambda: retention.step(lease))

        repeat("retention", process.stop, step, given.every_seconds)


def observe(process: Process) -> None:
    """Looks at the chain from outside, and tells alerts."""
    with process.chain() as chain:
        observer = Observer(
            process.database, process.settings, chain, process.vault(chain), process.settings.operator().address
        )
        with holding(process, "observer") as held:

            def step() -> bool:
                lease = held.take()
                return lease is not None and in_turn(held, lambda: observer.step(lease))

            repeat("observer", process.stop, step, OBSERVE_SECONDS)


@contextmanager
def holding(process: Process, name: str) -> Iterator[Held]:
    """A lease that is given up at the end."""
    given = process.settings.leases
    held = Held(process.leases, name, given.seconds, given.renew_seconds)
    try:
        yield held
    finally:
        held.release()


def in_turn(held: Held, step: Callable[[], bool]) -> bool:
    """A step under a lease that may have gone to another process meanwhile."""
    try:
        return step()
    except LeaseLost:
        held.lost()
        raise


def release(process: Process, name: str) -> None:
    """Leaves a lease that this process may hold for others at once."""
    lease: Lease | None = process.leases.acquire(name, process.settings.leases.seconds)
    if lease is not None:
        process.leases.release(lease)
