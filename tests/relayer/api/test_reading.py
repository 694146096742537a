"""The chain as the watcher stored it is what the routes read: history, the accounts after the last settled batch, the block."""

from __future__ import annotations

from relayer.api.reading import StoredReading
from relayer.store.batches import keep_state
from relayer.store.chain import StoredChain
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.watcher import LEASE, Watcher
from tests.relayer.intake.scene import SEALER
from tests.relayer.scene import DOLLAR, PARAMS, Scene, risk_row


def test_it_follows_what_the_watcher_stores(database: Database) -> None:
    scene = Scene()
    watcher = Watcher(database, scene.vault, SEALER)
    lease = Leases(database, "test").acquire(LEASE, 3600)
    assert lease is not None
    reading = StoredReading(database, SEALER, PARAMS)
    assert (reading.state(), reading.block()) == (None, None)
    with database.write() as session:
        keep_state(session, SEALER, 0, scene.state)
    watcher.step(lease)
    found = reading.state()
    assert found is not None
    assert (found[0], found[1].root) == (0, scene.state.root)
    scene.post_epoch((risk_row(7, 40 * DOLLAR),))
    scene.run([(scene.open_account(1), 1_000 * DOLLAR, ())])
    watcher.step(lease)
    assert len(reading.history().settlements) == 1
    # The accounts after it are not stored yet: those before go on being shown, with the batch they are of.
    assert reading.state() == found
    with database.write() as session:
        keep_state(session, SEALER, 1, scene.state)
    after = reading.state()
    assert after is not None
    assert (after[0], after[1].root) == (1, scene.state.root)
    assert reading.block() == scene.chain.blocks[-1].number


def test_a_reorganisation_takes_back_what_it_took_back(database: Database) -> None:
    scene = Scene()
    watcher = Watcher(database, scene.vault, SEALER)
    lease = Leases(database, "test").acquire(LEASE, 3600)
    assert lease is not None
    reading = StoredReading(database, SEALER, PARAMS)
    scene.post_epoch((risk_row(7, 40 * DOLLAR),))
    watcher.step(lease)
    assert list(reading.history().epochs) == [1]
    scene.chain.blocks.pop()
    scene.chain.mine([])
    watcher.step(lease)
    assert list(reading.history().epochs) == []


def test_the_history_of_the_process_is_held_once(database: Database) -> None:
    scene, stored = Scene(), StoredChain(database)
    lease = Leases(database, "test").acquire(LEASE, 3600)
    assert lease is not None
    Watcher(database, scene.vault, SEALER).step(lease)
    reading = StoredReading(database, SEALER, PARAMS, stored.history)
    assert reading.history() is stored.history()
    assert reading.block() == scene.chain.blocks[-1].number
