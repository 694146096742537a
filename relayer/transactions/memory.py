"""What a sender remembers from step to step, so that nothing is asked twice at one block and nothing concluded from one moment.

All of it may be lost: then a conclusion takes a few blocks longer. On a chain without new blocks time stands in for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from relayer.chain import Block

QUIET_SECONDS: Final = 30.0
"""After so long without a block a look counts as if there had been one."""


@dataclass
class _Noted:
    """What is remembered of one transaction."""

    seen: tuple[bytes, float] | None = None
    refused: tuple[int, float] | None = None
    refusals: int = 0
    disputed_since: int | None = None


@dataclass
class Memory:
    """Remembers transactions by id. ``clock`` in seconds."""

    clock: Callable[[], float] = time.monotonic
    _noted: dict[str, _Noted] = field(default_factory=dict)

    def seen_to(self, transaction: str, head: Block) -> bool:
        """Whether it was seen to at this very block, not long ago: what it rests on has not changed. Now it has been."""
        noted, now = self._of(transaction), self.clock()
        seen = noted.seen is not None and noted.seen[0] == head.hash and now - noted.seen[1] < QUIET_SECONDS
        if not seen:
            noted.seen = head.hash, now
        return seen

    def look_again(self, transaction: str | None = None) -> None:
        """One (all if None) could not be seen to after all."""
        for noted in self._noted.values() if transaction is None else [self._of(transaction)]:
            noted.seen = None

    def refused(self, transaction: str, head: Block) -> int:
        """Notes that simulation refuses it now; at how many blocks it has."""
        noted, now = self._of(transaction), self.clock()
        before = noted.refused
        if before is None or before[0] != head.number or now - before[1] >= QUIET_SECONDS:
            noted.refused, noted.refusals = (head.number, now), noted.refusals + 1
        return noted.refusals

    def accepted(self, transaction: str) -> None:
        """Notes that simulation does not refuse it."""
        noted = self._of(transaction)
        noted.refused, noted.refusals = None, 0

    def disputed(self, transaction: str, head: Block) -> int:
        """Notes that endpoints contradict each other on it; since how many blocks."""
        noted = self._of(transaction)
        if noted.disputed_since is None:
            noted.disputed_since = head.number
        return head.number - noted.disputed_since

    def undisputed(self, transaction: str) -> None:
        """Notes that they do not."""
        self._of(transaction).disputed_since = None

    def is_disputed(self, transaction: str) -> bool:
        """Whether they did when last asked."""
        return self._of(transaction).disputed_since is not None

    def forget(self, transaction: str) -> None:
        """Drops what is remembered of it."""
        self._noted.pop(transaction, None)

    def _of(self, transaction: str) -> _Noted:
        return self._noted.setdefault(transaction, _Noted())
