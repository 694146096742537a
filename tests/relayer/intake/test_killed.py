"""SIGKILL before and after every commit of intake: no acknowledged order is lost, none has another answer, no number is given twice."""

from __future__ import annotations

import signal
import subprocess
import sys

from sqlalchemy import func, select

from relayer.intake.chain import ReceiptChain
from relayer.store import encryption_keys, orders
from relayer.store.database import Database
from relayer.store.models import Order, OrderState
from tests.relayer.intake.child import CANCELLED, candidates
from tests.relayer.intake.scene import DOMAIN, SEALER

PLACES = (
    ("keys.before-commit", 1),
    ("keys.after-commit", 1),
    ("intake.before-commit", 1),
    ("intake.after-commit", 1),
    ("intake.before-commit", 1),
    ("intake.before-cancel", 1),
    ("intake.after-cancel", 1),
    ("intake.before-promise", 1),
    ("intake.after-promise", 1),
    ("intake.before-promise", 1),
    ("intake.after-commit", 1),
    ("intake.before-commit", 1),
)
"""Where twelve processes die, one after the other, each going on where the one before stopped."""


def child(url: str, place: str, times: int) -> tuple[int, list[list[str]]]:
    """How a child ended, and what it acknowledged before."""
    command = [sys.executable, "-m", "tests.relayer.intake.child", url, place, str(times)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, [line.split() for line in done.stdout.splitlines()]


def test_what_was_acknowledged_survives_kills_and_is_answered_alike(store_url: str) -> None:
    acknowledged: dict[str, tuple[str, str]] = {}
    for place, times in (*PLACES, ("", 1)):
        ended, lines = child(store_url, place, times)
        assert ended == (-signal.SIGKILL if place else 0), f"{place or 'the end'} was not come to"
        for text, name, sequence in (line for line in lines if len(line) == 3):
            known = acknowledged.get(text, (name, "0"))
            assert known[0] == name, "another id for the same order"
            assert known[1] in ("0", sequence), "another number for the same order"
            acknowledged[text] = (name, sequence)
    check(store_url, acknowledged)


def check(url: str, acknowledged: dict[str, tuple[str, str]]) -> None:
    """The database holds every order once, as it was acknowledged, and one chain of receipts."""
    database = Database.open(url)
    wanted = {each.hash for each in candidates()}
    with database.read() as session:
        stored = orders.by_hash(session, sorted(wanted))
        chain = ReceiptChain.read(DOMAIN, 2, orders.receipts(session, 2), orders.head(session, 2))
        assert session.scalar(select(func.count()).select_from(Order)) == len(wanted)
        cancelled = session.scalars(select(Order.hash).where(Order.state == OrderState.CANCELLED)).all()
        assert len(encryption_keys.alive(session, SEALER)) == 1
    database.close()
    assert set(stored) == wanted
    assert chain.sequence == len(wanted) - 1
    assert cancelled == [candidates()[CANCELLED].hash]
    for text, (name, sequence) in acknowledged.items():
        own = stored[bytes.fromhex(text)]
        assert own.id == name
        assert sequence in ("0", str(own.sequence))
