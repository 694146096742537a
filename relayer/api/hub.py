"""From the table of events to connections: one reader for all of them, a bounded queue for each.

The hub looks for new events a few times a second, opens those that somebody waits for, and hands each to the connections of its stream.
A connection that begins gets first what is stored up to the hub's place, then what the hub hands out after it: nothing is left out and
nothing comes twice, whatever happens in between. One whose queue is full is dropped: it resumes from the last number it saw. Who asks for
more than is worth sending is told to look at the present instead.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from relayer.api.forms import at
from relayer.errors import StoreError
from relayer.store import events
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.events import Told

logger = logging.getLogger("relayer.api")

LOOK_SECONDS: Final = 0.2
FAILED_SECONDS: Final = 1.0
TRIES: Final = 10
"""Failures after which connections that are due something are ended, to go on from what is stored: an event that does not open keeps all
others from nobody.
"""
PAGE: Final = 200
REPLAY: Final = 5_000
"""Stored events that a connection is sent at most when it begins."""
QUEUE: Final = 256
"""Messages that a connection may be behind."""

Stream = tuple[str, bytes | None]
Message = dict[str, Any]


@dataclass(eq=False)
class Subscriber:
    """One connection: what it is still to be sent, and by stream the last number it was given."""

    queue: asyncio.Queue[Message] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    given: dict[Stream, int] = field(default_factory=dict)
    held: dict[Stream, deque[Told]] = field(default_factory=dict)
    slow: asyncio.Event = field(default_factory=asyncio.Event)

    def hand(self, stream: Stream, told: Told) -> None:
        """Puts an event into the queue; while what is stored is still being sent, it waits for that."""
        if stream in self.held:
            self.held[stream].append(told)
            if len(self.held[stream]) > QUEUE:
                self.slow.set()
        elif told.number > self.given.get(stream, 0):
            try:
                self.queue.put_nowait(message(told))
                self.given[stream] = told.number
            except asyncio.QueueFull:
                self.slow.set()


class Hub:
    """The events of a database, handed out in this process. Used from one event loop."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database, self._sealer = database, sealer
        self._streams: dict[Stream, set[Subscriber]] = defaultdict(set)
        self._place = 0
        self._due: list[tuple[int, Stream]] = []
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        self._began = asyncio.Lock()

    async def subscribe(self, subscriber: Subscriber, stream: Stream, after: int | None) -> None:
        """Sends a stream from after a number on (None: what comes from now on), beginning with where that is."""
        await self._running()
        self._streams[stream].add(subscriber)
        subscriber.held[stream] = deque()
        channel, place = stream[0], self._place
        newest = await run_in_threadpool(self._newest, stream, place)
        reached = newest if after is None else after
        if not newest - REPLAY <= reached <= newest:
            reached = newest
            await subscriber.queue.put({"type": "reset", "channel": channel, "seq": reached})
        await subscriber.queue.put({"type": "subscribed", "channel": channel, "seq": reached})
        while reached < newest:
            told = await run_in_threadpool(self._stored, stream, reached, place)
            if not told:
                # What they said is deleted, their numbers stand.
                await subscriber.queue.put({"type": "reset", "channel": channel, "seq": newest})
                break
            if told[0].number > reached + 1:
                await subscriber.queue.put({"type": "reset", "channel": channel, "seq": told[0].number - 1})
            for each in told:
                await subscriber.queue.put(message(each))
            reached = told[-1].number
        subscriber.given[stream] = max(reached, newest)
        for each in subscriber.held.pop(stream, ()):
            subscriber.hand(stream, each)

    def leave(self, subscriber: Subscriber, stream: Stream | None = None) -> None:
        """Ends a stream of a connection, or all of them."""
        for each in [stream] if stream is not None else list(self._streams):
            self._streams[each].discard(subscriber)
            if not self._streams[each]:
                del self._streams[each]
            subscriber.held.pop(each, None)

    async def stop(self) -> None:
        """Stops looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _running(self) -> None:
        """Begins to look, with the first connection."""
        async with self._began:
            if self._task is None or self._task.done():
                self._place = await run_in_threadpool(self._last)
                self._task = asyncio.get_running_loop().create_task(self._look(), name="events")

    async def _look(self) -> None:
        while True:
            try:
                if not await self._next():
                    await asyncio.sleep(LOOK_SECONDS)
            except Exception as error:  # noqa: BLE001 - nobody else would begin again for those who are connected
                # Its kind only: a message may quote what it should not.
                code = error.code if isinstance(error, StoreError) else type(error).__name__
                logger.warning("events wait for the database", extra={"code": code})
                self._failures += 1
                if self._failures == TRIES:
                    self._give_up()
                await asyncio.sleep(FAILED_SECONDS)

    async def _next(self) -> bool:
        """Hands out the events that came since; whether there may be more."""
        if self._due:  # not handed on when they were found: opening them failed
            await self._hand_on()
            return True
        found = await run_in_threadpool(self._places, self._place)
        # From here on who subscribes is given these from the database, and who has subscribed is due them: the place moves before anything
        # else is awaited.
        self._place = found[-1][0] if found else self._place
        self._due = [(seq, (channel, owner)) for seq, channel, owner in found if (channel, owner) in self._streams]
        await self._hand_on()
        return len(found) == PAGE

    async def _hand_on(self) -> None:
        """What is due, to all of its streams; it stays due until then. Who has some of it already passes over that."""
        due = [seq for seq, _ in self._due]
        for told in await run_in_threadpool(self._opened, due) if due else ():
            stream = (told.channel, told.owner)
            for subscriber in list(self._streams.get(stream, ())):
                subscriber.hand(stream, told)
        self._due, self._failures = [], 0

    def _give_up(self) -> None:
        for _, stream in self._due:
            for subscriber in self._streams.get(stream, ()):
                subscriber.slow.set()
        self._due, self._failures = [], 0

    # ---- in threads

    def _last(self) -> int:
        with self._database.read() as session:
            return events.last(session)

    def _newest(self, stream: Stream, place: int) -> int:
        with self._database.read() as session:
            return events.last_number(session, *stream, place)

    def _stored(self, stream: Stream, after: int, place: int) -> list[Told]:
        with self._database.read() as session:
            return events.stream(session, *stream, after, through=place, sealer=self._sealer, limit=PAGE)

    def _places(self, place: int) -> list[tuple[int, str, bytes | None]]:
        with self._database.read() as session:
            return events.places(session, place, PAGE)

    def _opened(self, seqs: Sequence[int]) -> list[Told]:
        with self._database.read() as session:
            return events.opened(session, seqs, self._sealer)


def message(told: Told) -> Message:
    """An event as it is sent."""
    return {
        "type": "event",
        "channel": told.channel,
        "seq": told.number,
        "at": at(told.at),
        "data": told.payload,
    }
