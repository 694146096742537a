"""A process of the service dies by SIGKILL at every named place on an order's way, with traders sending all the while.

Afterwards no acknowledged order is lost and none is executed twice, each batch has one mined settlement, no nonce is missing; and the
service has gone on by itself, whether one process died (its supervisor starts it again) or all (somebody starts the command again).
The whole list runs at full depth; a sample of it always.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from relayer.store.models import BatchState
from tests.relayer.kill.command import MODULE, VARIABLE, struck
from tests.relayer.kill.promises import SETTLED, all_settled, broken
from tests.relayer.kill.traffic import Traffic
from tests.relayer.serving.relayer import DOLLAR, Relayer, relayer
from tests.relayer.venue import Owner

FULL = bool(os.environ.get("TACIT_FULL"))
PLACES = (
    "intake.before-commit",
    "intake.after-commit",
    "intake.before-promise",
    "intake.after-promise",
    "open.before-queue",
    "open.after-queue",
    "close.before-commit",
    "close.after-commit",
    "seal.before-queue",
    "seal.after-queue",
    "clear.before-commit",
    "clear.after-commit",
    "proving.before-take",
    "proving.after-take",
    "proving.progress",
    "proving.after-proof",
    "proving.before-store",
    "proving.after-store",
    "settle.before-queue",
    "settle.after-queue",
    "transaction.before-store",
    "transaction.after-store",
    "transaction.before-send",
    "transaction.after-send",
    "transaction.after-mined",
    "transaction.after-final",
    "watcher.before-commit",
    "watcher.after-commit",
)
SAMPLE = ("intake.after-commit", "transaction.after-store", "proving.after-proof")
NAMES = ("alice", "bob", "carol", "dave")
STRIKE_SECONDS = 120.0
ON_SECONDS = 120.0
DRAIN_SECONDS = 600.0


class Struck:
    """A relayer that can be struck."""

    def __init__(self, running: Relayer) -> None:
        self.relayer, self.armed = running, running.folder / "strike"
        os.environ[VARIABLE] = str(self.armed)

    def start(self) -> None:
        """Starts the command that can be struck."""
        self.relayer.start((sys.executable, "-m", MODULE))

    def strike(self, place: str, *, all_of_it: bool) -> None:
        """Has the process that comes to a place next die there; with ``all_of_it`` the others and the supervisor too."""
        struck(self.armed).unlink(missing_ok=True)
        whole = self.armed.with_suffix(".new")
        whole.write_text(place)
        whole.rename(self.armed)
        self.relayer.until(struck(self.armed).is_file, STRIKE_SECONDS)
        if all_of_it:
            self.relayer.kill()
            self.start()

    def goes_on(self) -> None:
        """Waits until a batch is settled that was not yet."""
        before = self.settled()
        self.relayer.until(lambda: bool(self.settled() - before), ON_SECONDS)

    def settled(self) -> set[int]:
        """Numbers of settled batches."""
        states: dict[int, BatchState] = self.relayer.states()
        return {number for number, state in states.items() if state in SETTLED}


@contextmanager
def striking(folder: Path, url: str) -> Iterator[Struck]:
    """A relayer in a folder, over a database."""
    with relayer(folder, url) as made:
        made.config.write_text(made.config.read_text().replace("close_seconds = 5", "close_seconds = 1"))
        found = Struck(made)
        try:
            found.start()
            yield found
        finally:
            os.environ.pop(VARIABLE)


def joined(running: Relayer, name: str) -> Owner:
    owner = running.venue.owner(name)
    assert running.register(owner).status_code == 201
    made = running.venue.deposit(owner, 100_000 * DOLLAR)
    assert isinstance(made, Owner)
    return made


def holds(service: Struck, places: Sequence[str]) -> None:
    """Strikes at each place in turn, every third time all processes at once, and asserts what the service promises."""
    running = service.relayer
    running.until(running.ready)
    owners = [joined(running, name) for name in NAMES]
    with Traffic(running, owners) as traffic:
        running.until(lambda: len(traffic.acknowledged) >= len(owners))
        for at, place in enumerate(places):
            service.strike(place, all_of_it=at % 3 == 2)
            service.goes_on()
    running.until(lambda: all_settled(running, traffic.acknowledged), DRAIN_SECONDS)
    assert running.stop(signal.SIGTERM) == 0
    found = broken(running, traffic, owners)
    assert found == [], found
