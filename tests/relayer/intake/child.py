"""A process that takes orders and dies at a named place: ``python -m tests.relayer.intake.child URL PLACE TIMES``.

Orders of six accounts, some while no batch is open; each acknowledgement is a line on standard output, written at once. It kills itself
with SIGKILL when it comes to the place for so many times; without it, it ends with ``done``.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace

from relayer import points
from relayer.intake.acceptance import Acknowledged, Candidate, order_hash
from relayer.intake.refusal import Code
from relayer.store import orders
from relayer.store.database import Database
from relayer.store.models import Batch, BatchState
from tests.relayer.intake.scene import DOMAIN, Stage, trader

GROUP = 3
CANCELLED = 4
"""Which of the orders is cancelled while it waits."""


def candidates() -> list[Candidate]:
    """The same orders in every process."""
    made = []
    for account in range(1, 6):
        for slot in (1, 2):
            signed = trader(account).signed(replace(trader(account).order(slot=slot), salt=100 * account + slot))
            made.append(Candidate(signed, order_hash(signed, DOMAIN), f"key {slot}"))
    return made


def main(url: str, place: str, times: int) -> None:
    """Takes all of them."""
    database = Database.open(url)
    with database.read() as session:
        fresh = session.get(Batch, 2) is None
    stage = Stage(database, fresh=fresh)
    keys, acceptance, lease = stage.keys(), stage.acceptance(), stage.lease()
    left = [times]

    def die(reached: str) -> None:
        if reached == place:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    points.install(die)
    keys.rotate(lease)
    view = replace(stage.view, open=None, batch=2)
    for at, group in enumerate(candidates()[i : i + GROUP] for i in range(0, len(candidates()), GROUP)):
        if at == 2:
            with database.read() as session:
                waits = orders.by_hash(session, [candidates()[CANCELLED].hash])[candidates()[CANCELLED].hash]
            acceptance.cancel(lease, view, waits.id)
            view = stage.view
            seen: int | None = 0
            while seen is not None:
                seen = acceptance.promote(lease, view, seen, GROUP)
        for answer in acceptance.take(lease, view, group):
            if isinstance(answer, Acknowledged):
                print(answer.hash.hex(), answer.id, answer.sequence or 0, flush=True)
            else:
                assert answer.code is Code.CONFLICT
    assert stage.view.open == 2
    with database.read() as session:
        assert session.get_one(Batch, 2).state is BatchState.OPEN
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
