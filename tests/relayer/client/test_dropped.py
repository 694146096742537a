"""Events reach a subscriber each once and in order, however often its live connection breaks, and wherever in a message it does."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from relayer.client import Missed, Patience, Seed
from relayer.client.stream import Event
from relayer.store import events
from tests.relayer.api.house import House, opened
from tests.relayer.client.both import FLAVOURS, client
from tests.relayer.client.cutting import way
from tests.relayer.intake.scene import SEALER, trader

ALICE = trader(1)
TOTAL = 150
PATIENT = Patience(seconds=30.0, first=0.01, longest=0.05)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("house")) as made:
        yield made


def teller(house: House, channel: str, first: int, owner: bytes | None = None) -> threading.Thread:
    """Makes events one after another, as they happen."""

    def tell() -> None:
        for number in range(first, first + TOTAL):
            with house.services.database.write() as session:
                payload = {"told": number, "size": "x" * (number % 97)}
                events.append(session, channel, payload, owner, None if owner is None else SEALER)
            time.sleep(0.003)

    made = threading.Thread(target=tell)
    made.start()
    return made


def cuts(seed: int) -> Iterator[int]:
    """Inside the first message, at a frame's head, after some messages: for ever, so that no connection lasts."""
    drawn = random.Random(seed)
    while True:
        yield drawn.choice([1, 2, 30, drawn.randrange(3, 400), drawn.randrange(400, 4_000)])


def told(stream: Any, count: int) -> list[Event]:  # noqa: ANN401 - events of either client
    found: list[Event] = []
    for each in stream:
        assert not isinstance(each, Missed)
        found.append(each)
        if len(found) == count:
            return found
    raise AssertionError("the stream ended")


def check(found: list[Event], since: int, first: int) -> None:
    assert [each.seq for each in found] == list(range(since + 1, since + TOTAL + 1))
    assert [each.data["told"] for each in found] == list(range(first, first + TOTAL))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_public_channel_loses_nothing_and_repeats_nothing_over_dropped_connections(
    house: House, flavour: str
) -> None:
    with house.services.database.read() as session:
        since = events.last_number(session, "batches", None, events.last(session))
    with (
        way(house.url, cuts(1)) as broken,
        closing(client(flavour, broken.url, Seed.random(), patience=PATIENT)) as own,
    ):
        thread = teller(house, "batches", 5_000)
        with closing(own.subscribe("batches", since={"batches": since})) as stream:
            check(told(stream, TOTAL), since, 5_000)
        thread.join()
        assert broken.cut >= 5


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_own_channels_go_on_with_the_session_over_dropped_connections(house: House, flavour: str) -> None:
    with (
        way(house.url, cuts(2)) as broken,
        closing(client(flavour, broken.url, Seed.random(), patience=PATIENT)) as own,
    ):
        own.rules.requests.token = house.session(ALICE)
        with house.services.database.read() as session:
            since = events.last_number(session, "orders", ALICE.owner, events.last(session))
        thread = teller(house, "orders", 7_000, ALICE.owner)
        with closing(own.subscribe("orders", since={"orders": since})) as stream:
            check(told(stream, TOTAL), since, 7_000)
        thread.join()
        assert broken.cut >= 5


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_subscriber_from_now_on_that_is_dropped_resumes_after_what_it_saw(house: House, flavour: str) -> None:
    found: list[Event] = []
    with (
        way(house.url, iter([3_000])) as broken,
        closing(client(flavour, broken.url, Seed.random(), patience=PATIENT)) as own,
        closing(own.subscribe("batches")) as stream,
    ):

        def listen() -> None:
            while not found or found[-1].data["told"] != 9_000 + TOTAL - 1:
                found.extend(told(stream, 1))

        listening = threading.Thread(target=listen)
        listening.start()
        while not found:  # what comes before the subscription is answered is not for it
            with house.services.database.write() as session:
                events.append(session, "batches", {"told": 0})
            time.sleep(0.1)
        thread = teller(house, "batches", 9_000)
        thread.join()
        listening.join(60)
        assert not listening.is_alive()
        assert broken.cut == 1
    assert [each.seq for each in found] == list(range(found[0].seq, found[0].seq + len(found)))
    check(found[-TOTAL:], found[-TOTAL].seq - 1, 9_000)
