"""Registrations, apart from orders: anybody can make them, at no cost, so they have a queue, a thread and a pace of their own.

A group of at most ``group`` is opened and stored in one commit, and between two commits are ``pause`` seconds: that is all that intake's
writes ever feel of them. A full queue is told at once (:class:`.Busy`). Who never deposits is forgotten by :mod:`relayer.store.retention`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from prover.orders import Holder
from relayer import points
from relayer.envelope import Envelope
from relayer.errors import StoreError
from relayer.intake.opening import Opener, packed_key
from relayer.intake.refusal import Busy, Code, Issue, Refused
from relayer.store import orders
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.watching import measures

logger = logging.getLogger("relayer.intake")

WORD: Final = 32


@dataclass(frozen=True, slots=True)
class Registered:
    """An owner that the operator can read, with its account once it has one."""

    owner: bytes
    account: int | None


@dataclass(frozen=True, slots=True)
class Pace:
    """Registrations that may wait (fewer than requests may be under way), that go into a commit, and seconds between two commits."""

    queue: int = 64
    group: int = 16
    pause: float = 0.1


@dataclass(slots=True, eq=False)
class _Waiting:
    envelope: Envelope
    answer: asyncio.Future[Registered]


class Registrations:
    """Makes holders known, in any process. Used from one event loop."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        opener: Opener,
        account: Callable[[int], int | None],
        pace: Pace | None = None,
    ) -> None:
        """``account``: the account that the chain gave to an owner word, as far as it is known here."""
        self._database, self._sealer, self._opener, self._account = database, sealer, opener, account
        self._pace = pace or Pace()
        self._queue: deque[_Waiting] = deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="registering")
        self._task: asyncio.Task[None] | None = None

    async def register(self, envelope: Envelope) -> Registered:
        """Stores the holder in an envelope; the same again changes nothing (:class:`.Refused`, :class:`.Busy`)."""
        if len(self._queue) >= self._pace.queue:
            measures.refused(Busy.code)
            raise Busy(len(self._queue))
        loop = asyncio.get_running_loop()
        waiting = _Waiting(envelope, loop.create_future())
        self._queue.append(waiting)
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._serve(), name="registering")
        return await waiting.answer

    async def stop(self) -> None:
        """Ends after the commit under way; who still waits is told to come again."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._pool.shutdown(wait=True)
        while self._queue:
            _refuse(self._queue.popleft(), _again())

    async def _serve(self) -> None:
        """Takes groups until nobody waits."""
        while self._queue:
            began = time.monotonic()
            group = [self._queue.popleft() for _ in range(min(len(self._queue), self._pace.group))]
            try:
                await self._take(group)
            finally:
                for each in group:
                    _refuse(each, _again())
            await asyncio.sleep(max(0.0, self._pace.pause - (time.monotonic() - began)))

    async def _take(self, group: Sequence[_Waiting]) -> None:
        asked = [each for each in group if not each.answer.done()]
        try:
            results = await asyncio.get_running_loop().run_in_executor(
                self._pool, self._store, [each.envelope for each in asked]
            )
        except StoreError as error:
            logger.warning("registrations wait for their database", extra={"code": error.code})
            return
        except Exception as error:  # noqa: BLE001 - whatever failed is this group's alone
            # Its text may hold what was being worked on.
            logger.error("registrations failed", extra={"code": type(error).__name__})
            return
        for each, result in zip(asked, results, strict=True):
            if isinstance(result, Refused):
                _refuse(each, result)
            elif not each.answer.done():
                each.answer.set_result(result)

    def _store(self, envelopes: Sequence[Envelope]) -> list[Registered | Refused]:
        opened = [self._opened(each) for each in envelopes]
        if all(isinstance(each, Refused) for each in opened):
            return [each for each in opened if isinstance(each, Refused)]
        points.reached("register.before-commit")
        with self._database.write() as session:
            found = [each if isinstance(each, Refused) else self._kept(session, *each) for each in opened]
        points.reached("register.after-commit")
        return found

    def _kept(self, session: Session, holder: Holder, packed: bytes) -> Registered:
        account = orders.register(session, self._sealer, holder, packed, self._account(holder.owner))
        return Registered(holder.owner.to_bytes(WORD, "big"), account)

    def _opened(self, envelope: Envelope) -> tuple[Holder, bytes] | Refused:
        try:
            holder = self._opener.registration(envelope)
            return holder, packed_key(holder)
        except Refused as refused:
            return refused


def _refuse(waiting: _Waiting, refused: Refused) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(refused)


def _again() -> Refused:
    return Refused(Issue(Code.NOT_READY, "the service failed at this: send the same again"))
