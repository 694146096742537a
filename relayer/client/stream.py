"""Events as they happen: one subscription over as many connections as it takes, number by number without a gap.

A :class:`Subscription` is the rules, without a socket: what to say when a connection begins, what a message means, what to do when it
ends. The clients hold the sockets. An event is given once, also when the connection broke; what the relayer does not keep any more is told
as a :class:`Missed`, after which the present is to be looked at by HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from relayer.client.problems import ClientError, Forbidden, InvalidRequest, Nonsense, Unreachable
from relayer.client.requests import Patience

OWN: Final = ("orders", "account")
PATH: Final = "/v1/ws"
LONGEST: Final = 2**20
"""Bytes of a message; a longer one is none of the interface's."""
MALFORMED: Final = 4400
UNAUTHENTICATED: Final = 4401
FORBIDDEN: Final = 4403


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: its number in its channel, from 1, its time (RFC 3339), and what the channel tells of it."""

    channel: str
    seq: int
    at: str
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Missed:
    """Events of a channel up to ``seq`` are not kept any more: look at the present by HTTP."""

    channel: str
    seq: int


class Subscription:
    """Channels and how far each was read. ``since``: the number after which to go on, by channel; None for what comes from now on."""

    def __init__(self, channels: Iterable[str], since: Mapping[str, int], patience: Patience) -> None:
        self.reached: dict[str, int | None] = {each: since.get(each) for each in channels}
        if not self.reached:
            raise ClientError("name the channels to subscribe to: batches, orders, account")
        self._patience = patience
        self._attempt, self._waited = 0, 0.0
        self.stale_token = False

    @property
    def own(self) -> bool:
        """Whether the subscription needs a session."""
        return any(each in OWN for each in self.reached)

    def opening(self, token: str | None) -> str:
        """What to say first on a connection."""
        self.stale_token = False
        said: dict[str, Any] = {"subscribe": self.reached}
        return json.dumps(said if token is None else said | {"token": token})

    def take(self, text: str | bytes) -> Event | Missed | None:
        """What a message tells; None if it is not for the subscriber. :class:`Nonsense` where numbers are missing."""
        try:
            message = json.loads(text)
            kind = message["type"]
            if kind == "pong":
                return None
            channel, seq = str(message["channel"]), int(message["seq"])
            before = self.reached[channel]
            event = Event(channel, seq, str(message["at"]), dict(message["data"])) if kind == "event" else None
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            raise Nonsense("the relayer sent a message that is none of the interface's") from None
        self._attempt, self._waited = 0, 0.0
        if event is not None:
            return self._event(event, before)
        if kind == "subscribed" and before is None:
            self.reached[channel] = seq
        if kind != "reset":
            return None
        self.reached[channel] = seq
        return Missed(channel, seq)

    def _event(self, event: Event, before: int | None) -> Event | None:
        if before is not None and event.seq <= before:
            return None
        if before is not None and event.seq != before + 1:
            what = f"event {event.seq} of {event.channel} came after {before}: those between are missing"
            raise Nonsense(what, {"channel": event.channel, "seq": event.seq})
        self.reached[event.channel] = event.seq
        return event

    def ended(self, code: int | None) -> float:
        """Seconds to wait before the next connection, after one ended with a code (None: it was lost, or never made)."""
        if code == MALFORMED:
            raise InvalidRequest("INVALID_REQUEST", code, "the relayer does not understand the subscription")
        if code == FORBIDDEN:
            raise Forbidden("FORBIDDEN", code, "there is no such channel for this owner")
        self.stale_token = code == UNAUTHENTICATED
        pause = self._patience.pause(self._attempt, None)
        self._attempt += 1
        self._waited += pause
        if self._waited > self._patience.seconds:
            what = f"the relayer does not take connections at {PATH}; events up to {self.reached} were read"
            raise Unreachable(what, {"reached": dict(self.reached)})
        return pause


def socket_url(url: str) -> str:
    """Where connections are made."""
    return url.replace("http", "ws", 1).rstrip("/") + PATH


def close_code(error: Exception) -> int | None:
    """The code that a connection was closed with; None where it was lost without one."""
    received = getattr(error, "rcvd", None)
    return None if received is None else int(received.code)
