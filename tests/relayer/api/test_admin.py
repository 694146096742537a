"""The operator's port: tokens with scopes, transactions, policies, batches, risk tables; webhooks that are told every event, signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from relayer.api import tokens
from relayer.api.outgoing import Outgoing
from relayer.api.webhooks import Deliverer, pause
from relayer.cli import app
from relayer.errors import ConfigError, LeaseLost
from relayer.store import events, policies
from relayer.store import transactions as queue
from relayer.store.leases import Lease
from relayer.store.models import Batch, BatchState, ChainTransaction, TransactionState, Webhook
from tests.relayer.api.house import House, opened, settings_of
from tests.relayer.api.test_market import named_table
from tests.relayer.intake.scene import SEALER

TO, SENDER = "0x" + "aa" * 20, "0x" + "bb" * 20
LOOPBACK = ip_network("127.0.0.0/8")
HOOK = {"url": "http://127.0.0.1:9/hook", "channels": ["batches"]}
ROUTES = [
    ("GET", "/v1/transactions", "status", None),
    ("GET", "/v1/transactions/none", "status", None),
    ("POST", "/v1/transactions/none/bump", "transactions", None),
    ("POST", "/v1/batches", "batches", None),
    ("GET", "/v1/relayer/status", "status", None),
    ("PATCH", "/v1/relayer/policies", "policies", {"intake_paused": False}),
    ("PUT", "/v1/risk", "risk", {}),
    ("GET", "/metrics", "metrics", None),
    ("GET", "/v1/webhooks", "webhooks", None),
    ("POST", "/v1/webhooks", "webhooks", HOOK),
    ("DELETE", "/v1/webhooks/none", "webhooks", None),
]


@pytest.fixture(scope="module")
def scoped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, dict[str, str]]]:
    """A token of each scope alone."""
    made = {scope: tokens.make(scope, frozenset([scope])) for scope in tokens.SCOPES}
    text = "# tokens\n\n" + "".join(f"{token.line}  # one\n" for _, token in made.values())
    with opened(tmp_path_factory.mktemp("scoped"), settings_of(admin_tokens=text)) as house:
        yield house, {scope: token for scope, (token, _) in made.items()}


@pytest.mark.parametrize(("method", "path", "scope", "body"), ROUTES)
def test_a_route_is_open_to_tokens_of_its_scope_alone(
    scoped: tuple[House, dict[str, str]], method: str, path: str, scope: str, body: object
) -> None:
    house, made = scoped
    for name, token in made.items():
        answer = house.admin.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        if name == scope:
            assert answer.status_code not in (401, 403), (name, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN"), name
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {made[scope]}"}):
        answer = house.admin.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")


def test_every_route_of_the_operators_is_among_those() -> None:
    from relayer.api.admin import admin_document

    told = {(m.upper(), path) for path, methods in admin_document()["paths"].items() for m in methods}
    held = {(method, path.replace("none", "{number}")) for method, path, _, _ in ROUTES}
    assert told - held == {("GET", "/healthz"), ("GET", "/readyz")}


@pytest.mark.parametrize(
    "line",
    ["a", "a status", "a status abc", f"a nothing {64 * '0'}", f"a, status {64 * '0'}", f"a status, {64 * '0'} x"],
)
def test_a_file_of_tokens_that_is_none_is_refused_by_its_line(line: str) -> None:
    with pytest.raises(ConfigError, match="line 2"):
        tokens.read(f"# tokens\n{line}\n")


def test_a_name_stands_for_one_token() -> None:
    line = f"a status {64 * '0'}\n"
    with pytest.raises(ConfigError, match="repeats"):
        tokens.read(line + line)


# ---- the command


def test_the_command_makes_a_token_whose_hash_alone_is_kept(tmp_path: Path) -> None:
    file, runner = tmp_path / "tokens", CliRunner()
    asked = ["keys", "admin-token", "--file", str(file), "--json"]
    made = json.loads(runner.invoke(app, [*asked, "--name", "grafana", "--scope", "metrics"]).stdout)
    json.loads(runner.invoke(app, [*asked, "--name", "me"]).stdout)
    assert file.stat().st_mode & 0o777 == 0o600
    assert made["token"] not in file.read_text()
    kept = tokens.read(file.read_text())
    found = tokens.find(kept, made["token"])
    assert found is not None
    assert (found.name, sorted(found.scopes)) == ("grafana", ["metrics"])
    assert sorted(kept[1].scopes) == sorted(tokens.SCOPES)
    assert runner.invoke(app, [*asked, "--name", "me"]).exit_code == 1
    assert runner.invoke(app, [*asked, "--name", "a b"]).exit_code == 2
    assert runner.invoke(app, [*asked, "--name", "x", "--scope", "everything"]).exit_code == 2
    assert runner.invoke(app, [*asked, "--name", "grafana", "--revoke"]).exit_code == 0
    assert tokens.find(tokens.read(file.read_text()), made["token"]) is None


# ---- transactions, batches, policies


def queued(house: House, purpose: str) -> str:
    with house.services.database.write() as session:
        return queue.queue(session, purpose=purpose, sender=SENDER, to=TO, data=b"\1\2", batch=2)


def test_transactions_are_listed_and_shown(empty_house: House) -> None:
    house = empty_house
    made = [queued(house, f"seal:{number}") for number in range(10)]
    with house.services.database.write() as session:
        row = session.get_one(ChainTransaction, made[3])
        row.state, row.nonce = TransactionState.SENT, 5
    found: list[Any] = []
    cursor = None
    while cursor is not None or not found:
        page = house.admin.get("/v1/transactions", params={"limit": 4} | ({"cursor": cursor} if cursor else {})).json()
        found, cursor = found + page["items"], page["next_cursor"]
    assert [each["id"] for each in found] == made[::-1]
    shown = house.admin.get(f"/v1/transactions/{made[3]}").json()
    assert (shown["purpose"], shown["data"], shown["nonce"], shown["attempts"]) == ("seal:3", "0x0102", 5, [])
    assert house.admin.get("/v1/transactions/none").status_code == 404


def test_a_transaction_that_is_out_is_bumped_and_no_other(empty_house: House) -> None:
    house = empty_house
    made = queued(house, "seal:1")
    refused = house.admin.post(f"/v1/transactions/{made}/bump")
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    with house.services.database.write() as session:
        session.get_one(ChainTransaction, made).state = TransactionState.SENT
    assert house.admin.post(f"/v1/transactions/{made}/bump").status_code == 202
    with house.services.database.read() as session:
        assert session.get_one(ChainTransaction, made).bump


def test_the_open_batch_is_closed_on_request(empty_house: House) -> None:
    house = empty_house
    answer = house.admin.post("/v1/batches")
    assert (answer.status_code, answer.json()) == (202, {"batch": 2, "state": "open", "close_requested": True})
    with house.services.database.read() as session:
        assert session.get_one(Batch, 2).close_requested
    house.stage.set_batch(2, BatchState.SEALED)
    assert house.admin.post("/v1/batches").json()["code"] == "CONFLICT"


def test_policies_change_for_every_process_at_once(empty_house: House) -> None:
    house = empty_house
    told = house.admin.patch("/v1/relayer/policies", json={"proving_paused": True, "close_orders": 7}).json()
    assert (told["proving_paused"], told["close_orders"], told["intake_paused"]) == (True, 7, False)
    with house.services.database.read() as session:
        assert policies.read(session).proving_paused
    assert house.admin.get("/v1/relayer/status").json()["policies"] == told
    told = house.admin.patch("/v1/relayer/policies", json={"close_orders": None}).json()
    assert (told["proving_paused"], told["close_orders"]) == (True, None)


@pytest.mark.parametrize(
    "change",
    [{"intake_paused": None}, {"intake_paused": 1}, {"close_orders": 0}, {"nothing": True}, {"close_seconds": -1}, []],
)
def test_a_policy_that_is_none_is_refused(house: House, change: object) -> None:
    answer = house.admin.patch("/v1/relayer/policies", json=change)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_a_large_risk_table_is_taken_and_rubbish_is_not(house: House) -> None:
    padded = named_table().to_json() + 200_000 * " "
    assert house.admin.put("/v1/risk", content=padded).status_code == 200
    for rubbish in (b"", b"{}", b"\xff", b"[" * 100_000, b'{"format":"tacit-risk-table-1"}'):
        answer = house.admin.put("/v1/risk", content=rubbish)
        assert (answer.status_code, answer.json()["code"]) == (422, "RISK_TABLE")
    too_large = house.admin.put("/v1/risk", content=5_000_000 * b" ")
    assert (too_large.status_code, too_large.json()["code"]) == (413, "TOO_LARGE")


def test_measures_are_told_as_they_are(house: House) -> None:
    answer = house.admin.get("/metrics")
    assert (answer.text, answer.headers["content-type"]) == (
        "tacit_test 1\n",
        "text/plain; version=0.0.4; charset=utf-8",
    )


# ---- webhooks


class Receiver(HTTPServer):
    """Takes deliveries, or refuses them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.taken: list[tuple[bytes, str]] = []
        self.status = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?key=918273645"


class Taker(BaseHTTPRequestHandler):
    """Notes what is delivered."""

    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((body, self.headers["Tacit-Signature"]))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path, settings_of(outgoing_allowed=(LOOPBACK,))) as house:
        yield house


class Clock:
    """Time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 2_000_000_000_000

    def __call__(self) -> int:
        return self.now


def deliverer(house: House, clock: Clock) -> Deliverer:
    return Deliverer(house.services.database, SEALER, Outgoing([LOOPBACK]), timeout=2.0, clock=clock)


def tell(house: House, channel: str, **values: object) -> None:
    with house.services.database.write() as session:
        events.append(session, channel, values)


def added(house: House, url: str, *channels: str) -> dict[str, Any]:
    answer = house.admin.post("/v1/webhooks", json={"url": url, "channels": list(channels)})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_a_webhook_is_told_its_channels_in_order_and_signed(local: House, receiver: Receiver) -> None:
    tell(local, "batches", number=0)
    made = added(local, receiver.url, "batches", "alerts")
    tell(local, "batches", number=1)
    tell(local, "transactions", number=2)
    tell(local, "alerts", number=3)
    clock = Clock()
    assert deliverer(local, clock).step()
    told = [json.loads(body) for body, _ in receiver.taken]
    assert [each["data"]["number"] for each in told] == [1, 3]
    assert told[0].keys() == {"id", "channel", "seq", "at", "data"}
    body, header = receiver.taken[0]
    seconds = clock.now // 1000
    expected = hmac.new(bytes.fromhex(made["secret"][2:]), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert header == f"t={seconds},v1={expected}"
    assert not deliverer(local, clock).step()


def test_what_is_not_taken_is_told_again_later_and_later(local: House, receiver: Receiver) -> None:
    added(local, receiver.url, "batches")
    tell(local, "batches", number=1)
    tell(local, "batches", number=2)
    clock, receiver.status = Clock(), 302
    assert deliverer(local, clock).step()
    assert len(receiver.taken) == 1
    assert not deliverer(local, clock).step()
    waits = []
    for _ in range(4):
        with local.services.database.read() as session:
            row = session.scalars(select(Webhook)).one()
        waits.append(row.next_at - clock.now)
        clock.now = row.next_at
        deliverer(local, clock).step()
    assert all(1.5 * first < second < 2.6 * first for first, second in pairwise(waits))
    receiver.taken.clear()
    receiver.status, clock.now = 200, clock.now + 10**9
    deliverer(local, clock).step()
    assert [json.loads(body)["data"]["number"] for body, _ in receiver.taken] == [1, 2]


def test_the_same_event_has_the_same_id_each_time(local: House, receiver: Receiver) -> None:
    added(local, receiver.url, "batches")
    tell(local, "batches", number=1)
    clock, receiver.status = Clock(), 500
    deliverer(local, clock).step()
    clock.now += 10**9
    deliverer(local, clock).step()
    assert len({json.loads(body)["id"] for body, _ in receiver.taken}) == 1
    assert len(receiver.taken) == 2


def test_an_address_that_is_dead_keeps_no_other_waiting(local: House, receiver: Receiver) -> None:
    added(local, "http://127.0.0.1:1/", "batches")
    added(local, receiver.url, "batches")
    tell(local, "batches", number=1)
    deliverer(local, Clock()).step()
    assert len(receiver.taken) == 1
    shown = local.admin.get("/v1/webhooks").json()["items"]
    assert sorted(each["failures"] for each in shown) == [0, 1]


def test_an_address_that_answers_without_end_keeps_no_other_waiting(local: House, receiver: Receiver) -> None:
    drip = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def answer() -> None:
        connection, _ = drip.accept()
        with connection, suppress(OSError):
            while not stop.wait(0.1):
                connection.sendall(b"H")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    added(local, f"http://127.0.0.1:{drip.getsockname()[1]}/", "batches")
    added(local, receiver.url, "batches")
    tell(local, "batches", number=1)
    clock = Clock()
    made = Deliverer(local.services.database, SEALER, Outgoing([LOOPBACK]), timeout=0.5, clock=clock)
    assert made.step()
    assert len(receiver.taken) == 1
    tell(local, "batches", number=2)
    assert made.step()
    assert len(receiver.taken) == 2
    stop.set()
    thread.join()
    drip.close()


def test_the_longest_pause_is_an_hour_and_a_quarter() -> None:
    assert 3_600_000 <= pause(100) < 4_500_000
    assert 2_000 <= pause(0) < 2_500


def test_who_has_lost_the_lease_notes_nothing(local: House, receiver: Receiver) -> None:
    added(local, receiver.url, "batches")
    tell(local, "batches", number=1)
    with pytest.raises(LeaseLost):
        deliverer(local, Clock()).step(Lease("webhooks", "gone", 1, 0))
    with local.services.database.read() as session:
        assert session.scalars(select(Webhook)).one().delivered_seq == 0


def test_a_webhook_taken_away_is_told_nothing(local: House, receiver: Receiver) -> None:
    made = added(local, receiver.url, "batches")
    tell(local, "batches", number=1)
    assert local.admin.delete(f"/v1/webhooks/{made['id']}").status_code == 204
    assert local.admin.delete(f"/v1/webhooks/{made['id']}").status_code == 404
    assert not deliverer(local, Clock()).step()
    assert receiver.taken == []


def test_an_addresss_key_is_shown_by_nothing_and_lies_sealed(local: House, receiver: Receiver) -> None:
    made = added(local, receiver.url, "batches")
    shown = local.admin.get("/v1/webhooks").text
    assert "918273645" not in shown + json.dumps(made)
    assert made["secret"] not in shown
    with local.services.database.read() as session:
        row = session.scalars(select(Webhook)).one()
    assert b"918273645" not in row.secret_sealed
    assert "918273645" not in row.url


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "https://127.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://2130706433/", "x"],
)
def test_a_webhook_cannot_be_turned_inward(house: House, url: str) -> None:
    answer = house.admin.post("/v1/webhooks", json={"url": url, "channels": ["batches"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "OUTGOING")


@pytest.mark.parametrize("channels", [["orders"], ["account"], ["nothing"], []])
def test_a_webhook_is_told_nothing_of_owners(house: House, channels: list[str]) -> None:
    answer = house.admin.post("/v1/webhooks", json={"url": "https://example.com/", "channels": channels})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_an_address_that_was_fine_and_is_inside_now_is_not_told(house: House, receiver: Receiver) -> None:
    with house.services.database.write() as session:
        from relayer.store import webhooks

        webhooks.add(session, SEALER, receiver.url, "127.0.0.1", ["batches"])
    tell(house, "batches", number=1)
    strict = Deliverer(house.services.database, SEALER, Outgoing(), timeout=2.0, clock=Clock())
    assert strict.step()
    assert receiver.taken == []
