"""What the relayer does with a batch, as anybody can follow it: the public events of its WebSocket, with the time at which each came."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Final

from demo.errors import NotShown
from demo.progress import Watch
from demo.service import Relayer
from relayer.client import Client, Event

PATIENCE: Final = 600.0
"""Seconds without any news after which nothing more is waited for."""
GLANCE: Final = 1.0
CHANNEL: Final = "batches"
STOPPED: Final = ("failed", "void", "expired", "reorged")


class Following:
    """The events of all batches, from the first on."""

    def __init__(self, relayer: Relayer, client: Client) -> None:
        self._relayer, self._client = relayer, client
        self._news: queue.Queue[Event | BaseException] = queue.Queue()
        self.heard: list[dict[str, Any]] = []
        self.times: dict[tuple[int, str], float] = {}
        threading.Thread(target=self._listen, name="batches", daemon=True).start()

    def _listen(self) -> None:
        try:
            for event in self._client.subscribe(CHANNEL, since={CHANNEL: 0}):
                if isinstance(event, Event):
                    self._news.put(event)
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits
            self._news.put(error)

    def until(self, batch: int, state: str, watch: Watch | None = None) -> None:
        """Waits until a batch has come to a state. Raises :class:`NotShown` where it comes to a bad end, or nothing more comes."""
        while (batch, state) not in self.times:
            said = self._next()
            name, number = str(said["state"]), int(said["batch"])
            if "proofs_done" in said:
                if watch is not None:
                    watch.proven(int(said["proofs_done"]), int(said["proofs_total"]))
                continue
            self.times.setdefault((number, name), time.monotonic())
            if name in STOPPED:
                raise NotShown(f"batch {number} is {name}, and was to be settled; {self._relayer.last_words}")

    def seconds(self, batch: int, first: str, last: str) -> float:
        """How long a batch took from one state to another."""
        return self.times[batch, last] - self.times[batch, first]

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self._relayer.check()
            try:
                news = self._news.get(timeout=GLANCE)
            except queue.Empty:
                continue
            if isinstance(news, BaseException):
                raise news
            self.heard.append(dict(news.data))
            return self.heard[-1]
        raise NotShown(f"the relayer has said nothing of a batch for {PATIENCE:.0f} s")
