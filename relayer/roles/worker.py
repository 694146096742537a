"""The worker: follows the chain, moves batches and transactions on, deletes what is over, and looks after the whole.

Each of these is a loop of small steps in a thread of its own, under a lease of its own, so that a slow one holds up none of the others and
several workers can share them. A fault in one ends the process: the supervisor starts it anew, and it goes on from what is stored.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Final

from prover.errors import TacitError
from relayer.api.outgoing import Outgoing
from relayer.api.webhooks import LEASE as WEBHOOKS
from relayer.api.webhooks import Deliverer
from relayer.errors import LeaseLost
from relayer.pipeline import assembly
from relayer.pipeline.worker import LEASE as PIPELINE
from relayer.roles.common import Held, Process, outgoing_allowed, repeat
from relayer.store import overview
from relayer.store.leases import Lease
from relayer.store.retention import LEASE as RETENTION
from relayer.store.retention import Retention
from relayer.transactions.assembly import open_manager, open_relays
from relayer.watcher import LEASE as WATCHER
from relayer.watcher import Watcher
from relayer.watching import measures
from relayer.watching.observing import Observer
from relayer.watching.troubles import TROUBLES, Troubles

OBSERVE_SECONDS: Final = 5.0
DELIVER_SECONDS: Final = 1.0
OBSERVER: Final = "observer"

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
        "webhooks": deliver,
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
    with process.chain() as chain:
        watcher = Watcher(process.database, process.vault(chain), process.sealer)
        leased(process, WATCHER, "watcher", watcher.step, process.settings.chain.poll_seconds)


def batches(process: Process) -> None:
    """Moves batches on."""

    fared = Fared()
    with process.desk() as desk:
        pipeline = assembly.pipeline(process.settings, desk, process.leases, fared)
        try:
            repeat("pipeline", process.stop, lambda: fared.during(pipeline.step), process.settings.chain.poll_seconds)
        finally:
            release(process, PIPELINE)


class Fared:
    """How the steps of the pipeline fare in this process; those of one that has lost its lease are another's, and fail here no more."""

    def __init__(self, troubles: Troubles = TROUBLES) -> None:
        self._troubles = troubles
        self._failing: set[str] = set()
        self._tried = False

    def __call__(self, step: str, seconds: float, error: TacitError | None) -> None:
        """As :data:`relayer.pipeline.worker.Fared`."""
        self._tried = True
        if error is None:
            self._passed(step)
            return
        self._failing.add(step)
        self._troubles.failed(step)
        measures.stepped(step, seconds, "failed")
        log.error("step failed", extra={"step": step}, exc_info=error)

    def during(self, turn: Callable[[], bool]) -> bool:
        """A turn; one in which no step was tried is another process's."""
        self._tried = False
        worked = turn()
        if not self._tried:
            for step in list(self._failing):
                self._passed(step)
        return worked

    def _passed(self, step: str) -> None:
        self._failing.discard(step)
        self._troubles.passed(step)


def send(process: Process) -> None:
    """Moves transactions on."""
    settings = process.settings
    with process.chain() as chain, closing(open_relays(settings)) as relays:
        manager = open_manager(settings, process.database, process.leases, chain, relays)
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


def observe(process: Process) -> None:
    """Looks at the chain from outside, and tells alerts."""
    with process.chain() as chain:
        operator = process.settings.operator().address
        observer = Observer(process.database, process.settings, chain, process.vault(chain), operator)
        leased(process, OBSERVER, "observer", observer.step, OBSERVE_SECONDS)


def forget(process: Process) -> None:
    """Deletes what orders said once it is due."""
    given = process.settings.retention
    with process.chain() as chain:
        vault = process.vault(chain)

        @cache
        def evidence() -> int:
            terms = vault.bonds.call("terms")
            return 1000 * int(terms.challengeTime + terms.answerTime)

        retention = Retention(
            database=process.database,
            after_final=round(1000 * given.after_final_seconds),
            evidence=evidence,
            proofs=process.settings.proving.directory,
        )
        leased(process, RETENTION, "retention", retention.step, given.every_seconds)


def deliver(process: Process) -> None:
    """Tells webhooks."""
    settings = process.settings
    outgoing = Outgoing(outgoing_allowed(settings))
    told = measures.delivered
    deliverer = Deliverer(process.database, process.sealer, outgoing, settings.webhooks.timeout_seconds, told)
    leased(process, WEBHOOKS, "webhooks", deliverer.step, DELIVER_SECONDS)


def leased(process: Process, lease: str, name: str, work: Callable[[Lease], bool], every: float) -> None:
    """Repeats work that needs nothing but its lease."""
    with holding(process, lease) as held:

        def step() -> bool:
            taken = held.take()
            return taken is not None and in_turn(held, lambda: work(taken))

        repeat(name, process.stop, step, every)


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
    """A step under a lease that is renewed beside it, however long it takes, and may have gone to another process all the same."""
    try:
        with held.kept():
            return step()
    except LeaseLost:
        held.lost()
        raise


def release(process: Process, name: str) -> None:
    """Leaves a lease that this process may hold for others at once."""
    lease: Lease | None = process.leases.acquire(name, process.settings.leases.seconds)
    if lease is not None:
        process.leases.release(lease)
