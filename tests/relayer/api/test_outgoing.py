"""Nothing that is named to this service makes it speak to its own machine or network, in whatever form it is written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network

import httpcore
import httpx
import pytest

from relayer.api.outgoing import Outgoing
from relayer.errors import OutgoingError

LOOPBACK = ip_network("127.0.0.0/8")
PUBLIC = "93.184.215.14"
NAMES = {
    "example.com": [PUBLIC],
    "inside.example": ["10.0.0.7"],
    "both.example": [PUBLIC, "127.0.0.1"],
    "six.example": ["2606:2800:220:1:248:1893:25c8:1946"],
    "mapped.example": ["::ffff:169.254.169.254"],
    "scoped.example": ["fe80::1%eth0"],
    "nobody.example": [],
}


def resolve(host: str, _port: int) -> list[str]:
    return NAMES[host]


REFUSED_HOSTS = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104 - an address that must be refused
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "0x7f.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:93.184.215.14]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::a00:1]",
    "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[fec0::1]",
    "inside.example",
    "both.example",
    "mapped.example",
    "scoped.example",
    "nobody.example",
]


@pytest.mark.parametrize("host", REFUSED_HOSTS)
def test_a_host_inside_is_refused_in_every_form(host: str) -> None:
    with pytest.raises(OutgoingError):
        Outgoing(resolve=resolve).check(f"https://{host}/hook")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://example.com/#part",
        "https://example.com\\@127.0.0.1/",
        "https://example.com /",
        "https://exa\tmple.com/",
        "https://example.com:99999/",
        "https://[::1/",
        "https://",
        "https:///path",
        "//example.com/",
        "example.com",
        "https://\u24d4xample.com/",
        "https://example.com/" + 2_000 * "a",
    ],
)
def test_an_address_that_reads_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(OutgoingError):
        Outgoing(resolve=resolve).check(url)


@pytest.mark.parametrize(
    "url", ["https://example.com/hook?a=b", "https://example.com:8443", f"https://{PUBLIC}/", "https://six.example/"]
)
def test_an_address_on_the_internet_is_fine(url: str) -> None:
    Outgoing(resolve=resolve).check(url)


def test_what_the_operator_allows_is_fine() -> None:
    allowed = Outgoing([ip_network("10.0.0.0/8")], resolve)
    allowed.check("http://inside.example/hook")
    with pytest.raises(OutgoingError):
        allowed.check("http://127.0.0.1/")


class Quiet(BaseHTTPRequestHandler):
    """Answers, or sends elsewhere."""

    hits: list[str]

    def do_GET(self) -> None:
        self.server.hits.append(self.path)  # type: ignore[attr-defined]
        moved = self.path == "/moved"
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    made = HTTPServer(("127.0.0.1", 0), Quiet)
    made.hits = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def test_a_name_that_moves_inside_after_it_was_checked_is_not_connected_to(server: HTTPServer) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    outgoing = Outgoing(resolve=lambda _host, _port: next(answers))
    url = f"https://moving.example:{server.server_port}/"
    outgoing.check(url)
    with outgoing.client(2.0) as client, pytest.raises(OutgoingError):
        client.get(url.replace("https", "http"))
    assert server.hits == []  # type: ignore[attr-defined]


def test_the_connection_is_to_the_address_that_was_checked_and_the_name_is_resolved_once(server: HTTPServer) -> None:
    asked: list[str] = []

    def once(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    outgoing = Outgoing([LOOPBACK], once)
    with outgoing.client(2.0) as client:
        answer = client.get(f"http://pinned.example:{server.server_port}/")
    assert answer.status_code == 200
    assert asked == ["pinned.example"]


def test_redirects_are_not_followed(server: HTTPServer) -> None:
    with Outgoing([LOOPBACK]).client(2.0) as client:
        answer = client.get(f"http://127.0.0.1:{server.server_port}/moved")
    assert answer.status_code == 302
    assert server.hits == ["/moved"]  # type: ignore[attr-defined]


def test_a_proxy_of_the_environment_is_not_used(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Outgoing([LOOPBACK]).client(2.0) as client:
        assert client.get(f"http://127.0.0.1:{server.server_port}/").status_code == 200


def test_an_address_that_does_not_answer_is_an_error_of_the_client() -> None:
    outgoing = Outgoing([LOOPBACK], lambda _host, _port: ["127.0.0.1"])
    with outgoing.client(1.0) as client, pytest.raises((httpx.ConnectError, httpcore.ConnectError)):
        client.get("http://closed.example:1/")
