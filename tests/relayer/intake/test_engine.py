"""What the engine promises to whoever sends an order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from relayer import points
from relayer.auth import sign_cancel
from relayer.envelope import Envelope
from relayer.errors import StoreError
from relayer.intake import Acknowledged, Busy, Code, Engine, Refused
from relayer.intake import engine as intake_engine
from relayer.intake.acceptance import Limits
from relayer.intake.engine import Rhythm
from relayer.store import orders
from relayer.store.database import Database
from relayer.store.models import BatchState
from tests.relayer.intake.scene import DOMAIN, SIGNER, TERMS, UNKNOWN_INSTRUMENT, Stage, envelope, registration, trader

RECEIPTED, WAITING = "receipted", "waiting"


@asynccontextmanager
async def running(stage: Stage, rhythm: Rhythm | None = None) -> AsyncIterator[Engine]:
    """An engine that takes orders."""
    engine = stage.engine(rhythm)
    await engine.start()
    try:
        async with asyncio.timeout(20):
            while engine.reasons or engine.keys.current() is None:
                await asyncio.sleep(0.01)
        yield engine
    finally:
        await engine.stop()


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a test's coroutine."""
    asyncio.run(work())


async def refused(answer: Coroutine[Any, Any, object], code: Code) -> Refused:
    """The refusal that an answer is."""
    with pytest.raises(Refused) as caught:
        await answer
    assert caught.value.code is code
    return caught.value


def test_an_order_gets_a_receipt_that_binds_the_operator(database: Database) -> None:
    async def work() -> None:
        async with running(Stage(database)) as engine:
            signed = trader(1).signed(trader(1).order())
            made = await engine.submit(envelope(engine.keys, signed))
            assert (made.state, made.batch, made.sequence) == (RECEIPTED, 2, 1)
            assert made.receipt is not None
            digest = signed.order.hash(DOMAIN)
            assert made.hash == digest.to_bytes(32, "big")
            made.receipt.check(SIGNER.address, TERMS.separator, domain=DOMAIN, order=digest, account=1, batch=2)

    run(work)


def test_the_same_order_again_gets_the_same_answer_at_once_and_over_restarts(database: Database) -> None:
    stage = Stage(database)
    signed = trader(1).signed(trader(1).order())

    async def work() -> None:
        async with running(stage) as engine:
            answers = await asyncio.gather(*(engine.submit(envelope(engine.keys, signed)) for _ in range(8)))
            assert all(answer == answers[0] for answer in answers)
        async with running(stage) as engine:
            assert await engine.submit(envelope(engine.keys, signed)) == answers[0]

    run(work)


def test_rubbish_truncated_flipped_and_copied_envelopes_have_one_answer(database: Database) -> None:
    async def work() -> None:
        async with running(Stage(database)) as engine:
            good = envelope(engine.keys, trader(1).signed(trader(1).order()))
            flipped = bytes([good.ciphertext[0] ^ 1]) + good.ciphertext[1:]
            last = good.ciphertext[:-1] + bytes([good.ciphertext[-1] ^ 0x80])
            wrong = [
                replace(good, ciphertext=bytes(len(good.ciphertext))),
                replace(good, ciphertext=flipped),
                replace(good, ciphertext=last),
                replace(good, ciphertext=good.ciphertext[:-1]),
                replace(good, ciphertext=b""),
                replace(good, encapsulated=bytes(32)),
                replace(good, encapsulated=bytes([good.encapsulated[0] ^ 1]) + good.encapsulated[1:]),
                replace(good, first_batch=good.first_batch + 1),
                replace(good, last_batch=good.last_batch - 1),
            ]
            told = {str(await refused(engine.submit(each), Code.DECRYPTION_FAILED)) for each in wrong}
            assert len(told) == 1
            await refused(engine.submit(replace(good, key_id=bytes(8))), Code.UNKNOWN_KEY)
            assert (await engine.submit(good)).state == RECEIPTED

    run(work)


def test_a_full_queue_says_so_at_once(database: Database) -> None:
    async def work() -> None:
        async with running(Stage(database), rhythm=Rhythm(queue=4, group=2)) as engine:
            sent = envelope(engine.keys, trader(1).signed(trader(1).order()))
            answers = await asyncio.gather(*(engine.submit(sent) for _ in range(12)), return_exceptions=True)
            assert sum(isinstance(each, Busy) for each in answers) >= 8 - 2
            assert any(isinstance(each, Acknowledged) for each in answers)

    run(work)


def test_of_two_orders_racing_for_the_last_place_one_has_it_and_the_other_waits_or_is_told(database: Database) -> None:
    stage = Stage(database, limits=Limits(orders=1, accounts=50, waiting=100))

    async def work() -> None:
        async with running(stage) as engine:
            made = [envelope(engine.keys, trader(i).signed(trader(i).order())) for i in (1, 2)]
            answers = await asyncio.gather(*(engine.submit(each) for each in made))
            assert sorted(answer.state for answer in answers) == [RECEIPTED, WAITING]
            only_now = trader(3).signed(trader(3).order(last_batch=2))
            await refused(engine.submit(envelope(engine.keys, only_now)), Code.BATCH_FULL)

    run(work)


def test_waiting_orders_get_receipts_when_the_next_batch_opens_oldest_first(database: Database) -> None:
    stage = Stage(database)
    stage.close()

    async def work() -> None:
        async with running(stage) as engine:
            made = [trader(i).signed(trader(i).order(slot=i)) for i in (3, 1, 2)]
            short = trader(4).signed(trader(4).order(last_batch=3))
            for each in (*made, short):
                assert (await engine.submit(envelope(engine.keys, each))).state == WAITING
            stage.change(batch=4)
            stage.open_next()
            answers = [await receipted(engine, envelope(engine.keys, each)) for each in made]
            assert [(answer.batch, answer.sequence) for answer in answers] == [(4, 1), (4, 2), (4, 3)]
            await refused(engine.submit(envelope(engine.keys, short)), Code.CONFLICT)

    run(work)


def test_an_order_that_comes_as_soon_as_a_batch_is_open_gets_its_receipt_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(database)
    stage.close()

    async def work() -> None:
        async with running(stage) as engine:
            monkeypatch.setattr(intake_engine, "TICK_SECONDS", 60.0)
            waits = trader(1).signed(trader(1).order())
            assert (await engine.submit(envelope(engine.keys, waits))).state == WAITING
            stage.open_next()
            made = await engine.submit(envelope(engine.keys, trader(2).signed(trader(2).order())))
            assert (made.state, made.batch, made.sequence) == (RECEIPTED, 3, 2)
            assert (await engine.submit(envelope(engine.keys, waits))).sequence == 1

    run(work)


def test_an_order_for_the_batch_after_one_that_has_just_closed_is_not_called_expired(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(database)

    async def work() -> None:
        async with running(stage) as engine:
            assert (await engine.submit(envelope(engine.keys, trader(1).signed(trader(1).order())))).state == RECEIPTED
            monkeypatch.setattr(intake_engine, "TICK_SECONDS", 60.0)
            stage.close()
            early = trader(2).signed(trader(2).order(first_batch=3))
            assert await engine.check(envelope(engine.keys, early)) == []
            assert (await engine.submit(envelope(engine.keys, early))).state == WAITING
            stage.open_next()
            late = trader(3).signed(trader(3).order(first_batch=3))
            assert [(await engine.submit(envelope(engine.keys, each))).sequence for each in (late, early)] == [2, 1]
            later = trader(4).signed(trader(4).order(first_batch=4))
            await refused(engine.submit(envelope(engine.keys, later)), Code.EXPIRED)

    run(work)


def test_a_batch_that_closes_while_older_orders_get_their_receipts_costs_intake_nothing(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(database)
    stage.close()

    async def work() -> None:
        async with running(stage) as engine:
            made = [envelope(engine.keys, trader(i).signed(trader(i).order())) for i in (1, 2)]
            assert (await engine.submit(made[0])).state == WAITING
            stage.open_next()
            stage.set_batch(3, BatchState.CLOSING)  # and the view is not taken anew
            assert (await engine.submit(made[1])).state == WAITING
            assert not engine.reasons
            stage.change(open=None, batch=4)
            stage.open_next()
            assert [(await receipted(engine, each)).batch for each in made] == [4, 4]

    run(work)
    assert not [each for each in caplog.records if each.name == "relayer.intake"]


async def receipted(engine: Engine, sent: Envelope) -> Acknowledged:
    """The answer once there is a receipt."""
    async with asyncio.timeout(10):
        while (answer := await engine.submit(sent)).state != RECEIPTED:
            await asyncio.sleep(0.02)
    return answer


def test_a_waiting_order_is_cancelled_by_its_owner_alone_and_a_receipted_one_is_not(database: Database) -> None:
    stage = Stage(database)

    async def work() -> None:
        async with running(stage) as engine:
            owner, other = trader(1), trader(2)
            taken = await engine.submit(envelope(engine.keys, owner.signed(owner.order())))
            signature = sign_cancel(owner.seed, DOMAIN, int.from_bytes(taken.hash, "big"))
            await refused(engine.cancel(taken.id, owner.owner, signature), Code.CONFLICT)
            stage.close()
            await asyncio.sleep(0.5)
            waits = await engine.submit(envelope(engine.keys, owner.signed(owner.order(slot=1))))
            assert waits.state == WAITING
            value = int.from_bytes(waits.hash, "big")
            await refused(engine.cancel(waits.id, other.owner, sign_cancel(other.seed, DOMAIN, value)), Code.NOT_FOUND)
            await refused(
                engine.cancel(waits.id, owner.owner, sign_cancel(other.seed, DOMAIN, value)), Code.INVALID_SIGNATURE
            )
            await refused(engine.cancel(waits.id, owner.owner, signature), Code.INVALID_SIGNATURE)
            await engine.cancel(waits.id, owner.owner, sign_cancel(owner.seed, DOMAIN, value))
            await engine.cancel(waits.id, owner.owner, sign_cancel(owner.seed, DOMAIN, value))

    run(work)


def test_only_the_holder_of_the_lease_takes_orders(database: Database) -> None:
    stage = Stage(database)

    async def work() -> None:
        async with running(stage) as engine:
            second = stage.engine(holder="second")
            await second.start()
            await asyncio.sleep(0.3)
            sent = envelope(engine.keys, trader(1).signed(trader(1).order()))
            await refused(second.submit(sent), Code.NOT_LEADER)
            first = await engine.submit(sent)
            await engine.stop()
            async with asyncio.timeout(10):
                while second.reasons:
                    await asyncio.sleep(0.02)
            assert await second.submit(sent) == first
            await second.stop()

    run(work)


def test_a_registration_makes_an_owner_known_and_is_idempotent(database: Database) -> None:
    stage = Stage(database, accounts=3)
    newcomer = trader(9)

    async def work() -> None:
        async with running(stage) as engine:
            sent = registration(engine.keys, newcomer.holder)
            made = await engine.register(sent)
            assert (made.owner, made.account) == (newcomer.owner, None)
            assert await engine.register(registration(engine.keys, newcomer.holder)) == made
            await refused(engine.register(replace(sent, last_batch=1)), Code.DECRYPTION_FAILED)
            order = envelope(engine.keys, newcomer.signed(newcomer.order()))
            await refused(engine.submit(order), Code.UNKNOWN_ACCOUNT)
            stage.change(
                accounts={**stage.view.accounts, newcomer.holder.owner: newcomer.account},
                deposits={newcomer.account: 10**12},
            )
            await asyncio.sleep(0.5)
            assert (await engine.submit(order)).state == RECEIPTED

    run(work)


def test_a_commit_that_fails_is_told_and_the_same_order_is_taken_when_sent_again(database: Database) -> None:
    stage = Stage(database)

    def fail(reached: str) -> None:
        if reached == "intake.before-commit":
            points.install(None)
            raise StoreError("the disk is full")

    async def work() -> None:
        async with running(stage) as engine:
            sent = envelope(engine.keys, trader(1).signed(trader(1).order()))
            points.install(fail)
            told = await refused(engine.submit(sent), Code.NOT_READY)
            assert "disk" not in str(told)
            async with asyncio.timeout(10):
                while engine.reasons:
                    await asyncio.sleep(0.02)
            made = await receipted(engine, sent)
            assert made.sequence == 1

    run(work)


def test_who_does_not_wait_for_the_answer_loses_nothing(database: Database) -> None:
    stage = Stage(database)

    async def work() -> None:
        async with running(stage) as engine:
            sent = envelope(engine.keys, trader(1).signed(trader(1).order()))
            asking = asyncio.create_task(engine.submit(sent))
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            other = await engine.submit(envelope(engine.keys, trader(2).signed(trader(2).order())))
            assert (await engine.submit(sent)).sequence == 3 - (other.sequence or 0)

    run(work)


def test_check_tells_what_stands_against_an_order_and_stores_nothing(database: Database) -> None:
    async def work() -> None:
        async with running(Stage(database)) as engine:
            own = trader(1)
            wrong = own.order(instrument=UNKNOWN_INSTRUMENT, last_batch=1)
            found = await engine.check(envelope(engine.keys, own.signed(wrong)))
            assert [each.code for each in found] == [Code.EXPIRED, Code.UNKNOWN_INSTRUMENT]
            good = envelope(engine.keys, own.signed(own.order()))
            assert await engine.check(good) == []
            forged = envelope(engine.keys, own.signed(own.order(), seed=bytes(32)))
            assert [each.code for each in await engine.check(forged)] == [Code.INVALID_SIGNATURE]
            assert [each.code for each in await engine.check(replace(good, ciphertext=b""))] == [Code.DECRYPTION_FAILED]
        with Stage(database, fresh=False).database.read() as session:
            assert orders.last_position(session) == 0

    run(work)


def test_orders_of_a_batch_are_not_more_than_an_account_may_have_however_they_race(database: Database) -> None:
    async def work() -> None:
        async with running(Stage(database)) as engine:
            own = trader(1)
            sent = [envelope(engine.keys, own.signed(own.order(slot=at))) for at in range(5)]
            states = sorted([(await each).state for each in map(engine.submit, sent)])
            assert states == [RECEIPTED] * TERMS.sizes.orders + [WAITING] * (5 - TERMS.sizes.orders)

    run(work)
