"""Before a route is asked: sizes, times, rates, methods, headers; and an access log that tells nothing of anybody."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from relayer.api.limits import Buckets, caller
from relayer.api.services import ApiSettings, Rate
from relayer.intake.refusal import Unready
from relayer.watching import tracing
from relayer.watching.logs import Lines, during, request
from tests.relayer.api.house import House, opened, settings_of
from tests.relayer.intake.scene import trader

KIB = 1024


def raw(url: str, sent: bytes, more: bytes = b"") -> bytes:
    """What comes back to bytes on a connection."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        connection.sendall(sent)
        time.sleep(0.05)
        if more:
            connection.sendall(more)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
            if b"\r\n\r\n" in answer and b'"values"' in answer:
                break
        return answer


# ---- sizes and times


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(house: House) -> None:
    head = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 65537\r\n\r\n"
    answer = raw(house.url, head)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"code":"TOO_LARGE"' in answer


def test_a_body_that_is_too_large_is_refused_while_it_streams(house: House) -> None:
    head = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"4000\r\n" + 0x4000 * b"x" + b"\r\n"
    answer = raw(house.url, head, 5 * chunk)  # it never ends: only counting can refuse it
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_of_the_limit_is_parsed(house: House) -> None:
    full = b"[" + (64 * KIB - 2) * b" " + b"]"
    answer = house.client.post("/v1/orders", content=full, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    answer = house.client.post("/v1/orders", content=full + b" ", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")


@pytest.mark.parametrize("length", ["-1", "1e9", "99999999999999999999", "0x10", " ", "1,2"])
def test_a_length_that_is_none_is_refused(house: House, length: str) -> None:
    head = f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
    assert raw(house.url, head)[9:12] in (b"400", b"413")


def test_a_body_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    with opened(tmp_path, settings_of(body_seconds=0.3)) as house:
        head = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        answer = raw(house.url, head)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"TIMEOUT"' in answer


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b'"x"', b"null", b"1" * 5_000, b"[" * 60_000])
def test_what_is_not_the_request_is_a_problem_that_repeats_nothing(house: House, body: bytes) -> None:
    answer = house.client.post("/v1/orders", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    assert len(answer.content) < 600


def test_a_refused_field_is_named_and_its_value_is_not_repeated(house: House) -> None:
    asked = house.envelope(trader(1)) | {"last_batch": "918273645"}
    answer = house.client.post("/v1/orders", json=asked)
    assert answer.json()["values"]["place"] == "body.last_batch"
    assert "918273645" not in answer.text


# ---- rates


def test_an_address_is_held_to_its_rate_and_told_when_to_come_again(tmp_path: Path) -> None:
    with opened(tmp_path, settings_of(address_rate=Rate(0.01, 5))) as house:
        answers = [house.client.get("/v1/keys") for _ in range(8)]
        assert [each.status_code for each in answers] == [200] * 5 + [429] * 3
        assert answers[-1].json()["code"] == "RATE_LIMITED"
        assert 50 < int(answers[-1].headers["retry-after"]) <= 100
        assert house.client.get("/healthz").status_code == 200


def test_an_owner_is_held_to_a_rate_from_any_address(tmp_path: Path) -> None:
    with opened(tmp_path, settings_of(owner_rate=Rate(0.01, 3))) as house:
        path = f"/v1/accounts/0x{trader(1).owner.hex()}"
        first, second = house.known(trader(1)), house.known(trader(1))
        answers = [house.client.get(path, headers=known).status_code for known in (first, second, first, second)]
        assert answers == [200, 200, 200, 429]
        other = f"/v1/accounts/0x{trader(2).owner.hex()}"
        assert house.client.get(other, headers=house.known(trader(2))).status_code == 200


def test_a_bucket_fills_again_with_time() -> None:
    now = [0.0]
    bucket = Buckets(Rate(2.0, 4), lambda: now[0])
    assert [bucket.take("a") for _ in range(4)] == [0.0] * 4
    assert bucket.take("a") == pytest.approx(0.5)
    assert bucket.take("b") == 0.0
    now[0] = 1.0
    assert [bucket.take("a") == 0.0 for _ in range(3)] == [True, True, False]


def test_many_addresses_do_not_grow_the_memory_without_end() -> None:
    bucket = Buckets(Rate(1.0, 1))
    for number in range(70_000):
        bucket.take(str(number))
    assert len(bucket._held) == 65_536


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("198.51.100.7", "203.0.113.9", [], "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, rubbish", ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", None, ["10.0.0.0/8"], "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.9", ["10.0.0.0/8"], "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", None, [], "2001:db8:1:2::/64"),
    ],
)
def test_who_asks_is_who_a_trusted_proxy_says_and_nobody_elses_word_counts(
    peer: str, forwarded: str | None, trusted: list[str], expected: str
) -> None:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope = {"type": "http", "client": (peer, 1), "headers": headers}
    assert caller(scope, [ip_network(each) for each in trusted]) == expected


# ---- methods and headers


def test_head_is_get_without_its_body(house: House) -> None:
    get, head = house.client.get("/v1/keys"), house.client.head("/v1/keys")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_options_tells_what_a_route_knows(house: House) -> None:
    answer = house.client.options("/v1/keys")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (200, "GET, HEAD, OPTIONS", b"")
    assert house.client.options("/v1/nothing").status_code == 404


def test_another_method_is_a_problem_that_names_those_that_are_known(house: House) -> None:
    answer = house.client.put("/v1/keys")
    assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (405, "METHOD_NOT_ALLOWED", "GET")


def test_every_answer_tells_browsers_to_be_careful(house: House) -> None:
    for answer in (house.client.get("/v1/keys"), house.client.get("/v1/nothing"), house.client.post("/v1/orders")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers


def test_other_pages_may_ask_where_the_operator_allows_it(tmp_path: Path) -> None:
    with opened(tmp_path, settings_of(cors_origins=("https://page.example",))) as house:
        mine, other = (
            house.client.get("/v1/keys", headers={"Origin": f"https://{n}.example"}) for n in ("page", "other")
        )
    assert mine.headers["access-control-allow-origin"] == "https://page.example"
    assert "access-control-allow-origin" not in other.headers


# ---- health and logs


def test_ready_says_what_is_missing_and_words_are_the_operators(house: House) -> None:
    assert house.client.get("/readyz").json() == {"ready": True, "reasons": []}
    house.watching.missing = [Unready("rpc_behind", "https://node.inside is 40 blocks behind")]
    try:
        answer, told = house.client.get("/readyz"), house.admin.get("/readyz")
    finally:
        house.watching.missing = []
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["rpc_behind"])
    assert (told.status_code, told.json()["reasons"]) == (503, ["https://node.inside is 40 blocks behind"])
    assert house.client.get("/healthz").json() == {"live": True}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_logs_and_measures_name_templates_and_nothing_of_anybody(house: House, lines: pytest.LogCaptureFixture) -> None:
    who = trader(8)
    known = house.known(who)
    token, owner = known["Authorization"].removeprefix("Bearer "), who.owner.hex()
    secret = 918_273_645
    sent = house.send(who, quantity=1, limit=secret)
    house.client.get(f"/v1/orders/{sent['id']}", headers=known)
    house.client.get(f"/v1/accounts/0x{owner}/orders?limit=7&state=waiting", headers=known)
    house.client.get(f"/v1/nothing/{secret}?q={secret}")
    told = json.dumps([record.__dict__ for record in lines.records if record.name.startswith("relayer")], default=str)
    for word in (token, owner, str(secret), sent["id"], sent["hash"], "limit=7"):
        assert word not in told
        assert word not in str(house.watching.requests)
    routes = {route for route, _, _ in house.watching.requests}
    assert {"/v1/orders/{order_id}", "/v1/accounts/{key}/orders", "/v1/orders", "-"} <= routes


def test_a_line_of_the_access_log_has_one_name_and_its_facts_as_fields(
    house: House, lines: pytest.LogCaptureFixture
) -> None:
    number = house.client.get("/v1/orders/x?limit=7", headers={"X-Request-Id": "mine"}).headers["x-request-id"]

    def told() -> list[logging.LogRecord]:
        # A line is written after its answer: that of the request before may be among them.
        found = [record for record in lines.records if record.name == "relayer.access"]
        return [record for record in found if record.__dict__["route"] == "/v1/orders/{order_id}"]

    until(lambda: len(told()) == 1)
    (record,) = told()
    with during(number):
        line = json.loads(Lines("api").format(record))
    assert line.pop("ms") >= 0
    del line["at"]
    assert line == {
        "level": "info",
        "role": "api",
        "logger": "relayer.access",
        "event": "request answered",
        "request": number,
        "route": "/v1/orders/{order_id}",
        "method": "GET",
        "status": 401,
    }


def test_a_request_has_a_span_that_names_its_template_and_nothing_of_anybody(house: House) -> None:
    exporter = InMemorySpanExporter()
    tracing.configure("api", "", 1.0, SimpleSpanProcessor(exporter))
    try:
        who = trader(8)
        token, secret = house.session(who), 918_273_645
        sent = house.send(who, quantity=1, limit=secret, slot=9)
        house.client.get(f"/v1/orders/{sent['id']}?q={secret}", headers={"Authorization": f"Bearer {token}"})
        number = house.client.get(f"/v1/nothing/{secret}").headers["x-request-id"]
        until(lambda: len(exporter.get_finished_spans()) == 5)
    finally:
        tracing.stop()
    spans = exporter.get_finished_spans()
    assert {span.name for span in spans} == {"request"}
    assert [dict(span.attributes or {})["route"] for span in spans] == [
        "/v1/auth/challenges",
        "/v1/auth/sessions",
        "/v1/orders",
        "/v1/orders/{order_id}",
        "-",
    ]
    assert dict(spans[-1].attributes or {}) == {"request": number, "method": "GET", "route": "-", "status": 404}
    told = "".join(span.to_json() for span in spans)
    for word in (token, who.owner.hex(), str(secret), sent["id"], sent["hash"]):
        assert word not in told


def until(holds: Callable[[], bool]) -> None:
    """A span ends after its answer is sent."""
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_nobody_foresaw_is_a_problem_without_a_trace(
    house: House, monkeypatch: pytest.MonkeyPatch, lines: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("limit 918273645")

    monkeypatch.setattr(house.services.reading, "history", fail)
    answer = house.client.get("/v1/risk")
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "918273645" not in answer.text + lines.text
    assert [record.__dict__["code"] for record in lines.records if record.msg == "unforeseen error"] == ["ValueError"]


def test_the_public_port_knows_no_route_of_the_operators(house: House) -> None:
    for method, path in (
        ("GET", "/v1/transactions"),
        ("GET", "/v1/relayer/status"),
        ("PATCH", "/v1/relayer/policies"),
        ("GET", "/v1/webhooks"),
        ("PUT", "/v1/risk"),
        ("POST", "/v1/batches"),
        ("GET", "/metrics"),
    ):
        public = house.client.request(method, path, headers=house.admin.headers)
        assert public.status_code in (404, 405), path


def test_a_client_that_leaves_does_no_harm(house: House) -> None:
    parts = urlsplit(house.url)
    for _ in range(5):
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            connection.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert isinstance(house.client.get("/healthz"), httpx.Response)


def test_more_requests_than_may_be_under_way_are_told_to_come_again(tmp_path: Path) -> None:
    with opened(tmp_path, settings_of(most_requests=2, body_seconds=5.0)) as house:
        parts = urlsplit(house.url)
        waiting = [socket.create_connection((parts.hostname or "", parts.port or 0)) for _ in range(2)]
        for connection in waiting:
            connection.sendall(b"POST /v1/quotes HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.2)
        full = house.client.get("/v1/keys")
        assert (full.status_code, full.json()["code"]) == (503, "BUSY")
        assert "retry-after" in full.headers
        assert house.send(trader(1))["state"] == "receipted"
        for connection in waiting:
            connection.close()
        time.sleep(0.2)
        assert house.client.get("/v1/keys").status_code == 200


@contextmanager
def unfinished(url: str, count: int, path: str, *, by: str = "203.0.113.9") -> Iterator[None]:
    """Requests of an address whose bodies do not come, until the end of the block. (A test's server takes the address from the header.)"""
    parts = urlsplit(url)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {by}\r\nContent-Length: 10\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(count):
            address = (parts.hostname or "", parts.port or 0)
            stack.enter_context(socket.create_connection(address)).sendall(head)
        yield


def crowded(**changes: Any) -> ApiSettings:  # noqa: ANN401 - fields of the settings
    """Few places, for tests that say which address asks."""
    return settings_of(trusted_proxies=(ip_network("127.0.0.1"),), body_seconds=30.0, **changes)


def test_health_is_answered_while_every_place_is_taken(tmp_path: Path) -> None:
    with opened(tmp_path, crowded(most_requests=2)) as house, unfinished(house.url, 2, "/healthz"):
        until(lambda: house.client.get("/v1/keys").status_code == 503)
        for method, path in product(("GET", "HEAD"), ("/healthz", "/readyz")):
            assert house.client.request(method, path).status_code == 200
        empty = house.client.request("GET", "/healthz", headers={"Content-Length": "0"})
        assert empty.status_code == 200


@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("length", [{"Content-Length": "1"}, {"Transfer-Encoding": "chunked"}])
def test_a_request_for_health_that_brings_a_body_is_a_request_like_any_other(
    method: str, length: dict[str, str], tmp_path: Path
) -> None:
    body = b"1\r\nx\r\n0\r\n\r\n" if "Transfer-Encoding" in length else b"x"
    name, value = next(iter(length.items()))
    sent = f"{method} /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: {value}\r\n\r\n".encode() + body
    with opened(tmp_path, settings_of(address_rate=Rate(0.001, 1))) as house:
        raw(house.url, sent)
        assert raw(house.url, sent).startswith(b"HTTP/1.1 429")
        assert house.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/quotes", "/v1/orders"])
def test_one_address_holds_only_a_part_of_the_places(path: str, tmp_path: Path) -> None:
    few = {"most_requests": 4, "most_requests_an_address": 2, "most_sending": 4, "most_sending_an_address": 2}
    asked = "/v1/orders" if path == "/v1/orders" else "/v1/quotes"
    with opened(tmp_path, crowded(**few)) as house, unfinished(house.url, 4, path):
        mine, other = ({"X-Forwarded-For": each} for each in ("203.0.113.9", "203.0.113.10"))
        until(lambda: house.client.post(asked, json={}, headers=mine).status_code == 429)
        refused = house.client.post(asked, json={}, headers=mine)
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("RATE_LIMITED", "1")
        assert house.client.post(asked, json={}, headers=other).status_code == 400  # heard, and malformed
        assert house.client.get("/v1/keys", headers=other).status_code == 200


@pytest.mark.parametrize("path", ["/v1/quotes", "/v1/orders"])
def test_a_place_is_free_again_when_its_request_is_over(path: str, tmp_path: Path) -> None:
    few = {"most_requests_an_address": 1, "most_sending_an_address": 1}
    with opened(tmp_path, crowded(**few)) as house:
        mine = {"X-Forwarded-For": "203.0.113.9"}
        with unfinished(house.url, 1, path):
            until(lambda: house.client.post(path, json={}, headers=mine).status_code == 429)
        until(lambda: house.client.post(path, json={}, headers=mine).status_code == 400)


class Numbers(logging.Handler):
    """The request that each access was logged in."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str | None] = []

    def emit(self, _record: logging.LogRecord) -> None:
        self.found.append(request.get())


@pytest.mark.usefixtures("lines")
def test_an_answer_carries_the_number_of_its_log_line_and_every_request_another(house: House) -> None:
    handler, access = Numbers(), logging.getLogger("relayer.access")
    access.addHandler(handler)
    try:
        numbers = [house.client.get("/healthz").headers["X-Request-Id"] for _ in range(3)]
        # A line is written after its answer: that of the request before may be among them.
        until(lambda: handler.found[-1:] == numbers[-1:])
    finally:
        access.removeHandler(handler)
    assert handler.found[-3:] == numbers
    assert len(set(numbers)) == len(numbers)


def test_the_frameworks_own_telemetry_tells_no_collector_of_paths(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    for client in (house.client, house.admin):
        client.get("/v1/orders/0123456789abcdef", params={"secret": "value"})
    assert exporter.get_finished_spans() == ()
