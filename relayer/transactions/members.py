"""Several endpoints asked at the same time, each in a thread of its own, so that one that hangs holds up nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from relayer.chain import Chain
from relayer.errors import RevertedError, RpcError

T = TypeVar("T")

GRACE: Final = 1.0
"""Seconds beyond an endpoint's own time-out that its thread is waited for."""


@dataclass(frozen=True, slots=True)
class Vote(Generic[T]):
    """What an endpoint answered, or why not."""

    answer: T | None
    error: RpcError | RevertedError | None = None

    @property
    def key(self) -> object:
        """What must be the same for two endpoints to agree."""
        return (self.error.name,) if isinstance(self.error, RevertedError) else (self.answer, None)


class Member:
    """One endpoint and the thread that asks it."""

    def __init__(self, chain: Chain, place: int, timeout: float) -> None:
        self.chain, self.label, self.timeout = chain, f"{chain.name}#{place}", timeout
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"endpoint-{place}")
        self._last: Future[object] | None = None
        self._asked = 0.0

    def ask(self, question: Callable[[Chain], T]) -> Future[T]:
        """Asks in the endpoint's thread; while an earlier question hangs there, the answer is that it is silent."""
        if self._last is not None and not self._last.done() and time.monotonic() - self._asked > self.timeout:
            hanging: Future[T] = Future()
            hanging.set_exception(RpcError(f"{self.chain.name} does not answer", {"endpoint": self.chain.name}))
            return hanging
        asked = self._thread.submit(question, self.chain)
        self._last, self._asked = asked, time.monotonic()  # type: ignore[assignment]
        return asked

    def close(self) -> None:
        """Ends thread and connections."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.chain.close()


class Members(tuple[Member, ...]):
    """The endpoints, by their place in the settings."""

    def each(
        self, places: Sequence[int], question: Callable[[Chain], T], failed: Callable[[RpcError | RevertedError], T]
    ) -> dict[int, T]:
        """Asks endpoints at the same time; what failed in each place of an endpoint that did not answer."""
        asked = {place: self[place].ask(question) for place in places}
        wait = max((self[place].timeout for place in places), default=0.0) + GRACE
        end, answers = time.monotonic() + wait, dict[int, T]()
        for place, future in asked.items():
            try:
                answers[place] = future.result(max(0.0, end - time.monotonic()))
            except (RpcError, RevertedError) as error:
                answers[place] = failed(error)
            except NotInTime:
                name = self[place].chain.name
                answers[place] = failed(RpcError(f"{name} does not answer in time", {"endpoint": name}))
        return answers
