"""Events as they happen: number by number without a gap, from where a subscriber left off, to whom they are for."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from relayer.api import hub, websocket
from relayer.api.services import Rate
from relayer.errors import StoreError
from relayer.store import events
from relayer.store.events import Told
from tests.relayer.api.house import House, opened, settings_of
from tests.relayer.intake.scene import SEALER, trader

ALICE, BOB = trader(1), trader(2)


def tell(house: House, channel: str, number: int, owner: bytes | None = None) -> None:
    with house.services.database.write() as session:
        events.append(session, channel, {"told": number}, owner, SEALER if owner else None)


def joined(url: str, **options: Any) -> AbstractContextManager[ClientConnection]:  # noqa: ANN401 - of the client
    address = url.replace("http", "ws") + websocket.PATH
    made: AbstractContextManager[ClientConnection] = connect(address, open_timeout=10, close_timeout=2, **options)
    return made


def say(socket: ClientConnection, **message: Any) -> None:  # noqa: ANN401 - JSON
    socket.send(json.dumps(message))


def heard(socket: ClientConnection, count: int = 1) -> list[dict[str, Any]]:
    return [json.loads(socket.recv(timeout=10)) for _ in range(count)]


def ended(socket: ClientConnection) -> int:
    """The code that a connection ends with."""
    with suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=10)
    assert socket.close_code is not None
    return socket.close_code


def test_everybody_hears_batches_from_where_they_begin(house: House) -> None:
    tell(house, "batches", 0)
    with joined(house.url) as socket:
        say(socket, subscribe={"batches": None})
        (first,) = heard(socket)
        assert first["type"] == "subscribed"
        tell(house, "batches", 1)
        (event,) = heard(socket)
        assert (event["type"], event["channel"], event["seq"]) == ("event", "batches", first["seq"] + 1)
        assert event["data"] == {"told": 1}
        say(socket, ping="here")
        assert heard(socket) == [{"type": "pong", "ping": "here"}]


def test_a_subscriber_goes_on_from_the_last_number_it_saw(empty_house: House) -> None:
    house = empty_house
    for number in range(1, 8):
        tell(house, "batches", number)
    with joined(house.url) as socket:
        say(socket, subscribe={"batches": 3})
        said = heard(socket, 5)
    assert said[0] == {"type": "subscribed", "channel": "batches", "seq": 3}
    assert [(each["seq"], each["data"]["told"]) for each in said[1:]] == [(4, 4), (5, 5), (6, 6), (7, 7)]


def test_numbers_have_no_gap_while_events_come_and_subscribers_come_and_go(empty_house: House) -> None:
    house, total, seen = empty_house, 150, 0

    def fill() -> None:
        for number in range(total):
            tell(house, "batches", number + 1)

    teller = threading.Thread(target=fill)
    teller.start()
    while seen < total:
        with joined(house.url) as socket:
            say(socket, subscribe={"batches": seen})
            for message in heard(socket, 1 + min(40, total - seen))[1:]:
                assert (message["seq"], message["data"]["told"]) == (seen + 1, seen + 1)
                seen += 1
    teller.join()
    assert seen == total


def test_several_subscribers_hear_the_same(empty_house: House) -> None:
    house = empty_house
    with ExitStack() as stack:
        sockets = [stack.enter_context(joined(house.url)) for _ in range(5)]
        for socket in sockets:
            say(socket, subscribe={"batches": None})
            heard(socket)
        for number in range(1, 30):
            tell(house, "batches", number)
        assert len({json.dumps(heard(socket, 29)) for socket in sockets}) == 1


def test_an_owner_hears_own_events_and_nobody_elses(house: House) -> None:
    with joined(house.url) as socket:
        say(socket, subscribe={"orders": None, "account": None}, token=house.session(ALICE))
        began = {each["channel"]: each["seq"] for each in heard(socket, 2)}
        tell(house, "orders", 1, BOB.owner)
        tell(house, "account", 2, ALICE.owner)
        tell(house, "orders", 3, ALICE.owner)
        told = heard(socket, 2)
    assert [(each["channel"], each["seq"], each["data"]["told"]) for each in told] == [
        ("account", began["account"] + 1, 2),
        ("orders", began["orders"] + 1, 3),
    ]


def test_an_order_that_is_taken_is_told_to_its_owner(house: House) -> None:
    with joined(house.url) as socket:
        say(socket, subscribe={"orders": None}, token=house.session(trader(3)))
        heard(socket)
        sent = house.send(trader(3))
        (event,) = heard(socket)
    assert event["data"]["id"] == sent["id"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", websocket.MALFORMED),
        ("[]", websocket.MALFORMED),
        ('{"subscribe": {"batches": -1}}', websocket.MALFORMED),
        ('{"subscribe": {"batches": "1"}}', websocket.MALFORMED),
        ('{"unknown": 1}', websocket.MALFORMED),
        ('{"subscribe": {"orders": null}}', websocket.UNAUTHENTICATED),
        ('{"subscribe": {"orders": null}, "token": "nonsense"}', websocket.UNAUTHENTICATED),
        ('{"subscribe": {"transactions": null}}', websocket.UNAUTHENTICATED),
        ('{"ping": "%s"}' % (65 * "x"), websocket.MALFORMED),
        ('{"ping": "%s"}' % (5_000 * "x"), websocket.MALFORMED),
    ],
)
def test_what_is_refused_ends_with_its_code(house: House, message: str, code: int) -> None:
    with joined(house.url) as socket:
        socket.send(message)
        assert ended(socket) == code


def test_bytes_and_a_message_beyond_every_limit_end_a_connection(house: House) -> None:
    with joined(house.url) as socket:
        socket.send(b"{}")
        assert ended(socket) == websocket.MALFORMED
    with joined(house.url) as socket:
        socket.send(20_000 * " ")
        assert ended(socket) == 1009


def test_a_trader_does_not_hear_the_operators_channels(house: House) -> None:
    for channel in ("transactions", "alerts", "nothing"):
        with joined(house.url) as socket:
            say(socket, subscribe={channel: None}, token=house.session(ALICE))
            assert ended(socket) == websocket.FORBIDDEN


def test_the_operator_hears_transactions_on_the_operators_port(house: House) -> None:
    token = str(house.admin.headers["authorization"]).removeprefix("Bearer ")
    with joined(house.admin_url) as socket:
        say(socket, subscribe={"transactions": None}, token=token)
        heard(socket)
        tell(house, "transactions", 1)
        assert heard(socket)[0]["data"] == {"told": 1}
    with joined(house.admin_url) as socket:
        say(socket, subscribe={"batches": None})
        assert ended(socket) == websocket.UNAUTHENTICATED
    with joined(house.admin_url) as socket:
        say(socket, subscribe={"orders": None}, token=token)
        assert ended(socket) == websocket.FORBIDDEN


def test_a_number_that_was_not_given_yet_begins_anew_and_says_so(empty_house: House) -> None:
    tell(empty_house, "batches", 1)
    with joined(empty_house.url) as socket:
        say(socket, subscribe={"batches": 99})
        assert heard(socket, 2) == [
            {"type": "reset", "channel": "batches", "seq": 1},
            {"type": "subscribed", "channel": "batches", "seq": 1},
        ]


def test_events_that_are_deleted_are_said_to_be(empty_house: House) -> None:
    house = empty_house
    for number in range(1, 6):
        tell(house, "batches", number)
    with house.services.database.write() as session:
        events.forget(session, owned_before=2**62, public_before=2**62)
    with joined(house.url) as socket:
        say(socket, subscribe={"batches": 2})
        said = heard(socket, 3)
    assert [(each["type"], each["seq"]) for each in said] == [("subscribed", 2), ("reset", 4), ("event", 5)]


def test_what_an_owner_was_told_is_said_to_be_deleted_and_numbers_go_on(empty_house: House) -> None:
    house = empty_house
    for number in range(1, 4):
        tell(house, "orders", number, ALICE.owner)
    with house.services.database.write() as session:
        events.forget(session, owned_before=2**62, public_before=2**62)
    with joined(house.url) as socket:
        say(socket, subscribe={"orders": 1}, token=house.session(ALICE))
        said = heard(socket, 2)
        tell(house, "orders", 4, ALICE.owner)
        said += heard(socket)
    assert [(each["type"], each["seq"]) for each in said] == [("subscribed", 1), ("reset", 3), ("event", 4)]


def test_a_channel_can_be_left(house: House) -> None:
    with joined(house.url) as socket:
        say(socket, subscribe={"batches": None})
        heard(socket)
        say(socket, unsubscribe=["batches"])
        say(socket, ping="a")
        heard(socket)
        tell(house, "batches", 1)
        tell(house, "batches", 2)
        say(socket, subscribe={"batches": None}, ping="b")
        assert [each["type"] for each in heard(socket, 2)] == ["pong", "subscribed"]


def test_who_does_not_read_is_dropped_and_others_are_not(empty_house: House) -> None:
    house = empty_house
    big = "x" * 20_000
    with joined(house.url, max_queue=1, compression=None) as slow, joined(house.url) as fast:
        for socket in (slow, fast):
            say(socket, subscribe={"batches": None})
            heard(socket)

        def fill() -> None:
            for _ in range(60):
                with house.services.database.write() as session:
                    for _ in range(20):
                        events.append(session, "batches", {"told": big})

        teller = threading.Thread(target=fill)
        teller.start()
        numbers = [each["seq"] for each in heard(fast, 1_200)]
        teller.join()
        assert numbers == list(range(1, 1_201))
        assert ended(slow) == websocket.SLOW


def test_connections_are_counted(tmp_path: Path) -> None:
    with opened(tmp_path, settings_of(most_connections_an_address=2)) as house:
        with joined(house.url) as first, joined(house.url):
            say(first, subscribe={"batches": None})
            heard(first)
            with joined(house.url) as third:
                assert ended(third) == websocket.CROWDED
            assert house.watching.connections == 2
        with joined(house.url) as again:
            say(again, ping="x")
            heard(again)


def test_messages_are_taken_out_of_the_bucket_of_their_address(tmp_path: Path) -> None:
    with opened(tmp_path, settings_of(address_rate=Rate(0.001, 20))) as house:
        with joined(house.url) as socket:
            say(socket, subscribe={"batches": 0})
            for _ in range(20):
                say(socket, ping="x")
            pongs = 0
            with suppress(ConnectionClosed):
                while True:
                    pongs += json.loads(socket.recv(timeout=10))["type"] == "pong"
            assert socket.close_code == websocket.CROWDED
        assert pongs == 20 - 1 - (1 + websocket.REPLAY_COST), "the connection, the replay, and the rest"
        assert house.client.get("/v1/state").status_code == 429


def test_more_than_is_sent_at_once_is_a_reset(empty_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "REPLAY", 3)
    for number in range(1, 6):
        tell(empty_house, "batches", number)
    with joined(empty_house.url) as socket:
        say(socket, subscribe={"batches": 2})
        assert [each["seq"] for each in heard(socket, 4)] == [2, 3, 4, 5]
    with joined(empty_house.url) as socket:
        say(socket, subscribe={"batches": 1})
        assert [(each["type"], each["seq"]) for each in heard(socket, 2)] == [("reset", 5), ("subscribed", 5)]
        tell(empty_house, "batches", 6)
        assert heard(socket)[0]["seq"] == 6


@pytest.mark.parametrize("error", [StoreError("the database is away", {}), RuntimeError("nobody foresaw it")])
def test_a_failed_read_leaves_no_gap_and_repeats_nothing(
    empty_house: House, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house, opened_, came = empty_house, hub.Hub._opened, ExitStack()
    late: list[ClientConnection] = []

    def failing(self: hub.Hub, seqs: Sequence[int]) -> list[Told]:
        if late:
            return opened_(self, seqs)
        late.append(came.enter_context(joined(house.url)))  # somebody comes in between, and is given what is stored
        say(late[0], subscribe={"batches": 0})
        assert [each["seq"] for each in heard(late[0], 2)] == [0, 1]
        raise error

    monkeypatch.setattr(hub.Hub, "_opened", failing)
    monkeypatch.setattr(hub, "FAILED_SECONDS", 0.0)
    with came, joined(house.url) as early:
        say(early, subscribe={"batches": None})
        heard(early)
        tell(house, "batches", 1)
        assert heard(early)[0]["seq"] == 1
        tell(house, "batches", 2)
        assert heard(early)[0]["seq"] == heard(late[0])[0]["seq"] == 2
    (waited,) = [record for record in caplog.records if record.msg == "events wait for the database"]
    assert waited.__dict__["code"] in ("STORE", "RuntimeError")
    assert str(error) not in caplog.text


def test_an_event_that_never_opens_keeps_no_other_from_anybody(
    empty_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, opened_, bad = empty_house, hub.Hub._opened, set[int]()

    def failing(self: hub.Hub, seqs: Sequence[int]) -> list[Told]:
        bad.update(seqs if not bad else ())
        if bad & set(seqs):
            raise StoreError("sealed under another key", {})
        return opened_(self, seqs)

    monkeypatch.setattr(hub.Hub, "_opened", failing)
    monkeypatch.setattr(hub, "FAILED_SECONDS", 0.0)
    with joined(house.url) as due:
        say(due, subscribe={"batches": None})
        heard(due)
        tell(house, "batches", 1)
        assert ended(due) == websocket.SLOW, "it goes on from what is stored"
    with joined(house.url) as after:
        say(after, subscribe={"batches": None})
        heard(after)
        tell(house, "batches", 2)
        assert heard(after)[0]["seq"] == 2


def test_a_page_of_another_place_is_not_let_in(house: House) -> None:
    with pytest.raises(InvalidStatus) as refused, joined(house.url, origin="https://other.example"):
        pass
    assert refused.value.response.status_code == 403
    with joined(house.url, origin=house.url) as socket:
        say(socket, ping="x")
        heard(socket)


def test_a_session_that_ends_ends_its_connections(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CHECK_SECONDS", 0.1)
    token = house.session(BOB)
    with joined(house.url) as socket:
        say(socket, subscribe={"orders": None}, token=token)
        heard(socket)
        house.client.delete("/v1/auth/sessions", headers={"Authorization": f"Bearer {token}"})
        assert ended(socket) == websocket.UNAUTHENTICATED


def test_who_subscribes_nothing_is_let_go(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "FIRST_SECONDS", 0.1)
    with joined(house.url) as socket:
        assert ended(socket) == websocket.SILENT
