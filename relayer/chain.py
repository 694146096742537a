"""A chain behind a JSON-RPC endpoint: the only place of this package that speaks to one.

Everything comes back typed and checked for form; nothing of it is trusted to be true: who concludes something from an answer
checks it (:mod:`relayer.ledger`, :mod:`relayer.rebuild`). Addresses are lower-case ``0x`` text, hashes 32 bytes, times
seconds since 1970, values wei. An endpoint that is silent, overloaded or talks nonsense is :class:`relayer.errors.RpcError`,
a contract's refusal :class:`relayer.errors.RevertedError` with the name and arguments of its error. Several endpoints and
their disagreement are left to who holds several of these.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self, TypeVar
from urllib.parse import SplitResult, urlsplit

from prover.hashing import keccak256
from relayer import interface
from relayer.errors import RevertedError, RpcError
from relayer.exchange import Link
from relayer.interface import Interface, Value

T = TypeVar("T")
Address = str
Connect = Callable[[SplitResult], Link]
"""Makes a connection to the host of a URL."""
Tag = Literal["latest", "safe", "finalized", "earliest"]

TIMEOUT: Final = 30.0
"""Seconds an endpoint has for an answer."""
LARGEST_ANSWER: Final = 256 * 2**20
LOG_RANGE: Final = 10_000
"""Blocks asked for at once; halved where an endpoint gives fewer."""
BUSY: Final = (429, 502, 503, 504)
PATIENCE: Final = (0.25, 1.0, 4.0)
"""Seconds between attempts while an endpoint says that it is busy."""
REVERT_CODE: Final = 3
TOO_MUCH_GAS: Final = re.compile(
    r"gas required exceeds|out of gas|intrinsic gas|exceed\w* .*gas limit|gas limit (exceed|too high)", re.IGNORECASE
)
"""What nodes say, as an error without data, of a transaction that no block or transaction has the gas for: "gas required exceeds allowance
(N)" (geth, Erigon, reth), "Out of gas: gas required exceeds allowance: N" (anvil), "Cannot estimate gas, gas spent exceeded transaction and
block gas limit" (Nethermind), "Transaction gas limit exceeds block gas limit" (Besu), "transaction gas limit too high" (EIP-7825).
"""
MINING_GLANCE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Block:
    """A block's place in the chain."""

    number: int
    hash: bytes
    parent: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Log:
    """What a contract said in a transaction; ``index`` is its place in the block."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    block_hash: bytes
    transaction: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """A mined transaction; ``to`` is None where it creates a contract."""

    hash: bytes
    block_hash: bytes
    sender: Address
    to: Address | None
    input: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a mined transaction; ``gas_price`` is what a unit of gas cost, in wei."""

    transaction: bytes
    block: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    gas_price: int


class Chain:
    """A chain behind one endpoint. May be used from several threads; each has its own connection until :meth:`close`.

    ``patience``: seconds between attempts while it says that it is busy; ``connect``: what connects to it.
    """

    def __init__(
        self,
        url: str,
        timeout: float = TIMEOUT,
        patience: Sequence[float] | None = None,
        connect: Connect | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RpcError("an endpoint is http://HOST:PORT or https://HOST/PATH", {"scheme": parts.scheme})
        self._url, self._parts, self._timeout, self._patience = url, parts, timeout, patience
        self._connect = connect or Link
        self._links = threading.local()
        self._open: set[Link] = set()

    def close(self) -> None:
        """Closes the connections of all threads; a later request opens a new one."""
        while self._open:
            self._open.pop().end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The endpoint's host, for messages: the rest of its URL may hold a key."""
        return _host(self._parts)

    # ---- blocks and what is in them

    def chain_id(self) -> int:
        """The chain's number (EIP-155)."""
        return self._integer("eth_chainId")

    def block(self, at: int | Tag = "latest") -> Block | None:
        """A block by number or tag; None where the chain has none."""
        answer = self.request("eth_getBlockByNumber", _tag(at), False)
        if answer is None:
            return None
        read = _Answer(self, "eth_getBlockByNumber", answer)
        return Block(read.integer("number"), read.hash("hash"), read.hash("parentHash"), read.integer("timestamp"))

    def head(self, tag: Tag = "latest") -> Block:
        """The newest block, or the newest that is safe or final."""
        block = self.block(tag)
        if block is None:
            raise RpcError(f"{self.name} has no {tag} block: it may still be starting", {"endpoint": self.name})
        return block

    def logs(
        self, address: Address, first: int, last: int, topics: Sequence[Sequence[str]] = ()
    ) -> Iterator[list[Log]]:
        """The logs of a contract in blocks ``first`` … ``last``, in order, range by range."""
        width = LOG_RANGE
        while first <= last:
            end = min(first + width, last + 1) - 1
            query = {
                "address": address,
                "fromBlock": hex(first),
                "toBlock": hex(end),
                "topics": [list(t) for t in topics],
            }
            try:
                answer = self.request("eth_getLogs", query)
            except RpcError:
                # Endpoints limit blocks, results or bytes, each in its own words; one block must be possible.
                if width == 1 or first == end:
                    raise
                width = max(1, (end - first + 1) // 2)
                continue
            yield [self._log(each) for each in _listed(self, "eth_getLogs", answer)]
            first, width = end + 1, min(2 * width, LOG_RANGE)

    def transaction(self, digest: bytes) -> Transaction:
        """A mined transaction."""
        answer = self.request("eth_getTransactionByHash", "0x" + digest.hex())
        if answer is None or answer.get("blockHash") is None:
            what = (
                f"{self.name} does not have transaction 0x{digest.hex()}: ask an endpoint that keeps all transactions"
            )
            raise RpcError(what, {"endpoint": self.name, "transaction": "0x" + digest.hex()})
        read = _Answer(self, "eth_getTransactionByHash", answer)
        to = None if answer.get("to") is None else read.address("to")
        return Transaction(read.hash("hash"), read.hash("blockHash"), read.address("from"), to, read.raw("input"))

    def receipt(self, digest: bytes) -> Receipt | None:
        """What became of a transaction; None while it is not mined."""
        answer = self.request("eth_getTransactionReceipt", "0x" + digest.hex())
        if answer is None:
            return None
        read = _Answer(self, "eth_getTransactionReceipt", answer)
        return Receipt(
            digest,
            read.integer("blockNumber"),
            read.hash("blockHash"),
            read.integer("status") == 1,
            read.integer("gasUsed"),
            read.integer("effectiveGasPrice"),
        )

    def inner_calls(self, digest: bytes, to: Address) -> list[bytes]:
        """Calldata of the calls to a contract inside a transaction, in order, where the endpoint can trace."""
        answer = self.request("debug_traceTransaction", "0x" + digest.hex(), {"tracer": "callTracer"})
        return list(_calls(answer, to))

    # ---- state

    def call(
        self, to: Address, data: bytes, at: int | Tag = "latest", sender: Address | None = None, value: int = 0
    ) -> bytes:
        """What a call returns (:class:`RevertedError` if it is refused)."""
        query = {"to": to, "data": "0x" + data.hex()} | ({"from": sender} if sender else {})
        query |= {"value": hex(value)} if value else {}
        return self._bytes("eth_call", query, _tag(at))

    def code(self, address: Address, at: int | Tag = "latest") -> bytes:
        """The runtime code of a contract; empty where there is none."""
        return self._bytes("eth_getCode", address, _tag(at))

    def balance(self, address: Address) -> int:
        """Coins of an account, in wei."""
        return self._integer("eth_getBalance", address, "latest")

    def agreed(self, question: Callable[[Chain], T], what: str, *, of_all: bool = False) -> T:  # noqa: ARG002 - theirs who have several
        """What it answers; where there are several endpoints, what more than half of those do that answer, or ``of_all``
        (:class:`relayer.transactions.endpoints.Endpoints`). ``what``: the question, for messages.
        """
        return question(self)

    # ---- sending

    def nonce(self, address: Address, at: int | Tag | Literal["pending"] = "pending") -> int:
        """Number of transactions that an account has sent, those waiting included, or up to a block."""
        return self._integer("eth_getTransactionCount", address, hex(at) if isinstance(at, int) else at)

    def gas(self, sender: Address, to: Address, data: bytes, value: int = 0) -> int:
        """Gas that a transaction needs (:class:`RevertedError` if it would be refused, without a name where no block has gas enough)."""
        query = {"from": sender, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        return self._integer("eth_estimateGas", query)

    def fees(self) -> tuple[int, int]:
        """Base fee of the next block and a tip, in wei a gas unit."""
        answer = self.request("eth_getBlockByNumber", "latest", False)
        base = _Answer(self, "eth_getBlockByNumber", answer).integer("baseFeePerGas")
        return base, self._integer("eth_maxPriorityFeePerGas")

    def fee_history(self, blocks: int, percentile: float) -> tuple[int, list[int]]:
        """Base fee of the next block, and the tip at a percentile of each of the last blocks, in wei a gas unit."""
        answer = self.request("eth_feeHistory", hex(blocks), "latest", [percentile])
        read = _Answer(self, "eth_feeHistory", answer)
        try:
            base = [int(each, 16) for each in read.take("baseFeePerGas")]
            tips = [int(each[0], 16) for each in read.take("reward") or ()]
            return base[-1], tips
        except (TypeError, ValueError, IndexError):
            raise _malformed(self, "eth_feeHistory") from None

    def send_raw(self, signed: bytes) -> bytes:
        """Sends a signed transaction; its hash."""
        self.request("eth_sendRawTransaction", "0x" + signed.hex())
        return keccak256(signed)

    def send_unlocked(self, sender: Address, to: Address, data: bytes, value: int, gas: int) -> bytes:
        """Has the endpoint sign and send, which local chains do; the transaction's hash."""
        query = {"from": sender, "to": to, "data": "0x" + data.hex(), "value": hex(value), "gas": hex(gas)}
        return self._bytes("eth_sendTransaction", query)

    def mined(self, digest: bytes, patience: float) -> Receipt:
        """Waits for a transaction; :class:`RpcError` after ``patience`` seconds, when it may still be mined later."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            receipt = self.receipt(digest)
            if receipt is not None:
                return receipt
            time.sleep(MINING_GLANCE)
        what = f"transaction 0x{digest.hex()} is not mined after {patience:.0f} s; run the command again to go on from there"
        raise RpcError(what, {"endpoint": self.name, "transaction": "0x" + digest.hex()})

    # ---- JSON-RPC

    def request(self, method: str, *params: Value) -> Value:
        """One request; its result as JSON."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        for pause in (*(PATIENCE if self._patience is None else self._patience), None):
            status, raw = self._post(body, method)
            if status in BUSY and pause is not None:
                time.sleep(pause)
                continue
            return self._result(method, status, raw)
        raise AssertionError("the last attempt returns or raises")

    def _post(self, body: bytes, method: str) -> tuple[int, bytes]:
        fresh = getattr(self._links, "link", None) is None
        try:
            return self._exchange(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._drop()
            if not fresh and not isinstance(error, TimeoutError):
                # An endpoint closes connections that were idle; the request was not lost but never read.
                return self._post(body, method)
            what = f"{self.name} does not answer {method}: {_reason(error)}; is the URL right and the endpoint up?"
            raise RpcError(what, {"endpoint": self.name, "method": method}) from error

    def _exchange(self, body: bytes) -> tuple[int, bytes]:
        link = getattr(self._links, "link", None)
        if link is None:
            link = self._links.link = self._connect(self._parts)
            self._open.add(link)
        path = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        link.begin(self._timeout, LARGEST_ANSWER)
        link.request("POST", path, body, self._headers(body))
        answer = link.getresponse()
        raw = answer.read(LARGEST_ANSWER + 1)
        if len(raw) > LARGEST_ANSWER:
            raise http.client.HTTPException(f"an answer of more than {LARGEST_ANSWER} bytes")
        return answer.status, raw

    def _headers(self, body: bytes) -> dict[str, str]:  # noqa: ARG002 - who signs requests needs it
        """Headers of a request with this body."""
        return {"Content-Type": "application/json"}

    def _drop(self) -> None:
        link = getattr(self._links, "link", None)
        self._links.link = None
        if link is not None:
            self._open.discard(link)
            link.end()

    def _result(self, method: str, status: int, raw: bytes) -> Value:
        try:
            answer = json.loads(raw)
            error = answer.get("error")
        except (ValueError, AttributeError, RecursionError):
            self._drop()
            what = (
                f"{self.name} answered {method} with status {status} and no JSON-RPC; is this an endpoint of a chain?"
            )
            raise RpcError(what, {"endpoint": self.name, "method": method, "status": status}) from None
        if error is not None:
            raise self._refusal(method, error)
        if "result" not in answer:
            raise RpcError(f"{self.name} answered {method} without a result", {"endpoint": self.name, "method": method})
        return answer["result"]

    def _refusal(self, method: str, error: Value) -> RpcError | RevertedError:
        message = str(error.get("message", error) if isinstance(error, dict) else error)[:300]
        data = _revert_data(error)
        if data is not None or (isinstance(error, dict) and error.get("code") == REVERT_CODE):
            return reverted(data or b"", message)
        if method == "eth_estimateGas" and TOO_MUCH_GAS.search(message):
            what = f"it needs more gas than {self.name} lets a transaction have: {message}"
            return RevertedError(what, "", (), {"endpoint": self.name})
        what = f"{self.name} refuses {method}: {message}"
        return RpcError(what, {"endpoint": self.name, "method": method})

    def _integer(self, method: str, *params: Value) -> int:
        answer = self.request(method, *params)
        try:
            return int(answer, 16)
        except (TypeError, ValueError):
            raise _malformed(self, method) from None

    def _bytes(self, method: str, *params: Value) -> bytes:
        return _Answer(self, method, {"result": self.request(method, *params)}).raw("result")

    def _log(self, answer: Value) -> Log:
        read = _Answer(self, "eth_getLogs", answer)
        topics = tuple(_raw(topic) for topic in read.take("topics"))
        if any(topic is None or len(topic) != 32 for topic in topics):
            raise _malformed(self, "eth_getLogs")
        return Log(
            read.address("address"),
            tuple(topic for topic in topics if topic is not None),
            read.raw("data"),
            read.integer("blockNumber"),
            read.hash("blockHash"),
            read.hash("transactionHash"),
            read.integer("logIndex"),
        )


class Contract:
    """A contract on a chain, called by the names of its interface."""

    def __init__(self, chain: Chain, address: Address, name: str) -> None:
        self.chain, self.address, self.interface = chain, address.lower(), Interface.load(name)

    def call(self, function: str, *arguments: Value, at: int | Tag = "latest") -> Value:
        """What a function returns, structs as :class:`relayer.interface.Struct`."""
        raw = self.chain.call(self.address, self.interface.call(function, *arguments), at)
        if not raw and not self.chain.code(self.address):
            what = (
                f"there is no contract at {self.address} on the chain of {self.chain.name}: check address and endpoint"
            )
            raise RpcError(what, {"address": self.address, "endpoint": self.chain.name})
        return self.interface.result(function, raw)


def reverted(data: bytes, message: str = "") -> RevertedError:
    """The refusal that the data of a revert says."""
    found = interface.read_error(data)
    if found is None:
        return RevertedError(
            f"the contract refuses: {message or '0x' + data.hex()}", "", (), {"data": "0x" + data.hex()}
        )
    arguments = tuple(found.values.values())
    said = ", ".join(f"{name} {_shown(value)}" for name, value in found.values.items())
    return RevertedError(f"the contract refuses: {found.name}({said})", found.name, arguments)


def _shown(value: Value) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


class _Answer:
    """An object of an answer, read field by field; what is not of its form is the endpoint's error."""

    def __init__(self, chain: Chain, method: str, answer: Value) -> None:
        if not isinstance(answer, dict):
            raise _malformed(chain, method)
        self._chain, self._method, self._answer = chain, method, answer

    def take(self, name: str) -> Value:
        if name not in self._answer:
            raise _malformed(self._chain, self._method, name)
        return self._answer[name]

    def integer(self, name: str) -> int:
        try:
            return int(self.take(name), 16)
        except (TypeError, ValueError):
            raise _malformed(self._chain, self._method, name) from None

    def raw(self, name: str, length: int | None = None) -> bytes:
        raw = _raw(self.take(name))
        if raw is None or (length is not None and len(raw) != length):
            raise _malformed(self._chain, self._method, name)
        return raw

    def hash(self, name: str) -> bytes:
        return self.raw(name, 32)

    def address(self, name: str) -> Address:
        return "0x" + self.raw(name, 20).hex()


def _raw(value: object) -> bytes | None:
    if not isinstance(value, str) or not value.startswith("0x"):
        return None
    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        return None


def _listed(chain: Chain, method: str, answer: Value) -> list[Value]:
    if not isinstance(answer, list):
        raise _malformed(chain, method)
    return answer


def _malformed(chain: Chain, method: str, name: str | None = None) -> RpcError:
    place = "" if name is None else f" ({name})"
    what = f"{chain.name} answered {method} with something else than a chain does{place}"
    return RpcError(what, {"endpoint": chain.name, "method": method})


def _calls(frame: Value, to: Address) -> Iterator[bytes]:
    """Calldata of the frames of a trace that went to a contract and were not undone."""
    if not isinstance(frame, dict) or frame.get("error") is not None:
        return
    raw = _raw(frame.get("input"))
    if str(frame.get("to", "")).lower() == to and frame.get("type") == "CALL" and raw is not None:
        yield raw
    for inner in frame.get("calls", ()):
        yield from _calls(inner, to)


def _revert_data(error: object) -> bytes | None:
    """The data of a revert: nodes put it in ``data`` as text, or in an object of that name."""
    data = error.get("data") if isinstance(error, dict) else None
    return _raw(data.get("data") if isinstance(data, dict) else data)


def _tag(at: int | Tag) -> str:
    return hex(at) if isinstance(at, int) else at


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return host if parts.port is None else f"{host}:{parts.port}"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
