"""Receipts are one chain, numbers are given once, and what was acknowledged stays so, whoever dies or closes in between."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from prover.batch import Context, SealedBatch, State
from prover.hashing import FIELD_ORDER
from prover.orders import Order, Touch
from relayer import points
from relayer.errors import LeaseLost
from relayer.intake.acceptance import Acceptance, Acknowledged, Answer, Candidate, Limits, order_hash
from relayer.intake.book import Book, Held
from relayer.intake.chain import ReceiptChain
from relayer.intake.refusal import Code, Issue
from relayer.receipts import Intake
from relayer.store import events, orders
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.store.models import Batch, BatchState, Idempotency
from relayer.store.models import Order as Row
from tests.relayer.intake.scene import DOMAIN, ROWS, SEALER, SIGNER, TERMS, Stage, settled_state, trader


def candidate(account: int, slot: int = 0, key: str | None = None, order: Order | None = None) -> Candidate:
    """An order whose signature holds: for one account and slot the same each time."""
    own = trader(account)
    signed = own.signed(order or own.order(slot=slot, salt=1_000 * account + slot))
    return Candidate(signed, order_hash(signed, DOMAIN), key)


def take(acceptance: Acceptance, stage: Stage, group: Sequence[Candidate]) -> list[Answer]:
    """What a group comes to."""
    return acceptance.take(stage.lease(), stage.view, group)


def good(answers: Sequence[Answer]) -> list[Acknowledged]:
    """Answers that are all acknowledgements."""
    assert not [each for each in answers if isinstance(each, Issue)]
    return [each for each in answers if isinstance(each, Acknowledged)]


def codes(answers: Sequence[Answer]) -> list[Code | str]:
    """What became of each."""
    return [each.code if isinstance(each, Issue) else each.state for each in answers]


def test_receipts_are_those_that_the_protocols_intake_would_give_over_groups_and_restarts(database: Database) -> None:
    stage, rng = Stage(database, accounts=40), random.Random("chain")
    reference = Intake(DOMAIN, 2, TERMS.separator, SIGNER)
    acceptance = stage.acceptance()
    left = [(account, slot) for account in range(1, 40) for slot in (1, 2)]
    rng.shuffle(left)
    while left:
        group = [candidate(*left.pop()) for _ in range(min(len(left), rng.randint(1, 9)))]
        for made, each in zip(good(take(acceptance, stage, group)), group, strict=True):
            assert made.receipt == reference.take(int.from_bytes(each.hash, "big"), each.signed.order.account)
        if rng.random() < 0.3:
            acceptance = stage.acceptance()
    with database.read() as session:
        chain = ReceiptChain.read(DOMAIN, 2, orders.receipts(session, 2), orders.head(session, 2))
    assert (chain.sequence, chain.receipts_hash) == (reference.sequence, reference.receipts_hash)
    assert chain.sequence == 78


def test_a_batch_that_closes_in_between_gives_no_more_receipts_and_the_order_waits(database: Database) -> None:
    stage = Stage(database)
    acceptance = stage.acceptance()
    first = good(take(acceptance, stage, [candidate(1)]))[0]
    stage.set_batch(2, BatchState.CLOSING)
    later = good(take(acceptance, stage, [candidate(2), candidate(3)]))
    assert [each.state for each in (first, *later)] == ["receipted", "waiting", "waiting"]
    stage.change(open=None, batch=3)
    stage.open_next()
    assert acceptance.promote(stage.lease(), stage.view, 0, 100) is None  # all of them
    again = good(take(acceptance, stage, [candidate(2), candidate(3), candidate(4)]))
    assert [(each.batch, each.sequence) for each in again] == [(3, 1), (3, 2), (3, 3)]


def test_a_batch_that_closes_while_older_orders_get_their_receipts_leaves_them_waiting(database: Database) -> None:
    stage = Stage(database)
    stage.close()
    acceptance = stage.acceptance()
    waiting = [candidate(1), candidate(2, order=trader(2).order(last_batch=3))]
    good(take(acceptance, stage, waiting))
    stage.open_next()
    stage.set_batch(3, BatchState.CLOSING)
    assert acceptance.promote(stage.lease(), stage.view, 0, 100) is None
    assert codes(take(acceptance, stage, [*waiting, candidate(3)])) == ["waiting"] * 3
    stage.change(open=None, batch=4)
    stage.open_next()
    assert acceptance.promote(stage.lease(), stage.view, 0, 100) is None
    again = take(acceptance, stage, [waiting[0], candidate(3), waiting[1]])
    assert codes(again) == ["receipted", "receipted", Code.CONFLICT], "the last has lapsed: its window is over"
    assert [(each.batch, each.sequence) for each in again[:2] if isinstance(each, Acknowledged)] == [(4, 1), (4, 2)]


def test_nothing_is_stored_by_who_lost_the_lease(database: Database) -> None:
    now = [1_700_000_000_000]
    stage = Stage(database, clock=lambda: now[0])
    lease, acceptance = stage.lease(), stage.acceptance()
    now[0] += 60_000
    assert Leases(database, "second", lambda: now[0]).acquire("intake") is not None
    with pytest.raises(LeaseLost):
        acceptance.take(lease, stage.view, [candidate(1)])
    with database.read() as session:
        assert orders.last_position(session) == 0


def test_a_number_is_not_given_twice_when_a_commit_fails(database: Database) -> None:
    stage = Stage(database)
    acceptance = stage.acceptance()

    def failing_at(wanted: str) -> Callable[[str], None]:
        def fail(reached: str) -> None:
            if reached == wanted:
                raise ZeroDivisionError

        return fail

    for place in ("intake.before-commit", "intake.after-commit"):
        points.install(failing_at(place))
        try:
            with pytest.raises(ZeroDivisionError):
                take(acceptance, stage, [candidate(1, slot=len(place))])
        finally:
            points.install(None)
    made = good(take(acceptance, stage, [candidate(2), candidate(1, slot=len("intake.after-commit"))]))
    assert [each.sequence for each in made] == [2, 1], (
        "the second was stored before it failed, and is answered as stored"
    )


def test_stored_receipts_that_are_not_the_chain_end_the_giving_of_receipts(database: Database) -> None:
    stage = Stage(database)
    good(take(stage.acceptance(), stage, [candidate(1), candidate(2)]))

    def release(session: Session) -> None:
        changes = {"batch": None, "sequence": None, "previous": None, "receipt_signature": None, "state": "waiting"}
        session.execute(update(Row).where(Row.sequence == 2).values(changes))

    with database.write() as session:
        release(session)
    acceptance = stage.acceptance()
    assert codes(take(acceptance, stage, [candidate(3)])) == ["waiting"]
    assert acceptance.broken is not None
    assert acceptance.promote(stage.lease(), stage.view, 0, 100) is None


def test_another_receipt_of_the_batch_ends_the_group(database: Database) -> None:
    stage = Stage(database)
    acceptance = stage.acceptance()
    good(take(acceptance, stage, [candidate(1)]))
    with database.write() as session:
        session.get_one(Batch, 2).orders = 5
    with pytest.raises(Exception, match="receipts that this process did not give"):
        take(acceptance, stage, [candidate(2)])


def test_an_idempotency_key_belongs_to_one_order_of_its_owner(database: Database) -> None:
    stage = Stage(database)
    acceptance = stage.acceptance()
    first = candidate(1, key="a")
    made = take(acceptance, stage, [first, first, candidate(1, slot=1, key="a"), candidate(2, key="a")])
    assert made[0] == made[1]
    assert codes(made) == ["receipted", "receipted", Code.IDEMPOTENCY_MISMATCH, "receipted"]
    assert take(stage.acceptance(), stage, [first]) == made[:1]
    assert codes(take(stage.acceptance(), stage, [candidate(1, slot=1, key="a")])) == [Code.IDEMPOTENCY_MISMATCH]


def test_a_copy_that_somebody_else_sends_takes_no_idempotency_key_of_the_owner(database: Database) -> None:
    stage = Stage(database)
    acceptance = stage.acceptance()
    take(acceptance, stage, [candidate(1)])
    take(acceptance, stage, [replace(candidate(1), idempotency_key="mine")])
    with database.read() as session:
        assert session.get(Idempotency, (trader(1).owner.hex(), "mine")) is None


def test_capacity_is_kept_within_a_group_and_accounts_take_turns(database: Database) -> None:
    stage = Stage(database, limits=Limits(orders=3, accounts=2, waiting=2))
    group = [candidate(1), candidate(2), candidate(3), candidate(1, slot=1), candidate(2, slot=1), candidate(4)]
    wanted = ["receipted", "receipted", "waiting", "receipted", "waiting", Code.BATCH_FULL]
    assert codes(take(stage.acceptance(), stage, group)) == wanted


def test_a_batch_is_full_when_it_has_all_the_orders_that_the_bond_covers(database: Database) -> None:
    stage = Stage(database)
    stage.change(covered=2)
    acceptance = stage.acceptance()
    made = take(acceptance, stage, [candidate(1), candidate(2), candidate(3)])
    assert codes(made) == ["receipted", "receipted", "waiting"]
    last = candidate(4, order=trader(4).order(last_batch=2))
    assert codes(take(acceptance, stage, [last])) == [Code.BATCH_FULL]
    assert [each.code for each in acceptance.judge(stage.view, last)] == [Code.BATCH_FULL]
    stage.change(covered=1)
    assert codes(take(acceptance, stage, [candidate(5)])) == ["waiting"]


def test_no_receipt_is_stored_beyond_a_bond_that_has_shrunk_since_the_view_was_made(database: Database) -> None:
    stage = Stage(database)
    acceptance = stage.acceptance()
    take(acceptance, stage, [candidate(1)])
    stage.cover(2, 2)
    made = take(acceptance, stage, [candidate(2), candidate(3), candidate(4)])
    assert codes(made) == ["receipted", "waiting", "waiting"]
    stage.cover(2, 3)
    assert acceptance.promote(stage.lease(), stage.view, 0, 100) is None  # both were looked at
    stage.cover(2, 1)
    assert codes(take(acceptance, stage, [candidate(5)])) == ["waiting"]
    with database.read() as session:
        chain = ReceiptChain.read(DOMAIN, 2, orders.receipts(session, 2), orders.head(session, 2))
    assert chain.sequence == 3


def test_waiting_orders_that_no_batch_can_take_any_more_lapse(database: Database) -> None:
    stage = Stage(database)
    stage.close()
    acceptance = stage.acceptance()
    own = trader(1)
    made = [
        candidate(1, order=own.order(slot=1, last_batch=3)),
        candidate(1, order=own.order(slot=2, survives_void=False)),
        candidate(2),
    ]
    assert codes(take(acceptance, stage, made)) == ["waiting"] * 3
    stage.set_batch(3, BatchState.VOID)
    stage.change(batch=4, last_void=3)
    stage.open_next()
    acceptance.promote(stage.lease(), stage.view, 0, 100)
    assert codes(take(acceptance, stage, made)) == [Code.CONFLICT, Code.CONFLICT, "receipted"]


def test_orders_of_an_account_that_is_not_deep_enough_wait_for_their_receipts(database: Database) -> None:
    stage = Stage(database)
    stage.change(unsure=frozenset({1}))
    acceptance = stage.acceptance()
    last = candidate(1, order=trader(1).order(slot=3, last_batch=2))
    assert codes(take(acceptance, stage, [candidate(1), candidate(2), last])) == ["waiting", "receipted", "waiting"]
    acceptance.promote(stage.lease(), stage.view, 0, 100)
    assert codes(take(acceptance, stage, [candidate(1)])) == ["waiting"]
    stage.change(unsure=frozenset())
    acceptance.promote(stage.lease(), stage.view, 0, 100)
    assert codes(take(acceptance, stage, [candidate(1), last])) == ["receipted"] * 2


def test_a_waiting_order_lapses_only_when_its_owner_has_another_account_for_good(database: Database) -> None:
    stage = Stage(database)
    stage.close()
    acceptance = stage.acceptance()
    assert codes(take(acceptance, stage, [candidate(1)])) == ["waiting"]
    stage.open_next()
    before, owner = dict(stage.view.accounts), trader(1).holder.owner

    def promoted(accounts: dict[int, int], unsure: frozenset[int] = frozenset()) -> str:
        stage.change(accounts=accounts, unsure=unsure)
        acceptance.promote(stage.lease(), stage.view, 0, 100)
        with database.read() as session:
            return session.query(Row).one().state.value

    assert promoted({word: index for word, index in before.items() if word != owner}) == "waiting"
    assert promoted(before | {owner: 9}, frozenset({9})) == "waiting"
    assert promoted(before | {owner: 9}) == "lapsed"


def test_promotion_goes_on_where_it_stopped_and_newer_orders_come_after(database: Database) -> None:
    stage = Stage(database, accounts=20)
    stage.close()
    acceptance = stage.acceptance()
    waiting = [candidate(account) for account in range(1, 10)]
    take(acceptance, stage, waiting)
    stage.open_next()
    lease, seen = stage.lease(), 0
    place = acceptance.promote(lease, stage.view, seen, 4)
    newer = candidate(15)
    assert codes(acceptance.take(lease, stage.view, [newer], hold=True)) == ["waiting"]
    while place is not None:
        place = acceptance.promote(lease, stage.view, place, 4)
    answers = good(acceptance.take(lease, stage.view, [*waiting, newer]))
    assert [each.sequence for each in answers] == list(range(1, 11))


def waiting_for(stage: Stage, acceptance: Acceptance, *wanted: tuple[int, int]) -> list[Candidate]:
    """Orders by account and slot that wait, in this order, for a batch that is open now."""
    stage.close()
    group = [candidate(*each) for each in wanted]
    assert codes(take(acceptance, stage, group)) == ["waiting"] * len(group)
    stage.open_next()
    return group


def test_accounts_that_wait_take_turns_however_many_orders_one_has_sent(database: Database) -> None:
    stage = Stage(database, accounts=8, limits=Limits(orders=7, accounts=50, waiting=100))
    acceptance = stage.acceptance()
    sent = [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (3, 0), (4, 0), (5, 0), (4, 1)]
    group = waiting_for(stage, acceptance, *sent)
    assert acceptance.promote(stage.lease(), replace(stage.view, covered=2), 0, 100) is None
    seen: int | None = 0
    while seen is not None:  # the bond has been filled up
        seen = acceptance.promote(stage.lease(), stage.view, seen, 2)
    answers = good(take(acceptance, stage, group))
    numbers = {each: answer.sequence for each, answer in zip(sent, answers, strict=True)}
    of_one, of_two = {(1, 0): 1, (2, 0): 2, (3, 0): 3, (4, 0): 4, (5, 0): 5}, {(1, 1): 6, (2, 1): 7}
    assert numbers == of_one | of_two | {(1, 2): None, (4, 1): None}


def test_who_comes_while_older_orders_get_their_receipts_has_a_turn_behind_them_all(database: Database) -> None:
    stage = Stage(database, accounts=8)
    acceptance = stage.acceptance()
    group = waiting_for(stage, acceptance, (1, 0), (1, 1), (2, 0), (2, 1))
    seen = acceptance.promote(stage.lease(), stage.view, 0, 3)
    newer = [candidate(4), candidate(3)]
    assert codes(acceptance.take(stage.lease(), stage.view, newer, hold=True)) == ["waiting"] * 2
    while seen is not None:
        seen = acceptance.promote(stage.lease(), stage.view, seen, 1)
    answers = good(take(acceptance, stage, [*group, *newer]))
    assert [each.sequence for each in answers] == [1, 3, 2, 4, 5, 6]


def test_turns_are_dealt_once_however_often_promotion_stops(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(database, accounts=20)
    acceptance, dealt, turns = stage.acceptance(), 0, Book.turns

    def counted(book: Book, batch: int, behind: int) -> list[Held]:
        nonlocal dealt
        dealt += 1
        return turns(book, batch, behind)

    waiting_for(stage, acceptance, *((account, 0) for account in range(1, 20)))
    monkeypatch.setattr(Book, "turns", counted)
    seen: int | None = 0
    while seen is not None:
        seen = acceptance.promote(stage.lease(), stage.view, seen, 1)
    assert (dealt, acceptance.book.orders(3)) == (1, 19)


def test_nobodys_many_orders_that_wait_keep_out_somebodys_first(database: Database) -> None:
    stage = Stage(database, accounts=8, limits=Limits(orders=100, accounts=50, waiting=8))
    stage.close()
    acceptance = stage.acceptance()
    many = [candidate(1, slot) for slot in range(9)]
    assert codes(take(acceptance, stage, many)) == ["waiting"] * 6 + [Code.BATCH_FULL] * 3
    others = [candidate(2), candidate(2, 1), candidate(3)]
    assert codes(take(acceptance, stage, others)) == ["waiting"] * 2 + [Code.BATCH_FULL]
    assert [each.code for each in acceptance.judge(stage.view, candidate(4))] == [Code.BATCH_FULL]


def test_settled_orders_leave_room_and_give_their_nonces_back(database: Database) -> None:
    stage = Stage(database)
    acceptance = stage.acceptance()
    take(acceptance, stage, [candidate(1, slot=1), candidate(1, slot=2)])
    assert len(acceptance.book) == 2
    again = candidate(1, order=trader(1).order(slot=1, salt=5))
    assert codes(take(acceptance, stage, [again])) == [Code.NONCE_USED]
    stage.close()
    stage.open_next()
    acceptance.settle(2)
    assert len(acceptance.book) == 0
    assert codes(take(acceptance, stage, [again])) == ["receipted"]


def test_owners_are_told_of_their_orders_and_nobody_else(database: Database) -> None:
    stage = Stage(database)
    made = good(take(stage.acceptance(), stage, [candidate(1), candidate(2)]))
    with database.read() as session:
        told = events.since(session, 0, channels=["orders"], owner=trader(1).owner, sealer=SEALER)
    assert [(each.payload["id"], each.payload["state"], each.number) for each in told] == [(made[0].id, "receipted", 1)]


def test_content_stands_sealed_alone_in_the_database(database: Database) -> None:
    stage = Stage(database)
    unique = trader(1).order(quantity=123_457, limit=987_654_323, salt=271_828_182_845_904_523 % FIELD_ORDER)
    made = good(take(stage.acceptance(), stage, [candidate(1, order=unique)]))[0]
    with database.read() as session:
        row = session.get_one(Row, made.id)
        assert row.content_sealed is not None
        assert orders.content(SEALER, made.id, row.content_sealed)[0] == unique
        values = [repr(value) for name, value in vars(row).items() if name != "_sa_instance_state"]
    assert not [text for text in ("123457", "987654323", f"{unique.salt:064x}") if any(text in each for each in values)]


def test_no_receipt_is_given_that_would_need_more_settled_rows_than_a_batch_has(database: Database) -> None:
    stage = Stage(database, accounts=8)
    stage.change(state=holding({1: (3, 4), 2: (3, 4), 3: (5, 6), 4: (5, 6), 5: (7, 8), 6: (7, 8)}))
    stage.change(settled=dict.fromkeys(range(3, 9), 900))
    acceptance = stage.acceptance()
    group = [candidate(1), candidate(3), candidate(5), candidate(2), candidate(7), candidate(1, 1)]
    states = codes(take(acceptance, stage, group))
    assert states == ["receipted", "receipted", "waiting", "receipted", "receipted", "receipted"]


def holding(pairs: dict[int, tuple[int, int]]) -> State:
    """Accounts that hold positions: of each two that name the same instruments the first has bought what the second sold."""
    before, sequence, touches = settled_state(8), 0, [Touch(0, trader(0).holder)]
    for account, instruments in sorted(pairs.items()):
        signed = []
        for slot, instrument in enumerate(instruments):
            sequence += 1
            order = trader(account).order(instrument=instrument, buy=account % 2 == 1, slot=40 + slot, quantity=1)
            signed.append(order.sealed(trader(account).seed, DOMAIN, sequence))
        touches.append(Touch(account, trader(account).holder, orders=tuple(signed)))
    context = Context(domain=DOMAIN, batch=2, last_void=0, time=1, fee_rate=30, num=5, den=4)
    after = before.clear(SealedBatch("dev", context, ROWS, tuple(touches))).state
    for account, instruments in pairs.items():
        leaf = after.leaf(account)
        assert leaf is not None
        assert tuple(position.instrument for position in leaf.positions) == instruments
    return after
