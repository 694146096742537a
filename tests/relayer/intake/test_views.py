"""A view is what the vault's records, the stored batches and the policies say together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from prover.batch import SettledRow, State
from relayer.history import History
from relayer.intake.engine import goes_back
from relayer.intake.opening import packed_key
from relayer.intake.view import Terms, View
from relayer.intake.views import Depths, Sources, StoredViews
from relayer.ledger import read_ledger
from relayer.records import EpochPosted
from relayer.store import chain, orders, policies
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.models import Batch, BatchState, BatchStep, OrderState, Setting
from relayer.store.models import Order as Row
from tests.relayer.intake.scene import SEALER
from tests.relayer.scene import ADDRESSES, DEN, DOLLAR, FEE_RATE, NUM, OPERATOR, PARAMS, Scene, risk_row

OPEN_TIME = 3_600
START = 1_700_000_000


class Stored:
    """A vault whose records and batches are in the database."""

    def __init__(self, database: Database) -> None:
        self.database, self.scene = database, Scene()
        self.terms = Terms(
            domain=self.scene.domain,
            vault=ADDRESSES["vault"],
            separator=bytes(32),
            params=PARAMS,
            fee_rate=FEE_RATE,
            num=NUM,
            den=DEN,
            epoch_age=3_600,
            open_time=OPEN_TIME,
        )
        self.reads, self.now = 0, START
        self.views = StoredViews(database, self.terms, Sources(self._history, self._state), lambda: self.now)
        self._kept = 0

    def keep(self) -> None:
        """The watcher has read everything that there is."""
        records = list(read_ledger(self.scene.vault, "latest", None))
        with self.database.write() as session:
            chain.add(session, records[self._kept :], [], self.scene.chain.head())
            chain.set_followed(session, 1000 * self.now)
        self._kept = len(records)

    def batch(self, number: int, state: BatchState, opened: int = START, sealed: int | None = None) -> None:
        """A batch is in a state."""
        now = now_ms()
        times = {"opened_time": opened, "sealed_time": sealed, "created_at": now, "updated_at": now}
        with self.database.write() as session:
            session.merge(Batch(number=number, state=state, epoch=1, **times))
            session.add(BatchStep(batch=number, state=state, at=now))

    def view(self) -> View:
        """The view now, made anew as the engine does."""
        self.keep()
        found = self.views.load()
        assert found is not None
        return found

    def _history(self, session: Session) -> History:
        return History.of(chain.records(session))

    def _state(self, _session: Session, _history: History) -> State:
        self.reads += 1
        return self.scene.state


@pytest.fixture
def stored(database: Database) -> Stored:
    """A vault with one account whose deposit is queued, and a risk table."""
    made = Stored(database)
    made.scene.post_epoch([risk_row(1, 10**9), risk_row(2, 10**9)])
    made.scene.open_account(1)
    return made


def test_there_is_no_view_before_the_vaults_first_record(database: Database) -> None:
    assert Stored(database).views.load() is None


def test_a_queued_deposit_counts_until_its_batch_is_settled(stored: Stored) -> None:
    person = stored.scene.person(1)
    before = stored.view()
    assert (before.batch, before.open, before.fixed) == (1, None, 0)
    assert before.accounts[person.holder.owner] == 1
    assert before.deposits == {1: 1_000 * DOLLAR}
    stored.scene.run([(person, 1_000 * DOLLAR, [])])
    after = stored.view()
    assert (after.batch, after.fixed, dict(after.deposits)) == (2, 1, {})
    leaf = after.leaf(1)
    assert leaf is not None
    assert leaf.cash == 10**8 * 1_000 * DOLLAR


def test_a_returned_deposit_counts_nothing(stored: Stored) -> None:
    scene = stored.scene
    scene.happen(scene.log("DepositReturned", entry=0, index=1, payer=OPERATOR, amount=1_000 * DOLLAR))
    assert dict(stored.view().deposits) == {}


def test_an_exit_request_holds_orders_back_until_it_is_in_a_seal(stored: Stored) -> None:
    scene, person = stored.scene, stored.scene.person(1)
    scene.run([(person, 1_000 * DOLLAR, [])])
    request = {"entry": 0, "index": 1, "recipient": OPERATOR, "amount": 5, "deadline": START}
    scene.happen(scene.log("ExitRequested", **request))
    assert stored.view().exiting == {1}
    seal = {"sealRoot": bytes(32), "batch": 2, "touches": 2, "orders": 0, "depositEnd": 1, "exitEnd": 1, "epoch": 1}
    scene.happen(scene.log("BatchOpened", batch=2, epoch=1))
    scene.happen(scene.log("BatchSealed", batch=2, root=1, seal=seal, receiptsHash=bytes(32)))
    assert stored.view().exiting == frozenset()
    scene.happen(scene.log("BatchVoided", batch=2))
    voided = stored.view()
    assert (voided.exiting, voided.last_void) == (frozenset({1}), 2)


def test_the_table_is_that_of_the_open_batchs_epoch_and_values_are_known_with_theirs(stored: Stored) -> None:
    scene = stored.scene
    scene.happen(scene.log("BatchOpened", batch=1, epoch=1))
    stored.batch(1, BatchState.OPEN)
    scene.post_epoch([risk_row(2, 10**9)], [SettledRow(1, 7)])
    opened = stored.view()
    assert opened.table is not None
    assert (opened.open, opened.batch, opened.table.epoch, sorted(opened.table.rows)) == (1, 1, 1, [1, 2])
    assert dict(opened.settled) == {}
    stored.batch(1, BatchState.CLOSING)
    closed = stored.view()
    assert closed.table is not None
    assert (closed.open, closed.batch, closed.table.epoch, sorted(closed.table.rows)) == (None, 2, 2, [2])
    assert dict(closed.settled) == {1: 7}


def test_rows_that_are_not_the_roots_are_no_table(stored: Stored) -> None:
    stored.keep()
    wrong = History()

    def history(session: Session) -> History:
        for record in chain.records(session):
            wrong.add(replace(record, risk_root=1) if isinstance(record, EpochPosted) else record)
        return wrong

    views = StoredViews(stored.database, stored.terms, Sources(history, lambda *_: stored.scene.state), lambda: START)
    found = views.load()
    assert found is not None
    assert found.table is None


def test_a_batch_that_is_about_to_run_out_takes_no_orders(stored: Stored) -> None:
    stored.scene.happen(stored.scene.log("BatchOpened", batch=1, epoch=1))
    stored.keep()
    with stored.database.read() as session:
        head = chain.head(session)
    assert head is not None
    for age, taken in ((0, 1), (OPEN_TIME - 61, 1), (OPEN_TIME - 60, None), (2 * OPEN_TIME, None)):
        stored.batch(1, BatchState.OPEN, opened=head.time - age)
        found = stored.views.load()
        assert found is not None
        assert (found.open, found.batch) == (taken, 1 if taken else 2)


def test_a_batch_takes_what_the_bond_was_last_seen_to_cover_and_nothing_before_it_was_looked_at(stored: Stored) -> None:
    stored.batch(1, BatchState.SEALED)
    stored.batch(2, BatchState.OPEN)
    before, seen = stored.view(), stored.views.version()
    with stored.database.write() as session:
        session.get_one(Batch, 1).covered = 70
        session.get_one(Batch, 2).covered = 7
    assert (before.covered, stored.view().covered) == (0, 7)
    assert stored.views.version() != seen


def deep(stored: Stored, **depths: int | None) -> View:
    """The view where receipts wait for depth."""
    stored.keep()
    sources = Sources(stored._history, stored._state)
    found = StoredViews(stored.database, stored.terms, sources, lambda: START, Depths(**depths)).load()  # type: ignore[arg-type]
    assert found is not None
    return found


def test_an_account_is_unsure_until_its_first_deposit_is_deep_enough(stored: Stored) -> None:
    for blocks in range(3):
        assert deep(stored, account=3).unsure == {1}, f"{blocks} blocks over the deposit"
        stored.scene.chain.mine([])
    assert deep(stored, account=3).unsure == frozenset()
    stored.scene.open_account(2)
    assert deep(stored, account=3).unsure == {2}
    assert deep(stored).unsure == frozenset()


def test_an_account_with_orders_of_another_who_had_its_index_is_unsure_until_they_are_settled(
    stored: Stored, database: Database
) -> None:
    other = stored.scene.person(2).holder
    with database.write() as session:
        orders.register(session, SEALER, other, packed_key(other), None)
        session.flush()
        own = {"id": "a", "hash": bytes(32), "owner": other.owner.to_bytes(32, "big"), "account": 1, "position": 1}
        session.add(Row(**own, batch=1, sequence=1, state=OrderState.RECEIPTED, created_at=0, updated_at=0))
    assert stored.view().unsure == {1}
    with database.write() as session:
        session.get_one(Row, "a").state = OrderState.SETTLED
    assert stored.view().unsure == frozenset()


def test_a_batch_takes_orders_once_its_opening_is_deep_enough_or_final(stored: Stored) -> None:
    scene = stored.scene
    scene.happen(scene.log("BatchOpened", batch=1, epoch=1))
    stored.batch(1, BatchState.OPEN)
    scene.post_epoch([risk_row(2, 10**9)], [SettledRow(1, 7)])
    opened = deep(stored, opening=2)
    assert (opened.open, opened.opened, opened.batch) == (None, 1, 1), "orders wait for it, not for the next"
    assert opened.table is not None
    assert opened.table.epoch == 1
    scene.chain.mine([])
    assert deep(stored, opening=2).open == 1
    assert deep(stored, opening=None).open is None
    with stored.database.write() as session:
        chain.set_final(session, scene.chain.head())
    assert deep(stored, opening=None).open == 1


def test_a_batch_takes_orders_only_while_the_chain_is_being_followed(stored: Stored) -> None:
    stored.scene.happen(stored.scene.log("BatchOpened", batch=1, epoch=1))
    stored.batch(1, BatchState.OPEN)
    assert stored.view().open == 1
    stored.now += chain.FRESH_SECONDS
    seen, followed = stored.views.version(), stored.views.load()
    assert followed is not None
    assert followed.open == 1
    for wrong in (1, -2 * chain.FRESH_SECONDS - 2):
        stored.now += wrong
        assert stored.views.version() != seen
        found = stored.views.load()
        assert found is not None
        assert (found.open, found.opened, found.batch) == (None, 1, 1), "orders wait for it"
    assert stored.view().open == 1, "somebody has looked at the chain"


def test_a_view_that_cannot_be_made_anew_has_no_open_batch_either_once_nobody_follows(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.scene.happen(stored.scene.log("BatchOpened", batch=1, epoch=1))
    stored.batch(1, BatchState.OPEN)
    assert stored.view().open == 1
    views = stored.views
    monkeypatch.setattr(views, "_sources", Sources(lambda _session: History(), stored._state))
    assert views.load() is None, "the view before is used on"
    stored.now += chain.FRESH_SECONDS + 1
    found = views.load()
    assert found is not None
    assert (found.open, found.opened) == (None, 1)


def test_a_batch_takes_no_orders_before_the_chain_was_looked_at(stored: Stored) -> None:
    stored.scene.happen(stored.scene.log("BatchOpened", batch=1, epoch=1))
    stored.batch(1, BatchState.OPEN)
    stored.keep()
    with stored.database.write() as session:
        session.delete(session.get_one(Setting, chain.FOLLOWED))
    found = stored.views.load()
    assert found is not None
    assert (found.open, found.opened) == (None, 1)


def test_behind_a_batch_that_may_not_be_settled_in_time_orders_wait_for_the_batch_that_is_open(stored: Stored) -> None:
    for number in (1, 2):
        stored.scene.happen(stored.scene.log("BatchOpened", batch=number, epoch=1))
    stored.keep()
    with stored.database.read() as session:
        head = chain.head(session)
    assert head is not None
    for age, state, taken in (
        (OPEN_TIME // 2 - 1, BatchState.SEALED, True),
        (OPEN_TIME // 2, BatchState.SEALED, False),
        (OPEN_TIME // 2, BatchState.SUBMITTED, False),
        (OPEN_TIME // 2, BatchState.MINED, True),
        (OPEN_TIME // 2, BatchState.VOID, True),
        (0, BatchState.FAILED, False),
    ):
        stored.batch(1, state, sealed=head.time)
        stored.batch(2, BatchState.OPEN, opened=head.time - age)
        found = stored.views.load()
        assert found is not None
        assert (found.open, found.opened, found.batch) == (2 if taken else None, 2, 2), (age, state)


def test_what_moves_on_changes_the_version(stored: Stored, database: Database) -> None:
    seen = [stored.views.version()]

    def moved() -> bool:
        seen.append(stored.views.version())
        return seen[-1] != seen[-2]

    stored.keep()
    assert moved()
    assert not moved()
    stored.batch(1, BatchState.OPEN)
    assert moved()
    with database.write() as session:
        policies.change(session, intake_paused=True)
    assert moved()
    assert stored.view().paused
    stored.scene.open_account(2)
    stored.keep()
    assert moved()


def test_orders_of_a_lost_batch_are_read_back_once_they_are_taken_out_of_it(stored: Stored, database: Database) -> None:
    stored.batch(1, BatchState.OPEN)
    before = stored.view()
    with database.write() as session:
        holder = stored.scene.person(1).holder
        orders.register(session, SEALER, holder, packed_key(holder), 1)
        session.flush()
        own = {"id": "a", "hash": bytes(32), "owner": holder.owner.to_bytes(32, "big"), "account": 1, "position": 1}
        place = {"batch": 1, "sequence": 1, "state": OrderState.RECEIPTED}
        session.add(Row(**own, **place, created_at=0, updated_at=0))
    stored.batch(1, BatchState.EXPIRED)
    lost = stored.view()
    with database.write() as session:
        row = session.get_one(Row, "a")
        row.state, row.batch, row.sequence = OrderState.WAITING, None, None
    released = stored.view()
    assert [each.lost for each in (before, lost, released)] == [(0, 0), (1, 1), (1, 0)]
    assert goes_back(before, lost)
    assert goes_back(lost, released)
    assert not goes_back(released, stored.view())


def test_the_accounts_are_read_once_a_settled_batch(stored: Stored) -> None:
    stored.scene.run([(stored.scene.person(1), 1_000 * DOLLAR, [])])
    for _ in range(3):
        stored.view()
    assert stored.reads == 1
