"""What the interface calls: requests wait in a bounded queue, a group at a time is opened, judged, stored in one commit and answered.

Only the holder of the lease ``intake`` takes orders; every other process answers NOT_LEADER, and one of them goes on when the lease runs
out. An answer is given after the commit that stores it. A full queue is told at once (:class:`.Busy`), so memory is bounded by its length.
How a group is judged and numbered is :mod:`.acceptance`'s; registrations have a queue of their own (:mod:`.registering`).
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from relayer.envelope import Envelope
from relayer.errors import LeaseLost, StoreError
from relayer.intake.acceptance import Acceptance, Acknowledged, Answer, Candidate
from relayer.intake.cancels import Cancel, carry_out
from relayer.intake.keys import KeyRing
from relayer.intake.opening import Opener, Request
from relayer.intake.refusal import Busy, Code, Issue, Refused, Unready
from relayer.intake.registering import Pace, Registered, Registrations
from relayer.intake.view import View
from relayer.store.database import Database
from relayer.store.leases import Lease, Leases
from relayer.watching import measures

logger = logging.getLogger("relayer.intake")

LEASE: Final = "intake"
TICK_SECONDS: Final = 0.2
"""Between two looks at batches and chain while nothing comes in."""
ROTATE_SECONDS: Final = 5.0
T = TypeVar("T")


class Views(Protocol):
    """Where views come from (:class:`relayer.intake.views.StoredViews`)."""

    def version(self) -> object:
        """Something that differs whenever :meth:`load` would give another view; cheap."""

    def load(self) -> View | None:
        """The vault now; None while it cannot be told."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What stands against an order now; its hash (32 bytes) and owner if its envelope opened and its signature holds."""

    issues: list[Issue]
    hash: bytes | None = None
    owner: int | None = None


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How much at once: requests that may wait, orders in a commit, threads that open envelopes; seconds of the lease."""

    queue: int = 1_024
    group: int = 256
    threads: int = 2
    lease_seconds: float = 15.0
    renew_seconds: float = 5.0


@dataclass(slots=True, eq=False)
class _Waiting:
    """A request in the queue. ``store``: False to be told only what stands against it."""

    request: Request
    answer: asyncio.Future[Any]
    store: bool = True


@dataclass(slots=True, eq=False)
class _Cancel:
    """A cancel in the queue."""

    cancel: Cancel
    answer: asyncio.Future[Any]


class Engine:
    """Takes orders while this process holds the lease."""

    def __init__(
        self,
        *,
        database: Database,
        leases: Leases,
        keys: KeyRing,
        views: Views,
        opener: Opener,
        acceptance: Acceptance,
        rhythm: Rhythm | None = None,
        rate: Callable[[str], float] | None = None,
        pace: Pace | None = None,
    ) -> None:
        """``rate``: takes one order of an owner (by its word in digits) into account; seconds until it may come, 0 if it may now.
        ``pace``: of registrations.
        """
        self._rate = rate
        self.database, self.leases, self.keys = database, leases, keys
        self.views, self.opener, self.acceptance = views, opener, acceptance
        self.rhythm = rhythm or Rhythm()
        self.view: View | None = None
        self._queue: deque[_Waiting | _Cancel] = deque()
        self._arrived = asyncio.Event()
        self._pool = ThreadPoolExecutor(self.rhythm.threads + 1, thread_name_prefix="intake")
        self._task: asyncio.Task[None] | None = None
        self._lease: Lease | None = None
        self._version: object = None
        self._promoted: int | None = None
        self._registrations = Registrations(database, acceptance.sealer, opener, self._account_of, pace)

    # ---- what the interface calls

    async def submit(self, envelope: Envelope, idempotency_key: str | None = None) -> Acknowledged:
        """Stores an order; its receipt, or none while it waits. It is on disk when this returns.

        :class:`Refused` says why not; :class:`Busy` that nothing was looked at.
        """
        answer: Acknowledged = await self._ask(_Waiting(Request(envelope, idempotency_key), self._future()))
        return answer

    async def check(self, envelope: Envelope) -> list[Issue]:
        """Everything that stands against an order now; nothing is stored."""
        return (await self.look(envelope)).issues

    async def look(self, envelope: Envelope) -> Looked:
        """The same with the order's hash, which shows an owner whose hash is another what went wrong."""
        looked: Looked = await self._ask(_Waiting(Request(envelope), self._future(), store=False))
        return looked

    async def cancel(self, order: str, owner: bytes, signature: bytes) -> None:
        """Ends a waiting order for its owner: NOT_FOUND if the owner has none of this id, INVALID_SIGNATURE, CONFLICT if it has a
        receipt.
        """
        await self._ask(_Cancel(Cancel(order, owner, signature), self._future()))

    async def register(self, envelope: Envelope) -> Registered:
        """Makes an owner known to the operator; the same again changes nothing. Any process does it."""
        return await self._registrations.register(envelope)

    @property
    def reasons(self) -> tuple[Unready, ...]:
        """Why orders are not taken here; none if they are."""
        if self._lease is None:
            return (Unready("intake_elsewhere", "another process takes orders"),)
        return () if self.view is not None else (Unready("vault_unread", "the vault is not read yet"),)

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether the next request is told to come again."""
        return len(self._queue) >= self.rhythm.queue

    # ---- running

    async def start(self) -> None:
        """Begins to take orders as soon as the lease is free."""
        self._task = asyncio.get_running_loop().create_task(self._serve(), name="intake")

    async def stop(self) -> None:
        """Ends after the group under way, gives the lease up, refuses what still waits."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._lease is not None:
            lease, self._lease = self._lease, None
            await self._run(self.leases.release, lease)
        self._refuse_all()
        await self._registrations.stop()
        self._pool.shutdown(wait=True)

    async def _serve(self) -> None:
        while True:
            try:
                self._lease = await self._run(self.leases.acquire, LEASE, self.rhythm.lease_seconds)
                if self._lease is not None:
                    await self._lead()
            except LeaseLost:
                logger.warning("the lease of intake has gone to another process")
            except StoreError as error:
                logger.warning("intake waits for its database", extra={"code": error.code})
            except Exception as error:  # noqa: BLE001 - whatever failed, the next group is begun from what is stored
                # Its text may hold what was being worked on.
                logger.error("intake starts again", extra={"code": type(error).__name__})
            self._lease = None
            self._refuse_all()
            await asyncio.sleep(TICK_SECONDS)

    async def _lead(self) -> None:
        """Takes groups until the lease is lost."""
        self.acceptance.forget()
        self._version, self._promoted = None, None
        renewed = rotated = looked = -1e9
        while self._lease is not None:
            now = time.monotonic()
            if now - renewed >= self.rhythm.renew_seconds:
                self._lease, renewed = await self._run(self.leases.renew, self._lease, self.rhythm.lease_seconds), now
            if now - rotated >= ROTATE_SECONDS:
                await self._run(self.keys.rotate, self._lease)
                rotated = now
            # Somebody may have been told that a batch is open, and is here at once: no order waits that need not.
            if now - looked >= TICK_SECONDS or (self._queue and (self.view is None or self.view.open is None)):
                await self._look()
                looked = now
            await self._promote(self._lease)
            if self._queue:
                await self._next_group(self._lease)
            else:
                await self._pause()

    async def _pause(self) -> None:
        self._arrived.clear()
        if self._promoted is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), TICK_SECONDS)

    async def _look(self) -> None:
        """Takes the view anew if anything has moved on."""
        version = await self._run(self.views.version)
        if version == self._version and self.view is not None:
            return
        view = await self._run(self.views.load)
        if view is None:
            return
        before, self.view, self._version = self.view, view, version
        self._promoted = 0
        if before is not None and goes_back(before, view):
            self.acceptance.forget()
        else:
            self.acceptance.settle(view.fixed)

    async def _promote(self, lease: Lease) -> None:
        """Gives older orders the receipts that they wait for, some at a time: newer ones get none before all have had their turn."""
        if self._promoted is None or self.view is None:
            return
        self._promoted = await self._run(self.acceptance.promote, lease, self.view, self._promoted, self.rhythm.group)

    # ---- a group

    async def _reaching(self, lease: Lease, view: View, candidates: Sequence[Candidate]) -> View:
        """The view to judge orders by: taken anew for a window that begins behind it. What tells clients the next batch reads the
        database itself, so that somebody may know of it before this process has looked.
        """
        if all(each.signed.order.first_batch <= view.batch for each in candidates):
            return view
        await self._look()
        await self._promote(lease)
        return self.view or view

    async def _next_group(self, lease: Lease) -> None:
        group = [self._queue.popleft() for _ in range(min(len(self._queue), self.rhythm.group))]
        measures.INTAKE_QUEUE.set(len(self._queue))
        try:
            if self.view is None:
                raise _not_ready("the vault is not read yet")
            await self._take(lease, self.view, [each for each in group if isinstance(each, _Waiting)])
            for each in group:
                if isinstance(each, _Cancel):
                    await self._cancel(lease, self.view, each)
        except Refused as refused:
            _fail(group, refused)
        except LeaseLost:
            _fail(group, _not_leader())
            raise
        except StoreError:
            _fail(group, _not_ready("the database does not answer: send the same again"))
            raise
        except BaseException:
            _fail(group, _not_ready("the service failed at this: send the same again"))
            raise

    async def _take(self, lease: Lease, view: View, group: Sequence[_Waiting]) -> None:
        """Opens, judges, stores and answers."""
        opened = await self._open([each.request for each in group])
        view = await self._reaching(lease, view, [each for each in opened if isinstance(each, Candidate)])
        judged: list[tuple[_Waiting, Candidate]] = []
        for each, result in zip(group, opened, strict=True):
            if not isinstance(result, Candidate):
                _answer(each, result, None)
            elif each.store and (wait := self._wait(result)) is not None:
                _answer(each, wait, result.signed.owner)
            else:
                judged.append((each, result))
        stored = [(each, candidate) for each, candidate in judged if each.store]
        if stored:
            hold, candidates = self._promoted is not None, [candidate for _, candidate in stored]
            answers = await self._run(lambda: self.acceptance.take(lease, view, candidates, hold=hold))
            measures.INTAKE_GROUP.observe(len(candidates))
            for (each, candidate), answer in zip(stored, answers, strict=True):
                _answer(each, answer, candidate.signed.owner)
        for each, candidate in judged:
            if not each.store and not each.answer.done():
                issues = await self._run(self.acceptance.judge, view, candidate)
                each.answer.set_result(Looked(issues, candidate.hash, candidate.signed.owner))

    def _wait(self, candidate: Candidate) -> Issue | None:
        """What an owner is told who sends more than it may: counted once the signature is known to be its own."""
        seconds = 0.0 if self._rate is None else self._rate(candidate.owner.hex())
        if not seconds:
            return None
        wait = max(1, math.ceil(seconds))
        return Issue(Code.RATE_LIMITED, f"too many orders of one owner: try again in {wait} s", {"retry_after": wait})

    async def _open(self, requests: Sequence[Request]) -> list[Candidate | Issue]:
        """Opens the envelopes, in as many threads as are worth it."""
        parts = min(self.rhythm.threads, 1 + len(requests) // 16)
        bounds = [len(requests) * part // parts for part in range(parts + 1)]
        slices = [requests[bounds[part] : bounds[part + 1]] for part in range(parts)]
        results = await asyncio.gather(*(self._run(self.opener.open_all, each) for each in slices))
        return [each for part in results for each in part]

    async def _cancel(self, lease: Lease, view: View, cancel: _Cancel) -> None:
        if cancel.answer.done():
            return
        issue = await self._run(carry_out, self.database, self.acceptance, lease, view, cancel.cancel)
        if cancel.answer.done():
            return
        if issue is None:
            cancel.answer.set_result(None)
        else:
            cancel.answer.set_exception(Refused(issue, int.from_bytes(cancel.cancel.owner, "big")))

    # ---- small things

    def _account_of(self, owner: int) -> int | None:
        return None if self.view is None else self.view.accounts.get(owner)

    def _future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    async def _ask(self, waiting: _Waiting | _Cancel) -> Any:  # noqa: ANN401 - as the request's kind has it
        if self._lease is None:
            raise _not_leader()
        if self.full:
            measures.refused(Busy.code)
            raise Busy(len(self._queue))
        self._queue.append(waiting)
        self._arrived.set()
        since = time.perf_counter()
        try:
            return await waiting.answer
        finally:
            measures.INTAKE_SECONDS.observe(time.perf_counter() - since)

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)

    def _refuse_all(self) -> None:
        waiting, self._queue = list(self._queue), deque()
        _fail(waiting, _not_leader())


def goes_back(before: View, after: View) -> bool:
    """Whether batches were taken back or given up between two views, so that stored orders have changed under the book."""
    return after.fixed < before.fixed or after.last_void != before.last_void or after.lost != before.lost


def _answer(waiting: _Waiting, answer: Answer, owner: int | None) -> None:
    if waiting.answer.done():
        return  # nobody waits any more
    if not isinstance(answer, Issue):
        measures.accepted(answer.state)
        waiting.answer.set_result(answer)
    elif waiting.store:
        measures.refused(answer.code)
        waiting.answer.set_exception(Refused(answer, owner))
    else:
        waiting.answer.set_result(Looked([answer]))


def _fail(group: Sequence[_Waiting | _Cancel], refused: Refused) -> None:
    for each in group:
        if not each.answer.done():
            each.answer.set_exception(refused)


def _not_leader() -> Refused:
    return Refused(Issue(Code.NOT_LEADER, "another process takes orders now: try again"))


def _not_ready(why: str) -> Refused:
    return Refused(Issue(Code.NOT_READY, why))
