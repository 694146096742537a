"""The watcher brings what the chain says into the database, takes back what a reorganisation takes back, and goes on after a restart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest
import sqlalchemy
from sqlalchemy import Connection, select

from prover.hashing import keccak256
from relayer.chain import Block
from relayer.errors import LeaseLost, RpcError, StoreError
from relayer.history import History
from relayer.ledger import AGAIN, read_ledger
from relayer.pipeline import sealing
from relayer.pipeline.aftermath import LOST, PLACED
from relayer.pipeline.desk import Desk as PipelineDesk
from relayer.pipeline.desk import Turn
from relayer.store import batches, chain, events, transactions
from relayer.store.chain import StoredChain
from relayer.store.crypt import Sealer
from relayer.store.database import MODE, Database
from relayer.store.holding import held
from relayer.store.leases import Lease, Leases
from relayer.store.models import Batch, BatchState, BatchStep, ChainBlock, ChainRecord, Holder, Order, OrderState
from relayer.watcher import FOLLOWED_EVERY, LEASE, Watcher
from tests.relayer.scene import DOLLAR, GAS_PRICE, GAS_USED, Person, Scene, risk_row
from tests.relayer.service.sender import sent

ROWS = (risk_row(3, 100 * DOLLAR), risk_row(7, 40 * DOLLAR))
SEALER = Sealer(bytes(range(32)))
RESULT = {"fill": "123456789", "reason": "filled"}
DEEPER_THAN_TESTED = 12


class Desk:
    """A scene with an operator's database that follows it."""

    def __init__(self, database: Database) -> None:
        self.scene = Scene()
        self.database = database
        self.watcher = Watcher(database, self.scene.vault, SEALER)
        lease = Leases(database, "this process").acquire(LEASE, 3600)
        assert lease is not None
        self.lease: Lease = lease

    def follow(self) -> bool:
        return self.watcher.step(self.lease)

    def restart(self) -> None:
        """What a process has in memory is gone."""
        self.watcher = Watcher(self.database, self.scene.vault, SEALER)

    def register(self, person: Person) -> None:
        """The owner tells the operator who it is."""
        owner = person.holder.owner.to_bytes(32, "big")
        row = Holder(owner=owner, key=owner, subaccount=0, account=None, holder_sealed=b"", created_at=0)
        with self.database.write() as session:
            session.add(row)

    def promise(self, person: Person, batch: int, sequence: int) -> str:
        """An order of the person has a place in a batch."""
        name = f"order {person.index} {batch} {sequence}"
        with self.database.write() as session:
            order = Order(
                id=name, hash=keccak256(name.encode()), owner=person.holder.owner.to_bytes(32, "big"), account=person.index,
                state=OrderState.RECEIPTED, batch=batch, sequence=sequence, position=100 * batch + sequence,
                created_at=0, updated_at=0,
            )  # fmt: skip
            order.result_sealed = SEALER.seal(f"orders.result:{name}", json.dumps(RESULT).encode())
            session.add(order)
        return name

    def batch(self, number: int) -> Batch:
        with self.database.read() as session:
            return session.get_one(Batch, number)

    def state(self, number: int) -> BatchState:
        return self.batch(number).state

    def move(self, number: int, state: BatchState, **values: object) -> None:
        """The operator's own doing."""
        with self.database.write() as session:
            row = session.get_one(Batch, number)
            row.state = state
            for name, value in values.items():
                setattr(row, name, value)

    def order(self, name: str) -> OrderState:
        with self.database.read() as session:
            return session.get_one(Order, name).state

    def steps(self, number: int) -> list[BatchState]:
        with self.database.read() as session:
            return list(
                session.scalars(select(BatchStep.state).where(BatchStep.batch == number).order_by(BatchStep.id))
            )

    def told(self, channels: Sequence[str], person: Person | None = None) -> list[dict[str, object]]:
        owner = None if person is None else person.holder.owner.to_bytes(32, "big")
        with self.database.read() as session:
            return [each.payload for each in events.since(session, 0, channels=channels, owner=owner, sealer=SEALER)]

    def agrees(self) -> None:
        """What is stored is what the chain tells whoever reads it anew; what is held of it is what is asked later."""
        records = read_ledger(self.scene.vault)
        stored = StoredChain(self.database)
        assert list(stored.records()) == records
        assert stored.history() == History.of(held(records, self.scene.chain.final))
        assert self.watcher.history() == History.of(records)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def opened(desk: Desk, *, here: bool = True) -> None:
    """The next batch is opened; ``here``: by this database's own pipeline, which has a row of it before it sends anything."""
    desk.scene.batch += 1
    if here:
        row = Batch(
            number=desk.scene.batch, state=BatchState.OPENING, epoch=desk.scene.epoch, created_at=0, updated_at=0
        )
        with desk.database.write() as session:
            session.merge(row)
    mined = desk.scene.happen(desk.scene.log("BatchOpened", batch=desk.scene.batch, epoch=desk.scene.epoch))
    if here:
        with desk.database.write() as session:
            queued = transactions.queue(
                session, purpose=f"open:{desk.scene.batch}", sender="operator", to="vault", data=b""
            )
            session.add(sent(queued, mined.hash))


def sealed(desk: Desk, time: int = 1_700_000_500, root: bytes = b"r" * 32) -> None:
    scene = desk.scene
    values = {"sealRoot": root, "batch": scene.batch, "touches": 1, "orders": 0, "depositEnd": scene.entries}
    seal = {**values, "epoch": scene.epoch, "time": time}
    scene.happen(scene.log("BatchSealed", batch=scene.batch, root=scene.state.root, seal=seal, receiptsHash=bytes(32)))


def test_a_batch_comes_from_its_opening_to_final_with_times_roots_and_cost(desk: Desk) -> None:
    scene = desk.scene
    scene.post_epoch(ROWS)
    opened(desk)
    assert desk.follow()
    assert desk.state(1) == BatchState.OPEN
    assert desk.batch(1).opened_time == 1_700_000_000 + 12 * (len(scene.chain.blocks) - 1)
    scene.batch -= 1
    scene.chain.take_back(1)
    cleared = scene.run([])
    desk.follow()
    row = desk.batch(1)
    assert row.state == BatchState.MINED
    assert (row.seal_root, row.end_root) == (cleared.seal_root, cleared.end_root.to_bytes(32, "big"))
    assert (row.sealed_time, row.epoch, row.touches) == (1_700_000_000, 1, 1)
    assert (row.gas_used, row.cost_wei) == (GAS_USED, str(GAS_USED * GAS_PRICE))
    scene.chain.final = len(scene.chain.blocks) - 2
    desk.follow()
    assert desk.state(1) == BatchState.MINED
    scene.chain.final += 1
    assert desk.follow()
    assert desk.state(1) == BatchState.FINAL
    assert not desk.follow()
    assert [each["state"] for each in desk.told(["batches"])][-2:] == ["mined", "final"]
    desk.agrees()


def test_parts_of_a_settlement_are_part_of_its_cost(desk: Desk) -> None:
    desk.scene.post_epoch(ROWS)
    desk.scene.run([], parts=1)
    desk.follow()
    assert desk.batch(1).gas_used == 2 * GAS_USED


def test_orders_follow_their_batch_and_results_are_told_once_it_is_settled(desk: Desk) -> None:
    scene = desk.scene
    scene.post_epoch(ROWS)
    person = scene.open_account(1)
    desk.register(person)
    opened(desk)
    desk.follow()
    name = desk.promise(person, 1, 1)
    desk.follow()
    assert desk.order(name) == OrderState.RECEIPTED
    sealed(desk)
    desk.follow()
    assert desk.order(name) == OrderState.SEALED
    scene.batch -= 1
    scene.chain.take_back(2)
    scene.run([])
    desk.follow()
    assert desk.order(name) == OrderState.SETTLED
    scene.chain.final = len(scene.chain.blocks) - 1
    desk.follow()
    assert desk.order(name) == OrderState.FINAL
    told = desk.told(["orders"], person)
    assert [each["state"] for each in told] == ["sealed", "settled", "final"]
    assert ["result" in each for each in told] == [False, True, True]
    assert desk.told(["orders"]) == []


def test_owners_get_their_account_when_it_is_assigned_or_when_they_register(desk: Desk) -> None:
    early, late = desk.scene.person(1), desk.scene.person(2)
    desk.register(early)
    desk.scene.open_account(1)
    desk.scene.open_account(2)
    desk.follow()
    desk.register(late)
    desk.scene.chain.mine([])
    desk.follow()
    with desk.database.read() as session:
        accounts = {row.owner: row.account for row in session.scalars(select(Holder))}
    assert accounts == {p.holder.owner.to_bytes(32, "big"): p.index for p in (early, late)}
    assert [each["what"] for each in desk.told(["account"], early)] == ["assigned", "deposit"]
    with desk.database.write() as session:
        session.query(Holder).update({Holder.created_at: 1})
    desk.scene.chain.take_back(4)
    desk.scene.chain.mine([])
    desk.follow()
    with desk.database.read() as session:
        assert set(session.scalars(select(Holder.account))) == {None}
        # Retention forgets those without an account: not these, who are about to have one again.
        assert min(session.scalars(select(Holder.created_at))) > 1
    assert [each["withdrawn"] for each in desk.told(["account"], early)] == [False, False, True, True]


def test_what_is_written_with_a_new_head_looks_at_no_owner_that_has_registered_but_those_it_names(desk: Desk) -> None:
    for number in range(1, 5):
        desk.register(desk.scene.person(number))
    desk.scene.open_account(1)
    asked: list[str] = []

    def see(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if connection.get_execution_options()[MODE] == "write" and "holders" in statement:
            asked.append(statement)

    sqlalchemy.event.listen(desk.database.engine, "before_cursor_execute", see)
    desk.follow()
    assert asked
    assert [each for each in asked if not any(named in each for named in ("holders.owner =", "holders.owner IN"))] == []
    with desk.database.read() as session:
        assert sorted(session.scalars(select(Holder.account)), key=str) == [1, None, None, None]


@pytest.mark.parametrize("depth", range(1, DEEPER_THAN_TESTED + 1))
def test_a_settlement_that_is_taken_back_is_reorged_and_counts_again_when_it_comes_back(desk: Desk, depth: int) -> None:
    scene = desk.scene
    person = scene.open_account(1)
    desk.register(person)
    scene.post_epoch(ROWS)
    start = scene.state
    scene.run([])
    for _ in range(depth - 1):
        scene.chain.mine([])
    name = desk.promise(person, 1, 1)
    desk.follow()
    assert (desk.state(1), desk.order(name)) == (BatchState.MINED, OrderState.SETTLED)
    mined = scene.chain.blocks[-depth:]
    scene.chain.take_back(depth)
    for _ in range(depth + 1):
        scene.chain.mine([])
    desk.follow()
    assert (desk.state(1), desk.order(name)) == (BatchState.REORGED, OrderState.SEALED)
    assert desk.batch(1).start_root == start.root.to_bytes(32, "big")
    for block in mined:
        scene.chain.mine(block.mined)
    desk.follow()
    assert (desk.state(1), desk.order(name)) == (BatchState.MINED, OrderState.SETTLED)
    assert desk.steps(1)[-3:] == [BatchState.MINED, BatchState.REORGED, BatchState.MINED]
    desk.agrees()


def test_orders_of_a_settlement_that_is_taken_back_and_void_in_one_look_are_settled_no_more(desk: Desk) -> None:
    """Or nobody would send them back to wait: the pipeline looks for orders with a place in a batch that is lost."""
    scene = desk.scene
    person = scene.open_account(1)
    desk.register(person)
    scene.post_epoch(ROWS)
    scene.run([])
    name = desk.promise(person, 1, 1)
    desk.follow()
    assert (desk.state(1), desk.order(name)) == (BatchState.MINED, OrderState.SETTLED)
    scene.chain.take_back(1)
    scene.happen(scene.log("BatchVoided", batch=1))
    scene.chain.mine([])
    desk.follow()
    assert (desk.state(1), desk.order(name)) == (BatchState.VOID, OrderState.SEALED)
    with desk.database.read() as session:
        assert [each.number for each in batches.lost_with_orders(session, LOST, PLACED)] == [1]


def test_a_chain_that_takes_back_what_it_called_final_is_followed_and_alarms(desk: Desk) -> None:
    desk.scene.post_epoch(ROWS)
    desk.scene.run([])
    desk.scene.chain.final = len(desk.scene.chain.blocks) - 1
    desk.follow()
    assert desk.state(1) == BatchState.FINAL
    assert desk.told(["alerts"]) == []
    desk.scene.chain.take_back(1)
    desk.scene.chain.mine([])
    desk.scene.chain.mine([])
    desk.follow()
    assert desk.state(1) == BatchState.REORGED
    assert desk.told(["alerts"]) == [{"alert": "final_batch_taken_back", "batch": 1}]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_reorganisation_deeper_than_what_was_kept_is_followed_from_the_beginning(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    for module in ("relayer.ledger", "relayer.store.chain"):
        monkeypatch.setattr(f"{module}.CHECKPOINTS", 3)
    scene = desk.scene
    scene.post_epoch(ROWS)
    for index in (1, 2, 3, 4, 5, 6):
        scene.open_account(index)
        desk.follow()
    with desk.database.read() as session:
        assert len(session.scalars(select(ChainBlock)).all()) == 3
    if restarted:
        desk.restart()
    scene.chain.take_back(5)
    scene.entries -= 5
    for index in (7, 8, 9, 10, 11, 12):
        scene.open_account(index)
    desk.follow()
    desk.agrees()


def test_a_restart_reads_nothing_again_and_sees_a_reorganisation_that_came_meanwhile(desk: Desk) -> None:
    scene = desk.scene
    scene.post_epoch(ROWS)
    scene.run([])
    desk.follow()
    desk.restart()
    scene.chain.requests.clear()
    assert not desk.follow()
    assert "eth_getTransactionByHash" not in scene.chain.requests
    assert "eth_getCode" not in scene.chain.requests
    desk.restart()
    scene.chain.take_back(1)
    scene.chain.mine([])
    scene.chain.mine([])
    desk.follow()
    assert desk.state(1) == BatchState.REORGED
    desk.agrees()


def test_a_failure_between_reading_and_storing_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.scene.post_epoch(ROWS)
    desk.scene.run([])
    with monkeypatch.context() as patch:
        patch.setattr(desk.scene.chain, "answer_eth_getTransactionReceipt", lambda _digest: None)
        with pytest.raises(RpcError, match="receipt"):
            desk.follow()
    with desk.database.read() as session:
        assert session.scalars(select(ChainRecord)).all() == []
    desk.follow()
    assert desk.state(1) == BatchState.MINED
    desk.agrees()


def test_a_seal_at_another_time_makes_what_was_proven_void_and_the_same_seal_does_not(desk: Desk) -> None:
    desk.scene.post_epoch(ROWS)
    opened(desk)
    sealed(desk)
    desk.follow()
    desk.move(1, BatchState.SUBMITTED, settlement=b"proven")
    desk.scene.chain.take_back(1)
    desk.scene.chain.mine([])
    desk.follow()
    assert desk.state(1) == BatchState.CLOSING
    sealed(desk)
    desk.follow()
    assert (desk.state(1), desk.batch(1).settlement) == (BatchState.PROVED, b"proven")
    desk.scene.chain.take_back(1)
    sealed(desk, time=1_700_000_501)
    desk.follow()
    assert (desk.state(1), desk.batch(1).settlement) == (BatchState.SEALED, None)
    assert desk.batch(1).sealed_time == 1_700_000_501


def test_a_seal_of_other_orders_than_those_stored_here_is_told_as_failed(desk: Desk) -> None:
    desk.scene.post_epoch(ROWS)
    opened(desk)
    desk.follow()
    desk.move(1, BatchState.CLOSING, seal_root=b"mine" * 8, receipts_hash=bytes(32))
    sealed(desk)
    desk.follow()
    assert desk.state(1) == BatchState.FAILED
    assert "other orders" in str(desk.batch(1).reason)


def test_a_batch_that_another_database_opened_takes_no_orders(desk: Desk) -> None:
    """Its receipts may be out already, and a second one of a number would cost the bonds."""
    desk.scene.post_epoch(ROWS)
    opened(desk, here=False)
    desk.follow()
    assert desk.state(1) == BatchState.FAILED
    assert "another database" in str(desk.batch(1).reason)
    desk.scene.happen(desk.scene.log("OpeningExpired", batch=1))
    desk.follow()
    assert desk.state(1) == BatchState.EXPIRED


def test_a_batch_that_another_database_opened_while_this_one_was_about_to_takes_no_orders(desk: Desk) -> None:
    desk.scene.post_epoch(ROWS)
    opened(desk, here=False)
    with desk.database.write() as session:
        batches.add(session, 1, desk.scene.epoch)
        transactions.queue(session, purpose="open:1", sender="operator", to="vault", data=b"")
    desk.follow()
    assert (desk.state(1), desk.batch(1).receipts_known) == (BatchState.FAILED, False)
    assert "another database" in str(desk.batch(1).reason)


@pytest.mark.parametrize("last", ["seal", "void", "expiry"])
def test_a_batch_that_another_database_opened_takes_none_after_a_reorganisation_either(desk: Desk, last: str) -> None:
    desk.scene.post_epoch(ROWS)
    opened(desk, here=False)
    if last != "expiry":
        sealed(desk)
    if last != "seal":
        desk.scene.happen(desk.scene.log("BatchVoided" if last == "void" else "OpeningExpired", batch=1))
    desk.follow()
    assert desk.state(1) == {"seal": BatchState.SEALED, "void": BatchState.VOID, "expiry": BatchState.EXPIRED}[last]
    desk.scene.chain.take_back(2 if last == "void" else 1)
    for _ in range(3):
        desk.scene.chain.mine([])
    desk.follow()
    assert desk.state(1) == BatchState.FAILED
    assert "another database" in str(desk.batch(1).reason)
    sealed(desk)
    desk.follow()
    assert desk.state(1) == BatchState.SEALED


def test_a_batch_whose_receipts_may_not_be_known_here_is_never_sealed_from_here(desk: Desk) -> None:
    row = Batch(number=1, state=BatchState.CLOSING, epoch=1, created_at=0, updated_at=0, receipts_known=False)
    with desk.database.write() as session:
        session.add(row)
    pipeline = cast(PipelineDesk, SimpleNamespace(database=desk.database))
    # It would put the batch together next, which asks more of the desk than this one has.
    assert not sealing.seal(pipeline, Turn(desk.lease))
    desk.move(1, BatchState.CLOSING, receipts_known=True)
    with pytest.raises(AttributeError):
        sealing.seal(pipeline, Turn(desk.lease))


@pytest.mark.parametrize(("event", "state"), [("BatchVoided", BatchState.VOID), ("OpeningExpired", BatchState.EXPIRED)])
def test_what_voids_or_ends_a_batch_can_be_taken_back_too(desk: Desk, event: str, state: BatchState) -> None:
    desk.scene.post_epoch(ROWS)
    opened(desk)
    if event == "BatchVoided":
        sealed(desk)
    desk.follow()
    before = desk.state(1)
    desk.scene.happen(desk.scene.log(event, batch=1))
    desk.follow()
    assert desk.state(1) == state
    desk.scene.chain.take_back(1)
    desk.scene.chain.mine([])
    desk.scene.chain.mine([])
    desk.follow()
    assert desk.state(1) == before


def test_an_opening_that_is_taken_back_waits_to_come_again(desk: Desk) -> None:
    desk.scene.post_epoch(ROWS)
    opened(desk)
    desk.follow()
    assert desk.batch(1).opened_time is not None
    desk.scene.chain.take_back(1)
    desk.scene.chain.mine([])
    desk.follow()
    assert desk.state(1) == BatchState.OPENING
    assert desk.batch(1).opened_time is None, "only so can it be opened again where the transaction failed meanwhile"
    desk.scene.batch -= 1
    opened(desk)
    desk.follow()
    assert desk.state(1) == BatchState.OPEN


def test_every_kind_of_record_comes_back_as_it_was(desk: Desk) -> None:
    scene = desk.scene
    trader, payer = scene.open_account(1), {"index": 1, "recipient": "0x" + 40 * "b"}
    scene.post_epoch(ROWS)
    scene.run([(trader, 1_000 * DOLLAR, ())], parts=1)
    plain: list[tuple[str, dict[str, object]]] = [
        ("DepositReturned", {"entry": 0, "index": 1, "payer": "0x" + 40 * "a", "amount": 2**59}),
        ("ExitRequested", {"entry": 0, **payer, "amount": 5, "deadline": 2**33}),
        ("ExitAnswered", {"entry": 0, "batch": 1, "requested": 5, "paid": 4}),
        ("WithdrawalCredited", {"batch": 1, **payer, "amount": 9}),
        ("Claimed", {"recipient": "0x" + 40 * "c", "amount": 7}),
        ("OpeningExpired", {"batch": 2}),
        ("BatchVoided", {"batch": 2}),
        ("Retiring", {"successor": "0x" + 40 * "d", "time": 99}),
        ("Frozen", {"root": 2**250, "epoch": 1, "windowEnd": 100}),
        ("EscapeRegistered", {**payer, "equity": 3, "inWindow": True}),
        ("PotFixed", {"pot": 3, "totalEquity": 4}),
        ("EscapePaid", {**payer, "amount": 3}),
    ]
    scene.happen(*(scene.log(name, **values) for name, values in plain))
    desk.follow()
    desk.agrees()
    assert {type(record).__name__ for record in desk.watcher.history().settlements} == {"BatchSettled"}
    with desk.database.read() as session:
        kinds = set(session.scalars(select(ChainRecord.kind)))
    assert len(kinds) == 20


def test_who_lost_the_lease_writes_nothing(desk: Desk) -> None:
    stale = desk.lease
    later = Leases(desk.database, "another", lambda: stale.expires_at + 1).acquire(LEASE)
    assert later is not None
    desk.scene.post_epoch(ROWS)
    with pytest.raises(LeaseLost):
        desk.watcher.step(stale)
    with desk.database.read() as session:
        assert session.scalars(select(ChainRecord)).all() == []


def test_a_database_of_another_vault_is_refused(desk: Desk) -> None:
    with desk.database.write() as session:
        chain.belong(session, 1, "0x" + 40 * "1")
    with pytest.raises(StoreError, match="of vault 1:0x1111"):
        desk.follow()


def test_what_was_read_can_be_forgotten_and_is_read_again(desk: Desk) -> None:
    desk.scene.post_epoch(ROWS)
    desk.scene.run([])
    desk.follow()
    stored = StoredChain(desk.database)
    assert stored.history().settlements
    with desk.database.write() as session:
        chain.forget(session)
    assert not stored.history().settlements
    desk.restart()
    desk.follow()
    assert stored.history().settlements
    assert isinstance(stored.head(), Block)
    desk.agrees()


# ---- endpoints that are behind


def blind(desk: Desk, patched: pytest.MonkeyPatch, *heights: int) -> None:
    """The endpoint that gives logs has none of some blocks."""
    full = desk.scene.chain.answer_eth_getLogs
    patched.setattr(
        desk.scene.chain,
        "answer_eth_getLogs",
        lambda query: [log for log in full(query) if int(log["blockNumber"], 16) not in heights],
    )


def test_a_seal_that_an_endpoint_did_not_give_is_found_by_the_next_look(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.scene.post_epoch(ROWS)
    opened(desk)
    desk.follow()
    desk.move(1, BatchState.CLOSING)
    sealed(desk)
    with monkeypatch.context() as patched:
        blind(desk, patched, len(desk.scene.chain.blocks) - 1)
        desk.follow()
        assert desk.state(1) == BatchState.CLOSING
        with desk.database.read() as session:
            read = chain.head(session)
        assert read == desk.scene.chain.head()
    assert desk.follow()
    assert desk.state(1) == BatchState.SEALED
    desk.agrees()


@pytest.mark.parametrize("restarts", [False, True])
def test_what_comes_late_below_what_is_stored_is_stored_in_its_place(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, restarts: bool
) -> None:
    scene = desk.scene
    scene.open_account(1)
    desk.follow()
    with monkeypatch.context() as patched:
        blind(desk, patched, len(scene.chain.blocks))
        scene.open_account(2)
        scene.chain.mine([])
        scene.open_account(3)
        desk.follow()
        assert sorted(StoredChain(desk.database).history().accounts.values()) == [0, 1, 3]
    if restarts:
        desk.restart()
    desk.follow()
    desk.agrees()
    with desk.database.read() as session:
        assert chain.head(session) == scene.chain.head()
        assert sorted(chain.checkpoints(session)) == desk.watcher._restored().checkpoints
    desk.restart()
    desk.follow()
    desk.agrees()


def test_a_block_counts_as_final_only_after_it_was_read_when_it_was_final(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = desk.scene
    desk.follow()
    with monkeypatch.context() as patched:
        blind(desk, patched, len(scene.chain.blocks))
        scene.open_account(1)
        for _ in range(AGAIN + 10):
            scene.chain.mine([])
        desk.follow()
        # Final only while the answer was on its way.
        scene.chain.final = AGAIN + 5
    assert sorted(desk.watcher.history().accounts.values()) == [0]
    desk.restart()
    desk.follow()
    desk.agrees()


def test_a_running_watcher_reads_again_what_was_forgotten(desk: Desk) -> None:
    desk.scene.post_epoch(ROWS)
    desk.scene.run([])
    desk.follow()
    with desk.database.write() as session:
        chain.forget(session)
    desk.follow()
    desk.agrees()
    desk.scene.open_account(5)
    desk.restart()
    desk.follow()
    desk.agrees()


def test_nothing_is_added_to_what_is_forgotten_while_more_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.scene.open_account(1)
    desk.follow()
    desk.scene.open_account(2)

    def forgotten(place: str) -> None:
        if place == "watcher.before-commit":
            monkeypatch.undo()
            with desk.database.write() as session:
                chain.forget(session)

    monkeypatch.setattr("relayer.watcher.reached", forgotten)
    with pytest.raises(StoreError, match="deleted while more was read"):
        desk.follow()
    assert not StoredChain(desk.database).records()
    desk.follow()
    desk.agrees()


def test_it_is_noted_that_the_chain_is_followed_also_while_it_has_nothing_new(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_800_000_000_000]
    desk.watcher = Watcher(desk.database, desk.scene.vault, SEALER, lambda: now[0])

    def noted() -> int | None:
        with desk.database.read() as session:
            return chain.followed(session)

    desk.follow()
    assert noted() == now[0]
    now[0] += FOLLOWED_EVERY - 1
    assert not desk.follow()
    assert noted() == now[0] - FOLLOWED_EVERY + 1, "not at each look"
    now[0] += 1
    assert not desk.follow()
    assert noted() == now[0]
    monkeypatch.setattr(desk.scene.chain, "request", _unanswered)
    now[0] += FOLLOWED_EVERY
    with pytest.raises(RpcError, match="silent"):
        desk.follow()
    assert noted() == now[0] - FOLLOWED_EVERY


def _unanswered(_method: str, *_params: object) -> object:
    raise RpcError("the endpoint is silent")
