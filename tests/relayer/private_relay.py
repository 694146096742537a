"""A private relay in front of an anvil: keeps what it is sent from the mempool until it builds a block.

Speaks ``eth_sendPrivateTransaction``, ``eth_cancelPrivateTransaction`` and ``eth_sendBundle`` over HTTP and checks who signed a request.
It can lose what it is sent without a word, keep it for some blocks, and refuse; it records all that it saw. A builder's block reaches
the network whole, and anvil has no call for that: transactions pass its mempool in the instant before the block, while ``building`` is
held, which who watches the mempool takes too.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from demo.chain import ChainError, LocalChain
from prover.hashing import keccak256
from relayer.signing import signer_of

HEADER: Final = "X-Flashbots-Signature"


@dataclass(frozen=True)
class Seen:
    """A request that came, and whose key had signed it."""

    method: str
    params: dict[str, Any]
    searcher: str | None
    block: int


@dataclass
class PrivateRelay:
    """A relay and the builder behind it."""

    chain: LocalChain
    dropping: bool = False
    refusing: str | None = None
    delay: int = 0
    seen: list[Seen] = field(default_factory=list)
    building: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""
    _kept: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """Signed transactions by hash: the transaction, the first block it may be in, the last."""
    _bundles: dict[int, list[list[str]]] = field(default_factory=dict)

    @property
    def height(self) -> int:
        """The newest block."""
        return int(self.chain.rpc("eth_blockNumber"), 16)

    # ---- what it is asked

    def answer(self, method: str, params: dict[str, Any], searcher: str | None) -> Any:  # noqa: ANN401 - JSON
        """The result of a request; raises :class:`ChainError` where it refuses."""
        self.seen.append(Seen(method, params, searcher, self.height))
        if self.refusing is not None:
            raise ChainError(self.refusing)
        if method == "eth_sendPrivateTransaction":
            return self._take(params["tx"], int(params["maxBlockNumber"], 16))
        if method == "eth_cancelPrivateTransaction":
            return self._kept.pop(params["txHash"], None) is not None
        if method == "eth_sendBundle":
            if searcher is None:
                raise ChainError("a bundle needs the signature of its searcher")
            return self._bundle(params["txs"], int(params["blockNumber"], 16))
        raise ChainError(f"method {method} not found")

    def _take(self, raw: str, last: int) -> str:
        digest = "0x" + keccak256(bytes.fromhex(raw[2:])).hex()
        if not self.dropping:
            self._kept.setdefault(digest, (raw, self.height + 1 + self.delay, last))
        return digest

    def _bundle(self, raws: list[str], block: int) -> dict[str, str]:
        if not self.dropping:
            self._bundles.setdefault(block, []).append(raws)
        return {"bundleHash": "0x" + keccak256("".join(raws).encode()).hex()}

    # ---- building

    def build(self, blocks: int = 1) -> None:
        """Builds blocks: what it holds for each goes in before what the mempool has."""
        for _ in range(blocks):
            with self.building:
                number = self.height + 1
                for raw in self._for(number):
                    try:
                        self.chain.rpc("eth_sendRawTransaction", raw)
                    except ChainError:
                        # Its nonce is used, or it pays too little: no builder takes it.
                        continue
                self.chain.rpc("evm_mine")

    def _for(self, number: int) -> list[str]:
        raws = [raw for raw, first, last in self._kept.values() if first <= number <= last]
        self._kept = {digest: kept for digest, kept in self._kept.items() if kept[2] > number}
        bundles = self._bundles.pop(number, [])
        return raws + [raw for bundle in bundles[-1:] for raw in bundle]

    def methods(self) -> list[str]:
        """What it was asked, in order."""
        return [each.method for each in self.seen]


@contextmanager
def private_relay(chain: LocalChain) -> Iterator[PrivateRelay]:
    """A relay that listens while the context lasts."""
    relay = PrivateRelay(chain)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            request = json.loads(raw)
            document: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
            try:
                searcher = searcher_of(self.headers.get(HEADER), raw)
                document["result"] = relay.answer(request["method"], request["params"][0], searcher)
            except ChainError as error:
                document["error"] = {"code": -32000, "message": str(error)}
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    relay.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def searcher_of(header: str | None, body: bytes) -> str | None:
    """Who signed a body; raises :class:`ChainError` for a header that is not the signature of who it names."""
    if header is None:
        return None
    named, _, signature = header.partition(":")
    said = ("0x" + keccak256(body).hex()).encode()
    digest = keccak256(b"\x19Ethereum Signed Message:\n" + str(len(said)).encode() + said)
    signer = signer_of(digest, bytes.fromhex(signature.removeprefix("0x")))
    if signer is None or signer != named.lower():
        raise ChainError("the signature is not that of the searcher it names")
    return signer


@dataclass
class MempoolWatch:
    """Every transaction that was seen waiting in the mempool, with the height at that moment."""

    chain: LocalChain
    relay: PrivateRelay
    seen: dict[str, int] = field(default_factory=dict)
    samples: int = 0

    def look(self) -> None:
        """Looks once, never while a block is being built."""
        with self.relay.building:
            pool = self.chain.rpc("txpool_content")
            height = int(self.chain.rpc("eth_blockNumber"), 16)
        self.samples += 1
        for part in pool.values():
            for by_nonce in part.values():
                for each in by_nonce.values():
                    self.seen.setdefault(each["hash"], height)


@contextmanager
def mempool_watch(chain: LocalChain, relay: PrivateRelay) -> Iterator[MempoolWatch]:
    """Looks into the mempool all the time while the context lasts."""
    watch, over = MempoolWatch(chain, relay), threading.Event()

    def look() -> None:
        while not over.is_set():
            watch.look()
            over.wait(0.005)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
