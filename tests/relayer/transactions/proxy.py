"""An endpoint in front of an anvil that can be made to lie, to be silent, to be slow, or to stand still."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from demo.chain import LocalChain

Request = dict[str, Any]
Twist = Callable[[Request, dict[str, Any]], dict[str, Any]]
"""What becomes of an answer, by the request it is for."""


class Proxy:
    """One endpoint; its answers are the anvil's until told otherwise."""

    def __init__(self, chain: LocalChain) -> None:
        self.chain, self.requests = chain, list[Request]()
        self.twist: Twist = lambda _request, answer: answer
        self.silent = threading.Event()
        self.going = True
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                request = json.loads(raw)
                proxy.requests.append(request)
                while proxy.silent.is_set() and proxy.going:
                    time.sleep(0.02)
                body = json.dumps(proxy.twist(request, proxy._forwarded(raw))).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
                """Nothing is logged."""

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def _forwarded(self, raw: bytes) -> dict[str, Any]:
        link = http.client.HTTPConnection("127.0.0.1", self.chain._port, timeout=60)
        try:
            link.request("POST", "/", raw, {"Content-Type": "application/json"})
            answer: dict[str, Any] = json.loads(link.getresponse().read())
            return answer
        finally:
            link.close()

    def methods(self) -> list[str]:
        """What it was asked, in order."""
        return [each["method"] for each in self.requests]

    # ---- ways to be wrong

    def answer(self, method: str, value: Any) -> None:  # noqa: ANN401 - JSON
        """Answers one method with a value, or what a function makes of the parameters and the true answer."""

        def twist(request: Request, answer: dict[str, Any]) -> dict[str, Any]:
            if request["method"] != method:
                return answer
            given = value(request["params"], answer.get("result")) if callable(value) else value
            return {"jsonrpc": "2.0", "id": request["id"], "result": given}

        self.twist = twist

    def other_hashes(self, first: int = 0) -> None:
        """Gives blocks from a height on another hash, the same each time."""

        def block(_params: list[Any], found: dict[str, Any] | None) -> dict[str, Any] | None:
            if found is None or int(found["number"], 16) < first:
                return found
            return found | {"hash": "0x" + found["hash"][2:][::-1]}

        self.answer("eth_getBlockByNumber", block)

    def stand_still(self, height: int) -> None:
        """Knows nothing above a height."""

        def twist(request: Request, answer: dict[str, Any]) -> dict[str, Any]:
            if request["method"] == "eth_getBlockByNumber":
                tag = request["params"][0]
                if tag == "latest":
                    found = self.chain.rpc("eth_getBlockByNumber", hex(height), False)
                    return {"jsonrpc": "2.0", "id": request["id"], "result": found}
                if tag.startswith("0x") and int(tag, 16) > height:
                    return {"jsonrpc": "2.0", "id": request["id"], "result": None}
            if request["method"] == "eth_getTransactionReceipt":
                found = answer.get("result")
                if found is not None and int(found["blockNumber"], 16) > height:
                    return answer | {"result": None}
            return answer

        self.twist = twist

    def honest(self) -> None:
        """Says the truth again."""
        self.twist = lambda _request, answer: answer
        self.silent.clear()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Who asked has hung up, which is its right."""


@contextmanager
def proxies(chain: LocalChain, count: int) -> Iterator[list[Proxy]]:
    """Several endpoints of one anvil."""
    made = [Proxy(chain) for _ in range(count)]
    threads = [threading.Thread(target=each.server.serve_forever, kwargs={"poll_interval": 0.05}) for each in made]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        for each, thread in zip(made, threads, strict=True):
            each.going = False
            each.server.shutdown()
            each.server.server_close()
            thread.join()
