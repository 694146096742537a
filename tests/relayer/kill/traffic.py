"""Traders who never stop: each sends an order, waits for its answer as long as it takes, and keeps what was promised.

An order whose answer was lost is sent again as it is, for as long as it takes: what is answered then must be what was stored.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from relayer.envelope import Envelope
from tests.relayer.serving.relayer import CONTRACT, DOLLAR, Relayer
from tests.relayer.venue import Owner

AGAIN: Final = ("BUSY", "NOT_LEADER", "NOT_READY", "RATE_LIMITED")
"""Codes that say nothing about the order."""
FULL: Final = "BATCH_FULL"
SLOTS: Final = 64
PAUSE: Final = 0.2
REST: Final = 10.0


@dataclass
class Acknowledged:
    """What a trader was answered."""

    trader: str
    id: str
    batch: int | None
    sequence: int | None
    receipt: Any


@dataclass
class Traffic:
    """All traders' orders, one after another, from a thread."""

    relayer: Relayer
    owners: Sequence[Owner]
    acknowledged: list[Acknowledged] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sent, self._rests = [0] * len(self.owners), [0.0] * len(self.owners)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        place = 0
        while not self._stop.wait(PAUSE):
            if time.monotonic() >= self._rests[place % len(self.owners)]:
                self._send(place % len(self.owners))
            place += 1

    def _send(self, place: int) -> None:
        """One order to its end; the key may be gone for as long as the service is down."""
        owner, number = self.owners[place], self._sent[place]
        buy = (place + number) % 2 == 0
        fields = {"instrument": 3, "quantity": CONTRACT, "buy": buy, "limit": (101 if buy else 99) * DOLLAR}
        nonce = {"epoch": number // SLOTS, "slot": number % SLOTS}
        envelope: Envelope | None = None
        lost = False
        while True:
            if self._stop.is_set() and envelope is None:
                return
            try:
                envelope = envelope or self.relayer.order(owner, **fields, **nonce)
                answer = self.relayer.post("/v1/orders", envelope)
            except (httpx.TransportError, KeyError, IndexError):
                lost = envelope is not None
                time.sleep(PAUSE)
                continue
            if answer.status_code in (201, 202):
                self._sent[place] += 1
                # Orders that wait for a later batch are let be, so that few of them are left at the end.
                self._rests[place] = time.monotonic() + (REST if answer.status_code == 202 else 0.0)
                told = answer.json()
                self.acknowledged.append(
                    Acknowledged(owner.name, told["id"], told.get("batch"), told.get("sequence"), told.get("receipt"))
                )
                return
            code = answer.json().get("code")
            if code == FULL and not lost:
                return
            if code not in (*AGAIN, FULL):
                self.wrong.append(f"{owner.name} order {number}: {answer.status_code} {code}, lost before: {lost}")
                self._sent[place] += 1
                return
            time.sleep(PAUSE)
