"""Tells addresses events: in order, signed, again and again until they take them.

A delivery is ``POST`` with the JSON ``{"id", "channel", "seq", "at", "data"}`` and ``Tacit-Signature: t=SECONDS,v1=HEX``, an HMAC-SHA256
under the webhook's secret of ``SECONDS.BODY``. Any answer 2xx takes it; anything else, and silence, is tried again after a time that
doubles up to an hour. What was told is noted after it was taken, so an event may come twice and never not at all: ``id`` is the same then.
Addresses are checked at each connection (:mod:`.outgoing`). One process delivers: the holder of the lease ``webhooks``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Final

import httpx

from relayer.api.forms import at
from relayer.api.outgoing import Outgoing
from relayer.errors import OutgoingError
from relayer.store import events, webhooks
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.events import Told
from relayer.store.leases import Lease
from relayer.store.webhooks import Hook

logger = logging.getLogger("relayer.webhooks")

LEASE: Final = "webhooks"
AT_ONCE: Final = 20
"""Events that one address is told in a step: a slow one does not keep the others waiting."""
FIRST_MS: Final = 2_000
LONGEST_MS: Final = 3_600_000
MOST_DOUBLINGS: Final = 16
TURN_TIMEOUTS: Final = 2
"""Timeouts that a step waits for those that it tells; later ones go on beside the next steps."""
HEADER: Final = "Tacit-Signature"
TAKEN: Final = range(200, 300)


class _Turn(threading.Thread):
    """What one address is told, in a thread: one that answers a byte a minute keeps no other waiting."""

    def __init__(self, tell: Callable[[Hook, Lease | None], bool], hook: Hook, lease: Lease | None) -> None:
        super().__init__(name="webhook", daemon=True)
        self._tell, self._hook, self._lease = tell, hook, lease
        self._told = False
        self._error: Exception | None = None

    def run(self) -> None:
        """Tells it."""
        try:
            self._told = self._tell(self._hook, self._lease)
        except Exception as error:  # noqa: BLE001 - raised again where the turn is looked at
            self._error = error

    def worked(self) -> bool:
        """Whether it was told anything; a turn that is not over has begun to."""
        if self.is_alive():
            return True
        if self._error is not None:
            raise self._error
        return self._told


class Deliverer:
    """Delivers what is due. ``outcome`` is told of each try: ``delivered`` or ``failed``."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        outgoing: Outgoing,
        timeout: float = 5.0,
        outcome: Callable[[str], object] = lambda _: None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._database, self._sealer, self._outgoing = database, sealer, outgoing
        self._timeout, self._outcome, self._clock = timeout, outcome, clock
        self._under_way: dict[str, _Turn] = {}

    def step(self, lease: Lease | None = None) -> bool:
        """Tells each address that is due what it has not been told; whether anything was. :class:`relayer.errors.LeaseLost` when another
        process delivers now.
        """
        with self._database.read() as session:
            hooks = [webhooks.opened(self._sealer, row) for row in webhooks.due(session, self._clock())]
        self._under_way = {name: turn for name, turn in self._under_way.items() if turn.is_alive()}
        turns = {hook.id: _Turn(self._tell, hook, lease) for hook in hooks if hook.id not in self._under_way}
        for turn in turns.values():
            turn.start()
        end = time.monotonic() + TURN_TIMEOUTS * self._timeout
        for turn in turns.values():
            turn.join(max(0.0, end - time.monotonic()))
        self._under_way |= turns
        worked = [turn.worked() for turn in turns.values()]  # each is asked: an error of any ends the step
        return any(worked)

    def _tell(self, hook: Hook, lease: Lease | None) -> bool:
        with self._database.read() as session:
            told = events.since(session, hook.delivered_seq, channels=hook.channels, limit=AT_ONCE)
        if not told:
            return False
        reached, taken = hook.delivered_seq, True
        with self._outgoing.client(self._timeout) as client:
            for each in told:
                taken = self._deliver(client, hook, each)
                self._outcome("delivered" if taken else "failed")
                if not taken:
                    break
                reached = each.seq
        with self._database.write() as session:
            if lease is not None:
                lease.check(session)
            if reached > hook.delivered_seq:
                webhooks.delivered(session, hook.id, reached)
            if not taken:
                failures = hook.failures if reached == hook.delivered_seq else 0
                webhooks.failed(session, hook.id, self._clock() + pause(failures))
        return True

    def _deliver(self, client: httpx.Client, hook: Hook, told: Told) -> bool:
        """One try."""
        content = body(hook.id, told)
        headers = {HEADER: signature(hook.secret, content, self._clock() // 1000), "Content-Type": "application/json"}
        try:
            # Of the answer only the status counts: its body is not read.
            with client.stream("POST", hook.url, content=content, headers=headers) as answer:
                return answer.status_code in TAKEN
        except (httpx.HTTPError, OutgoingError, OSError) as error:
            logger.info("webhook not delivered", extra={"error": type(error).__name__})
            return False


def body(webhook: str, told: Told) -> bytes:
    """What is sent of an event. ``id`` is the same each time it is sent."""
    document = {
        "id": f"{webhook}.{told.seq}",
        "channel": told.channel,
        "seq": told.number,
        "at": at(told.at),
        "data": told.payload,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: bytes, content: bytes, seconds: int) -> str:
    """The header of a delivery."""
    signed = hmac.new(secret, f"{seconds}.".encode() + content, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={signed}"


def pause(failures: int) -> int:
    """Milliseconds until the next try after so many failures before, up to a quarter more by chance."""
    base: int = min(LONGEST_MS, FIRST_MS << min(failures, MOST_DOUBLINGS))
    return base + random.SystemRandom().randrange(base // 4)
