"""A client that sends requests at a fixed rate, whatever the answers take: latency counts from when a request was due.

Plain HTTP/1.1 on connections that stay open, one request at a time on each, so that the generator costs little beside what it measures.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.intake_orders import RIGHT, Load

SHED: Final = ("BUSY", "RATE_LIMITED")
END: Final = b"\r\n\r\n"
HEAD: Final = (
    b"POST /v1/orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
)
HANG_UP_SECONDS: Final = 0.1
CREATED: Final = (201, 202)


@dataclass
class Outcome:
    """What came of a load. ``latencies`` in seconds, of answers that are no shedding; ``acknowledged``: order hash → (batch, sequence) of
    its receipt, if any; ``wrong``: (expected, got) → how often.
    """

    sent: int = 0
    shed: int = 0
    broken: int = 0
    latencies: list[float] = field(default_factory=list)
    shed_latencies: list[float] = field(default_factory=list)
    acknowledged: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    wrong: dict[tuple[str, str], int] = field(default_factory=dict)
    seconds: float = 0.0


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, free: Callable[[Connection], None]) -> None:
        self._free, self._buffer = free, b""
        self.transport: asyncio.Transport | None = None
        self.answer: Callable[[int, bytes], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open."""
        self.transport = transport  # type: ignore[assignment]

    def hang_up(self) -> None:
        """Ends it."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._buffer += data
        head = self._buffer.find(END)
        if head < 0:
            return
        lines = self._buffer[:head].decode("latin-1").split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
        end = head + len(END) + length
        if len(self._buffer) < end:
            return
        body, self._buffer = self._buffer[head + len(END) : end], self._buffer[end:]
        answer, self.answer = self.answer, None
        if answer is not None:
            answer(int(lines[0].split(" ")[1]), body)
        if not any(line.lower() == "connection: close" for line in lines):
            self._free(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Closed: what was asked has no answer."""
        del error
        answer, self.answer = self.answer, None
        if answer is not None:
            answer(0, b"")


class Generator:
    """Sends loads to a port."""

    def __init__(self, port: int, connections: int) -> None:
        self.port, self.count = port, connections
        self.outcome = Outcome()
        self._idle: deque[Connection] = deque()
        self._behind: deque[tuple[float, Load]] = deque()
        self._open = 0
        self._connections: list[Connection] = []

    async def run(self, loads: Iterator[Load], rate: float, seconds: float) -> Outcome:
        """Sends so many a second for so long, waits for the answers, and hangs up."""
        try:
            return await self._run(loads, rate, seconds)
        finally:
            for connection in self._connections:
                connection.hang_up()
            await asyncio.sleep(HANG_UP_SECONDS)

    async def _run(self, loads: Iterator[Load], rate: float, seconds: float) -> Outcome:
        await asyncio.gather(*(self._connect() for _ in range(self.count)))
        start, sent, total = time.perf_counter(), 0, round(rate * seconds)
        while sent < total:
            due = min(total, int((time.perf_counter() - start) * rate) + 1)
            for at in range(sent, due):
                load = next(loads)
                self._behind.append((start + at / rate, load))
            sent = due
            self._send()
            await asyncio.sleep(0.002)
        self.outcome.sent = sent
        async with asyncio.timeout(60):
            while self._behind or self._open:
                self._send()
                await asyncio.sleep(0.01)
        self.outcome.seconds = time.perf_counter() - start
        return self.outcome

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self._idle.append), "127.0.0.1", self.port)
        self._connections.append(connection)
        self._idle.append(connection)

    def _send(self) -> None:
        while self._behind and self._idle:
            connection = self._idle.popleft()
            if connection.transport is None or connection.transport.is_closing():
                asyncio.get_running_loop().create_task(self._connect())
                continue
            due, load = self._behind.popleft()
            self._open += 1
            connection.answer = lambda status, body, due=due, load=load: self._take(due, load, status, body)
            connection.transport.write(HEAD % len(load.body) + load.body)

    def _take(self, due: float, load: Load, status: int, body: bytes) -> None:
        """Compares an answer with what it must be."""
        self._open -= 1
        own, took = self.outcome, time.perf_counter() - due
        if not status:
            own.broken += 1
            return
        document = json.loads(body)
        got = RIGHT if status in CREATED else str(document.get("code"))
        own.codes[got] = own.codes.get(got, 0) + 1
        if got in SHED:
            own.shed += 1
            own.shed_latencies.append(took)
            return
        own.latencies.append(took)
        if got == RIGHT:
            place = document.get("receipt")
            own.acknowledged[document["hash"]] = None if place is None else (place["batch"], place["sequence"])
        if got != load.expected:
            own.wrong[load.expected, got] = own.wrong.get((load.expected, got), 0) + 1


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of them lies; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
