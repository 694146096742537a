"""Challenges that owners sign to be known, given without being kept.

A challenge holds its end and a random number, and a code over both and the owner's word under a key that every process with the same
database key derives. So asking costs no write, nobody's asking keeps others from it, and any process may judge what another gave.
That each is used once is left to who makes a session of it (:func:`relayer.store.sessions.use_challenge`).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from functools import cached_property
from typing import Final

from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer

PURPOSE: Final = "auth.challenges"
END: Final = slice(1, 7)
BODY: Final = slice(1, 16)
CODE: Final = slice(16, 32)
END_BYTES: Final = 6
RANDOM_BYTES: Final = 9
CODE_BYTES: Final = 16
WORD: Final = 32


class Challenges:
    """Gives challenges of 32 bytes, field elements since the first is 0: end (ms, 6 bytes), 9 random bytes, 16 bytes of HMAC-SHA256."""

    def __init__(self, sealer: Sealer, seconds: int, clock: Callable[[], int] = now_ms) -> None:
        """``seconds``: how long a challenge may be answered."""
        self._sealer, self._seconds, self._clock = sealer, seconds, clock

    def give(self, owner: bytes) -> tuple[bytes, int]:
        """A challenge for an owner word, and its end (ms)."""
        end = self._clock() + 1000 * self._seconds
        body = end.to_bytes(END_BYTES, "big") + secrets.token_bytes(RANDOM_BYTES)
        return b"\0" + body + self._code(owner, body), end

    def end_of(self, owner: bytes, challenge: bytes) -> int | None:
        """When a challenge ends (ms); None if it was not given for this owner here, or is over."""
        given = len(challenge) == WORD and challenge[0] == 0
        if not given or not hmac.compare_digest(self._code(owner, challenge[BODY]), challenge[CODE]):
            return None
        end = int.from_bytes(challenge[END], "big")
        return end if end > self._clock() else None

    @cached_property
    def _key(self) -> bytes:
        return self._sealer.derived(PURPOSE)

    def _code(self, owner: bytes, body: bytes) -> bytes:
        return hmac.digest(self._key, owner + body, "sha256")[:CODE_BYTES]
