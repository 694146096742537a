"""A sender that dies anywhere leaves what another finishes: each transaction mined once, no nonce left out. On both databases; with
TACIT_FULL set, at every place on both."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from demo.chain import ChainError
from relayer import points
from relayer.store import attempts, outgoing, transactions
from relayer.store.clock import now_ms
from relayer.store.leases import Leases
from relayer.store.models import Attempt
from relayer.transactions.manager import LEASE
from tests.relayer.transactions.child import Orders, started
from tests.relayer.transactions.proxy import proxies
from tests.relayer.transactions.scene import Scene

PATIENCE = 120.0
AWAKE = 0.5
"""Seconds that a process has to do whatever it would do."""
NAMES = ("open:1", "seal:1", "settle:1")
Make = Callable[..., Scene]
Turn = Callable[[Scene], None]


FULL = bool(os.environ.get("TACIT_FULL"))
KINDS = ("sqlite", "postgresql")
BOTH = pytest.mark.parametrize("database_kind", KINDS)
BOTH_IF_FULL = pytest.mark.parametrize("database_kind", KINDS if FULL else KINDS[:1])
CORE = ("transaction.before-store", "transaction.after-store", "transaction.after-send")
"""Places that are tried on PostgreSQL too when not all are."""


def orders(scene: Scene, holder: str, point: str | None = None, by: int = signal.SIGKILL, url: str = "") -> Orders:
    database = scene.database.url.render_as_string(hide_password=False)
    return Orders(database, url or scene.urls[0], scene.signer.key, holder, point, by)


def until(holds: Callable[[], bool], turn: Callable[[], None]) -> None:
    """Blocks go by until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came to pass"
        turn()
        time.sleep(0.02)


def finish(scene: Scene) -> None:
    """Another process takes over when the lease has run out, and brings everything to its end."""
    scene.manager = scene.sender("second")

    def over() -> bool:
        with scene.database.read() as session:
            return not outgoing.waiting(session) and not outgoing.unsettled(session)

    def turn() -> None:
        scene.step()
        scene.mine()

    until(over, turn)


def queue_all(scene: Scene) -> None:
    for name in NAMES:
        scene.queue(name)


def all_mined_once(scene: Scene) -> None:
    rows = [scene.row(name) for name in NAMES]
    assert [row.state.value for row in rows] == ["final"] * 3
    assert [row.nonce for row in rows] == [0, 1, 2]
    assert (scene.count(), scene.used(), scene.following()) == (3, 3, 3)


# ---- what the chain does meanwhile


def mine(scene: Scene) -> None:
    scene.mine()


def mine_dearly(scene: Scene) -> None:
    """Blocks that are too dear for the first offer, once there is one."""
    if scene.state("open:1") == "sent":
        scene.base_fee(20 * 10**9)
        scene.mine()


def mine_and_take_back(scene: Scene) -> None:
    """Blocks, and the ones with transactions in them are gone as soon as they were noticed. None is mined for nothing: a slow sender would
    notice hundreds of blocks later, and the local chain forgets what was before the last 250.
    """
    block = scene.row("open:1").block
    if block is None and scene.waiting():
        scene.mine()
    if block is not None:
        scene.chain.rpc("anvil_reorg", int(scene.chain.rpc("eth_blockNumber"), 16) - block + 1, [])


PLACES: list[tuple[str, Turn]] = [
    ("transaction.before-store", mine),
    ("transaction.after-store", mine),
    ("transaction.before-send", mine),
    ("transaction.after-send", mine),
    ("transaction.after-mined", mine),
    ("transaction.after-final", mine),
    ("transaction.before-store-replacement", mine_dearly),
    ("transaction.after-store-replacement", mine_dearly),
    ("transaction.after-taken-back", mine_and_take_back),
]


@pytest.mark.parametrize(
    ("database_kind", "point", "turn"),
    [(kind, point, turn) for kind in KINDS for point, turn in PLACES if FULL or kind == "sqlite" or point in CORE],
)
def test_a_sender_killed_anywhere_leaves_each_transaction_mined_once(make_scene: Make, point: str, turn: Turn) -> None:
    scene = make_scene()
    queue_all(scene)
    with started(orders(scene, "first", point)) as first:
        until(lambda: first.exitcode is not None, lambda: turn(scene))
        assert first.exitcode == -signal.SIGKILL
    finish(scene)
    all_mined_once(scene)


@BOTH_IF_FULL
@pytest.mark.parametrize("point", ["transaction.before-fill", "transaction.after-fill"])
def test_a_sender_killed_while_it_fills_a_gap_leaves_none(make_scene: Make, point: str) -> None:
    scene = make_scene()
    with scene.database.write() as session:
        attempts.set_following(session, scene.signer.address, 2)
    scene.queue("open:1")
    with started(orders(scene, "first", point)) as first:
        until(lambda: first.exitcode is not None, scene.mine)
    finish(scene)
    assert (scene.state("open:1"), scene.row("open:1").nonce) == ("final", 2)
    assert (scene.count(), scene.used(), scene.following()) == (1, 3, 3)


@BOTH_IF_FULL
def test_a_sender_killed_while_it_gives_up_leaves_no_gap(make_scene: Make) -> None:
    scene = make_scene()
    scene.queue("settle:1")
    scene.step()
    scene.manager.release()
    scene.refuse()
    scene.queue("other", to="0x" + "77" * 20)

    def turn() -> None:
        try:
            scene.drop()
        except ChainError:
            return
        scene.mine()

    with started(orders(scene, "first", "transaction.after-withdraw")) as first:
        until(lambda: first.exitcode is not None or scene.used() > 0, turn)
        assert first.exitcode == -signal.SIGKILL
    finish(scene)
    assert (scene.state("settle:1"), scene.state("other")) == ("failed", "final")
    assert (scene.count(), scene.used(), scene.following()) == (0, 2, 2)


@BOTH_IF_FULL
def test_a_sender_killed_while_it_gives_up_what_had_no_nonce_loses_nothing_behind_it(make_scene: Make) -> None:
    scene = make_scene()
    scene.refuse()
    scene.queue("settle:1")
    scene.queue("other", to="0x" + "77" * 20)
    with started(orders(scene, "first", "transaction.after-give-up")) as first:
        until(lambda: first.exitcode is not None, scene.mine)
    finish(scene)
    assert (scene.state("settle:1"), scene.row("settle:1").nonce, scene.state("other")) == ("failed", None, "final")
    assert scene.used() == scene.following() == 1


@BOTH
def test_a_standby_takes_over_when_the_first_dies(make_scene: Make) -> None:
    scene = make_scene()
    queue_all(scene)
    with started(orders(scene, "first")) as first, started(orders(scene, "second")):
        until(lambda: scene.state("open:1") == "mined", scene.mine)
        first.kill()
        scene.queue("void:2")
        until(lambda: scene.state("void:2") == "final", scene.mine)
    assert [scene.row(name).nonce for name in (*NAMES, "void:2")] == [0, 1, 2, 3]
    assert (scene.count(), scene.used(), scene.following()) == (4, 4, 4)


@BOTH
@pytest.mark.parametrize("point", ["transaction.before-store", "transaction.after-store", "transaction.before-send"])
def test_a_first_that_was_stopped_and_wakes_sends_nothing_new(make_scene: Make, point: str) -> None:
    """It is stopped between two steps of one transaction; another does the work; what it then still sends is what is stored."""
    scene = make_scene()
    with proxies(scene.chain, 1) as (first_endpoint,):
        queue_all(scene)
        with started(orders(scene, "first", point, signal.SIGSTOP, first_endpoint.url)) as first:
            assert first.pid is not None
            until(lambda: _stopped(first.pid or 0), lambda: None)
            finish(scene)
            scene.queue("void:2")
            os.kill(first.pid, signal.SIGCONT)
            # It asks for the lease again and again, and gets none while another has it.
            woken = time.monotonic() + AWAKE
            until(lambda: time.monotonic() > woken, scene.step)
            finish(scene)
            sent = [r["params"][0] for r in first_endpoint.requests if r["method"] == "eth_sendRawTransaction"]
    all_known = {"0x" + row.raw.hex() for row in _all_attempts(scene)}
    assert set(sent) <= all_known
    assert len(sent) <= (point == "transaction.before-send")
    assert [scene.row(name).nonce for name in (*NAMES, "void:2")] == [0, 1, 2, 3]
    assert (scene.count(), scene.used(), scene.following()) == (4, 4, 4)


@BOTH
@pytest.mark.parametrize(
    "point", ["transaction.before-store", "transaction.before-store-replacement", "transaction.before-fill"]
)
def test_who_lost_the_lease_while_it_signed_stores_and_sends_nothing(make_scene: Make, point: str) -> None:
    scene = make_scene()
    if point.endswith("fill"):
        with scene.database.write() as session:
            attempts.set_following(session, scene.signer.address, 1)
    scene.queue("settle:1")
    if point.endswith("replacement"):
        scene.step()
        scene.drop()
        with scene.database.write() as session:
            transactions.bump(session, scene.row("settle:1").id)
    before = len(_all_attempts(scene))
    later = Leases(scene.database, "second", lambda: now_ms() + 3_600_000)
    taken: list[str] = []

    def reached(name: str) -> None:
        if name == point and not taken:
            taken.append(name)
            assert later.acquire(LEASE) is not None

    points.install(reached)
    try:
        assert not scene.manager.step()
    finally:
        points.install(None)
    assert taken == [point]
    assert (len(_all_attempts(scene)), scene.waiting(), scene.manager.leading) == (before, [], False)


def _stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _all_attempts(scene: Scene) -> list[Attempt]:
    with scene.database.read() as session:
        return list(session.scalars(select(Attempt)))
