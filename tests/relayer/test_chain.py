"""An endpoint that is silent, busy, limited or talks nonsense ends in one error that names its host and never its URL; what
it says well comes back typed.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from relayer.chain import Chain, Contract
from relayer.errors import RevertedError, RpcError
from relayer.exchange import Link
from relayer.interface import Interface, selector
from tests.relayer.slow_hosts import DRIBBLES, PATIENCE, SHORT, dribbling, speaking

Answer = Callable[[dict[str, Any]], tuple[int, bytes]]
SECRET = "a-key-of-a-paid-service"  # noqa: S105 - what must not be shown
VAULT = "0x" + "ab" * 20


class Endpoint:
    """An HTTP server that answers as a test says."""

    def __init__(self) -> None:
        self.answer: Answer = lambda _: (200, b"")
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.connections: set[int] = set()
        self.hanging_up = False
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.requests.append(request)
                endpoint.paths.append(self.path)
                endpoint.connections.add(self.client_address[1])
                status, body = endpoint.answer(request)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = endpoint.hanging_up

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
                """Nothing is logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v2/{SECRET}"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def chain(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    monkeypatch.setattr("relayer.chain.PATIENCE", (0.0, 0.0))
    with Chain(endpoint.url, timeout=0.5) as made:
        yield made


def result(value: Any) -> tuple[int, bytes]:  # noqa: ANN401 - JSON
    return 200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}).encode()


def failure(**error: Any) -> tuple[int, bytes]:  # noqa: ANN401 - JSON
    return 200, json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode()


def test_the_path_of_the_url_is_asked_and_never_shown(endpoint: Endpoint, chain: Chain) -> None:
    endpoint.answer = lambda _: (200, b"<html>")
    with pytest.raises(RpcError, match="no JSON-RPC") as refused:
        chain.chain_id()
    assert SECRET in endpoint.paths[0]
    assert SECRET not in str(refused.value)
    assert SECRET not in str(dict(refused.value.values))


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"{}", b'{"result": "x"}', b'{"result": null}', b'{"result": {}}', b'{"result": "0xzz"}']
)
def test_an_answer_that_is_none_is_refused(endpoint: Endpoint, chain: Chain, body: bytes) -> None:
    endpoint.answer = lambda _: (200, body)
    with pytest.raises(RpcError, match=r"127\.0\.0\.1"):
        chain.chain_id()
    with pytest.raises(RpcError, match=r"127\.0\.0\.1"):
        chain.code(VAULT)


def test_a_block_with_a_field_missing_is_refused(endpoint: Endpoint, chain: Chain) -> None:
    endpoint.answer = lambda _: result({"number": "0x1", "hash": "0x" + "11" * 32, "timestamp": "0x2"})
    with pytest.raises(RpcError, match="parentHash"):
        chain.block(1)


def test_a_silent_endpoint_is_named(chain: Chain, endpoint: Endpoint) -> None:
    held = threading.Event()

    def silent(_: dict[str, Any]) -> tuple[int, bytes]:
        held.wait(2)
        return result("0x1")

    endpoint.answer = silent
    with pytest.raises(RpcError, match="does not answer eth_chainId: no answer in time"):
        chain.chain_id()
    held.set()


def test_nobody_there_is_said(chain: Chain) -> None:
    with Chain("http://127.0.0.1:9") as nobody, pytest.raises(RpcError, match="is the URL right"):
        nobody.chain_id()
    for url in ("ftp://host", "host:1", "http://"):
        with pytest.raises(RpcError, match="an endpoint is http"):
            Chain(url)
    assert chain.name.startswith("127.0.0.1:")


def test_a_busy_endpoint_is_asked_again(endpoint: Endpoint, chain: Chain) -> None:
    endpoint.answer = lambda _: (429, b"") if len(endpoint.requests) < 3 else result("0x7")
    assert chain.chain_id() == 7
    assert len(endpoint.requests) == 3


def test_an_endpoint_that_stays_busy_is_given_up(endpoint: Endpoint, chain: Chain) -> None:
    endpoint.answer = lambda _: (503, b"")
    with pytest.raises(RpcError, match="status 503"):
        chain.chain_id()


def test_a_connection_that_the_endpoint_closed_is_opened_again(endpoint: Endpoint, chain: Chain) -> None:
    endpoint.answer, endpoint.hanging_up = lambda _: result("0x7"), True
    assert [chain.chain_id() for _ in range(3)] == [7] * 3
    assert len(endpoint.connections) == 3


def test_a_connection_that_is_kept_has_the_whole_time_for_each_request(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock: Any = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)

    def slowly(_: dict[str, Any]) -> tuple[int, bytes]:
        clock.now += 0.7 * PATIENCE
        return result("0x7")

    monkeypatch.setattr("relayer.exchange.time", clock)
    endpoint.answer = slowly
    with Chain(endpoint.url, PATIENCE) as kept:
        assert [kept.chain_id() for _ in range(4)] == [7] * 4
    assert len(endpoint.connections) == 1


def test_an_address_that_swallows_everything_leaves_the_next_its_time(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, given = socket.create_connection, list[float]()

    def reach(address: tuple[str, int], seconds: float) -> socket.socket:
        given.append(seconds)
        if address[0] == "192.0.2.1":
            raise TimeoutError
        return connect(address, seconds)

    monkeypatch.setattr(socket, "create_connection", reach)
    endpoint.answer = lambda _: result("0x7")
    two = partial(Link, addresses=lambda _host, _port: ["192.0.2.1", "127.0.0.1"])
    with Chain(endpoint.url, PATIENCE, connect=two) as chain:
        assert chain.chain_id() == 7
    assert given[0] <= PATIENCE / 2 < given[1]


@pytest.mark.parametrize("part", DRIBBLES)
def test_an_endpoint_that_answers_a_little_at_a_time_is_silent(part: str) -> None:
    with speaking(dribbling(*DRIBBLES[part])) as url, Chain(url, SHORT) as slow:
        began = time.monotonic()
        with pytest.raises(RpcError, match="does not answer eth_chainId: no answer in time"):
            slow.chain_id()
        assert SHORT <= time.monotonic() - began < PATIENCE


def test_logs_are_asked_in_ranges_that_the_endpoint_gives(endpoint: Endpoint, chain: Chain) -> None:
    def limited(request: dict[str, Any]) -> tuple[int, bytes]:
        query = request["params"][0]
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if last - first >= 300:
            return failure(code=-32005, message="query returned more than 10000 results")
        return result([log(block) for block in range(first, last + 1) if block % 100 == 0])

    endpoint.answer = limited
    found = [each.block for logs in chain.logs(VAULT, 0, 1_000) for each in logs]
    assert found == list(range(0, 1_001, 100))


def log(block: int) -> dict[str, Any]:
    return {
        "address": VAULT.upper().replace("X", "x"),
        "topics": [],
        "data": "0x",
        "blockNumber": hex(block),
        "blockHash": "0x" + "11" * 32,
        "transactionHash": "0x" + "22" * 32,
        "logIndex": "0x0",
    }


def test_logs_that_are_refused_for_one_block_are_an_error(endpoint: Endpoint, chain: Chain) -> None:
    endpoint.answer = lambda _: failure(code=-32000, message="no archive")
    with pytest.raises(RpcError, match="refuses eth_getLogs: no archive"):
        list(chain.logs(VAULT, 0, 9))


@pytest.mark.parametrize("nested", [False, True])
def test_a_revert_has_the_name_and_values_of_its_error(endpoint: Endpoint, chain: Chain, nested: bool) -> None:
    entry = next(e for e in Interface.load("Vault").entries if e["type"] == "error" and e["name"] == "WindowOpen")
    data = "0x" + (selector(entry) + (77).to_bytes(32, "big")).hex()
    endpoint.answer = lambda _: failure(code=3, message="execution reverted", data={"data": data} if nested else data)
    with pytest.raises(RevertedError, match=r"WindowOpen\(until 77\)") as refused:
        chain.call(VAULT, b"")
    assert (refused.value.name, refused.value.arguments) == ("WindowOpen", (77,))


def test_a_revert_without_a_known_error_is_one_too(endpoint: Endpoint, chain: Chain) -> None:
    endpoint.answer = lambda _: failure(code=3, message="execution reverted: no")
    with pytest.raises(RevertedError, match="execution reverted: no"):
        chain.call(VAULT, b"")


@pytest.mark.parametrize(
    "words",
    [
        "gas required exceeds allowance (16777216)",
        "Out of gas: gas required exceeds allowance: 30000000",
        "Cannot estimate gas, gas spent exceeded transaction and block gas limit",
        "Transaction gas limit exceeds block gas limit",
        "transaction gas limit too high (cap: 16777216, tx: 30000000)",
    ],
    ids=["geth", "anvil", "Nethermind", "Besu", "EIP-7825"],
)
def test_what_no_block_has_the_gas_for_is_refused_without_a_name(endpoint: Endpoint, chain: Chain, words: str) -> None:
    endpoint.answer = lambda _: failure(code=-32000, message=words)
    with pytest.raises(RevertedError, match="more gas than") as refused:
        chain.gas(VAULT, VAULT, b"")
    assert refused.value.name == ""
    with pytest.raises(RpcError):
        chain.call(VAULT, b"")


@pytest.mark.parametrize(
    "words", ["rate limit exceeded", "insufficient funds for gas * price + value", "header not found"]
)
def test_an_endpoint_that_gives_no_estimate_says_nothing_of_the_transaction(
    endpoint: Endpoint, chain: Chain, words: str
) -> None:
    endpoint.answer = lambda _: failure(code=-32000, message=words)
    with pytest.raises(RpcError, match="refuses eth_estimateGas"):
        chain.gas(VAULT, VAULT, b"")


def test_an_address_without_a_contract_is_said(endpoint: Endpoint, chain: Chain) -> None:
    endpoint.answer = lambda _: result("0x")
    with pytest.raises(RpcError, match="there is no contract at"):
        Contract(chain, VAULT, "Vault").call("root")
