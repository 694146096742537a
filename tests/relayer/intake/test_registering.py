"""Registrations, which anybody can make, take nothing from those who send orders."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import delete, select

from relayer import points
from relayer.errors import StoreError
from relayer.intake import Busy, Code, Engine, Refused, Registered, opening
from relayer.intake.registering import Pace
from relayer.store.database import Database
from relayer.store.models import Holder
from relayer.store.orders import REFRESHED
from tests.relayer.intake.scene import Stage, envelope, registration, trader

RECEIPTED = "receipted"
STORING, STORED = "register.before-commit", "register.after-commit"


@asynccontextmanager
async def running(stage: Stage, pace: Pace | None = None) -> AsyncIterator[Engine]:
    """An engine that takes orders."""
    engine = stage.engine(pace=pace)
    await engine.start()
    try:
        async with asyncio.timeout(20):
            while engine.reasons or engine.keys.current() is None:
                await asyncio.sleep(0.01)
        yield engine
    finally:
        await engine.stop()


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


@pytest.fixture
def hooked() -> Iterator[Callable[[Callable[[str], None]], None]]:
    """Installs what is called at every point, for a test."""
    yield points.install
    points.install(None)


def test_orders_get_receipts_while_registrations_hang(
    database: Database, hooked: Callable[[Callable[[str], None]], None]
) -> None:
    go_on = threading.Event()

    def hang(name: str) -> None:
        if name == STORING:
            go_on.wait(30)

    hooked(hang)

    async def work() -> None:
        async with running(Stage(database)) as engine:
            hanging = [
                asyncio.create_task(engine.register(registration(engine.keys, trader(9 + n).holder))) for n in range(8)
            ]
            try:
                await asyncio.sleep(0.3)
                async with asyncio.timeout(10):
                    made = await engine.submit(envelope(engine.keys, trader(1).signed(trader(1).order())))
                assert made.state == RECEIPTED
                assert not any(each.done() for each in hanging)
            finally:
                go_on.set()
            assert {(await each).owner for each in hanging} == {trader(9 + n).owner for n in range(8)}

    run(work)


def test_registrations_have_a_pace_and_a_queue_with_an_end(
    database: Database, hooked: Callable[[Callable[[str], None]], None]
) -> None:
    commits: list[float] = []
    hooked(lambda name: commits.append(time.monotonic()) if name == STORED else None)

    async def work() -> None:
        async with running(Stage(database), Pace(queue=8, group=4, pause=0.3)) as engine:
            sent = [registration(engine.keys, trader(9 + n).holder) for n in range(20)]
            answers = await asyncio.gather(*(engine.register(each) for each in sent), return_exceptions=True)
            assert sum(isinstance(each, Registered) for each in answers) == 8
            assert sum(isinstance(each, Busy) for each in answers) == 12
            assert len(commits) == 2
            assert commits[1] - commits[0] >= 0.25
            assert (await engine.register(sent[-1])).owner == trader(28).owner

    run(work)


def test_a_wrong_registration_is_told_and_takes_none_with_it(database: Database) -> None:
    async def work() -> None:
        async with running(Stage(database)) as engine:
            good = registration(engine.keys, trader(9).holder)
            order = envelope(engine.keys, trader(1).signed(trader(1).order()))
            answers = await asyncio.gather(
                engine.register(order), engine.register(good), engine.register(order), return_exceptions=True
            )
            assert [each.code if isinstance(each, Refused) else None for each in answers] == [
                Code.DECRYPTION_FAILED,
                None,
                Code.DECRYPTION_FAILED,
            ]

    run(work)


def test_a_commit_that_fails_is_told_and_the_next_one_is_not_harmed(
    database: Database, hooked: Callable[[Callable[[str], None]], None]
) -> None:
    failing = [StoreError("no space left"), ValueError("918273645546")]

    def fail(name: str) -> None:
        if name == STORING and failing:
            raise failing.pop()

    hooked(fail)

    async def work() -> None:
        async with running(Stage(database)) as engine:
            sent = registration(engine.keys, trader(9).holder)
            for _ in range(2):
                with pytest.raises(Refused, match="send the same again") as refused:
                    await engine.register(sent)
                assert refused.value.code is Code.NOT_READY
            assert (await engine.register(sent)).owner == trader(9).owner

    run(work)


def test_who_waits_when_the_service_stops_is_told(database: Database) -> None:
    async def work() -> None:
        async with running(Stage(database), Pace(group=1, pause=30)) as engine:
            waiting = [
                asyncio.create_task(engine.register(registration(engine.keys, trader(9 + n).holder))) for n in range(3)
            ]
            await waiting[0]
        answers = await asyncio.gather(*waiting[1:], return_exceptions=True)
        assert [each.code for each in answers if isinstance(each, Refused)] == 2 * [Code.NOT_READY]

    run(work)


def test_the_keys_of_owners_that_are_remembered_are_bounded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "REMEMBERED", 2)

    async def work() -> None:
        async with running(Stage(database)) as engine:
            for slot in range(2):
                for number in range(1, 6):
                    sent = envelope(engine.keys, trader(number).signed(trader(number).order(slot=slot)))
                    assert (await engine.submit(sent)).state == RECEIPTED
                    assert len(engine.opener._holders) <= 2

    run(work)


def test_an_owner_whose_registration_was_forgotten_is_told_to_register_again(database: Database) -> None:
    stage, newcomer = Stage(database), trader(9)

    async def work() -> None:
        async with running(stage) as engine:
            sent = registration(engine.keys, newcomer.holder)
            await engine.register(sent)
            order = envelope(engine.keys, newcomer.signed(newcomer.order()))
            with pytest.raises(Refused) as refused:
                await engine.submit(order)
            assert refused.value.code is Code.UNKNOWN_ACCOUNT
            with database.write() as session:
                session.execute(delete(Holder).where(Holder.owner == newcomer.owner))
            accounts = {**stage.view.accounts, newcomer.holder.owner: newcomer.account}
            stage.change(accounts=accounts, deposits={newcomer.account: 10**12})
            await asyncio.sleep(0.5)
            with pytest.raises(Refused, match="POST /v1/accounts") as refused:
                await engine.submit(order)
            assert refused.value.code is Code.UNKNOWN_ACCOUNT
            assert (await engine.register(sent)).account == newcomer.account
            assert (await engine.submit(order)).state == RECEIPTED

    run(work)


def test_who_registers_again_is_not_forgotten_for_another_while(database: Database) -> None:
    def since() -> int:
        with database.read() as session:
            return session.scalars(select(Holder.created_at).where(Holder.owner == trader(9).owner)).one()

    async def work() -> None:
        async with running(Stage(database)) as engine:
            sent = registration(engine.keys, trader(9).holder)
            await engine.register(sent)
            first = since()
            with database.write() as session:
                session.query(Holder).filter(Holder.owner == trader(9).owner).update({Holder.created_at: 1})
            await engine.register(sent)
            assert first - REFRESHED < since() <= first + 60_000

    run(work)
