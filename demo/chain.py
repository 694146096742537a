"""A local chain, compiled contracts, and calls to them, for whatever shows that the contracts accept what is proven:
demo, bench and tests. What a vault is made of is `demo.vault`'s.

One anvil process a `LocalChain`, on a port of its own, ended when the context is left. Accounts are anvil's unlocked ones,
so nothing here holds a key. Contracts are compiled by the locked compiler with the settings of `contracts/foundry.toml`, the
generated verifier among them; results are kept under `build/contracts` by the hash of their input. A revert comes back as
`Reverted` with the name and values of the contract's custom error.
"""

from __future__ import annotations

import collections
import hashlib
import http.client
import json
import os
import re
import subprocess
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS = ROOT / "contracts"
TOOLS = ROOT / "node_modules" / ".bin"
COMPILED = ROOT / "build" / "contracts"

DOLLAR_SOURCE = "test/helpers/TestToken.sol"
"""A token of 6 decimals that anyone mints, compiled with the contracts."""

START_LIMIT_LINES = 200
MINING_LIMIT_SECONDS = 60

T = TypeVar("T")
Value: TypeAlias = Any
"""What an ABI or JSON-RPC carries: its type is known at run time, from the interface."""


class ChainError(Exception):
    """The local chain, the compiler or a call that cannot work, with what was said."""


class Reverted(Exception):  # noqa: N818 - the chain's own word for it
    """A call or transaction that a contract refused.

    `name` is that of its custom error, "" if it gave none; `values` are its arguments in order.
    """

    def __init__(self, name: str, values: tuple[Any, ...], data: bytes) -> None:
        super().__init__(f"{name}{values}" if name else f"reverted with 0x{data.hex()}")
        self.name = name
        self.values = values
        self.data = data


# ------------------------------------------------------------------------------------------------------------- compiling


@dataclass(frozen=True)
class Artifact:
    """A compiled contract: its interface and the code that creates it."""

    abi: list[dict[str, Any]]
    bytecode: bytes


def compile_contracts(**generated: str) -> dict[str, Artifact]:
    """Compiles `contracts/src`, the test token and sources that are not in git, by their contracts' names (`Verifier`, …).

    Returns the artifacts by contract name. Raises `ChainError` with the compiler's messages if there are any. Each generated source is
    compiled by itself, so that contracts which are the same for all keys are compiled once.
    """
    sources = _sources()
    artifacts = _compiled(sources, "*")
    for name, text in generated.items():
        file = f"src/{name}.sol"
        artifacts |= _compiled(sources | {file: text}, file)
    return artifacts


def _compiled(sources: Mapping[str, str], wanted: str) -> dict[str, Artifact]:
    """Artifacts of the contracts of one source, or with `*` of all; kept for the next time."""
    request = _compiler_input(sources, wanted)
    kept = COMPILED / f"{hashlib.sha256(request.encode()).hexdigest()[:32]}.json"
    if not kept.exists():
        answer = _run_compiler(request)
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}.part")
        part.write_text(answer)
        part.replace(kept)
    return _artifacts(json.loads(kept.read_text()))


def _profile() -> dict[str, Any]:
    """The settings that forge compiles with."""
    profile: dict[str, Any] = tomllib.loads((CONTRACTS / "foundry.toml").read_text())["profile"]["default"]
    return profile


def _sources() -> dict[str, str]:
    sources = {
        f"src/{path.relative_to(CONTRACTS / 'src')}": path.read_text() for path in CONTRACTS.glob("src/**/*.sol")
    }
    sources[DOLLAR_SOURCE] = (CONTRACTS / DOLLAR_SOURCE).read_text()
    return sources | _imported(sources.values(), _profile().get("remappings", []))


def _compiler_input(sources: Mapping[str, str], wanted: str) -> str:
    profile = _profile()
    settings = {
        "viaIR": profile.get("via_ir", False),
        "evmVersion": profile["evm_version"],
        "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
        "metadata": {"bytecodeHash": "none", "appendCBOR": False},
        "outputSelection": {wanted: {"*": ["abi", "evm.bytecode.object"]}},
    }
    content = {name: {"content": text} for name, text in sorted(sources.items())}
    return json.dumps({"language": "Solidity", "sources": content, "settings": settings})


def _imported(sources: Iterable[str], remappings: Iterable[str]) -> dict[str, str]:
    """Sources that `sources` import by a remapped name, by that name. They import nothing remapped themselves."""
    found: dict[str, str] = {}
    for prefix, _, folder in (remapping.partition("=") for remapping in remappings):
        names = {name for text in sources for name in re.findall(rf'"({re.escape(prefix)}[^"]+)"', text)}
        found |= {name: (CONTRACTS / folder / name.removeprefix(prefix)).read_text() for name in names}
    return found


def _run_compiler(request: str) -> str:
    solc = CONTRACTS / "tools" / "solc"
    done = subprocess.run([str(solc), "--standard-json"], input=request, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ChainError(f"{solc} ended with {done.returncode}: {done.stderr.strip()}; run `make node`")
    wrong = [
        entry["formattedMessage"] for entry in json.loads(done.stdout).get("errors", ()) if entry["severity"] == "error"
    ]
    if wrong:
        raise ChainError("the contracts do not compile:\n" + "\n".join(wrong))
    return done.stdout


def _artifacts(answer: Mapping[str, Any]) -> dict[str, Artifact]:
    found = {}
    for contracts in answer["contracts"].values():
        for name, output in contracts.items():
            found[name] = Artifact(output["abi"], bytes.fromhex(output["evm"]["bytecode"]["object"]))
    return found


# ------------------------------------------------------------------------------------------------------------- the chain


@dataclass(frozen=True)
class Receipt:
    """A mined transaction."""

    transaction: str
    block: int
    gas: int
    contract: str | None
    logs: list[dict[str, Any]]


class LocalChain:
    """A running anvil; made by `local_chain`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.accounts: list[str] = self.rpc("eth_accounts")
        self.chain_id = int(self.rpc("eth_chainId"), 16)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def rpc(self, method: str, *params: Value) -> Value:
        """One JSON-RPC call. Raises `ChainError`; a revert's data is in its second argument."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        try:
            link.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.loads(link.getresponse().read())
        except (OSError, http.client.HTTPException) as error:
            raise ChainError(f"{method}: the chain does not answer: {error!r}") from error
        finally:
            link.close()
        if "error" in answer:
            raise ChainError(f"{method}: {answer['error'].get('message')}", answer["error"].get("data"))
        return answer["result"]

    def nonce(self, account: str) -> int:
        """Number of transactions that `account` has sent."""
        return int(self.rpc("eth_getTransactionCount", account, "latest"), 16)

    def next_contract(self, deployer: str) -> str:
        """Address of the contract that the next transaction of `deployer` creates, if it creates one."""
        return created_address(deployer, self.nonce(deployer))

    def block(self) -> int:
        """Number of the last block."""
        return int(self.rpc("eth_blockNumber"), 16)

    def time(self) -> int:
        """Time of the last block, in seconds since 1970."""
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def block_at(self, time: int) -> None:
        """Mines a block at a time, in seconds since 1970. Raises `ChainError` if it is past."""
        self.next_block_at(time)
        self.rpc("evm_mine")

    def pass_time(self, seconds: int) -> int:
        """Mines a block so much later; its time."""
        self.block_at(self.time() + seconds)
        return self.time()

    def balance(self, account: str) -> int:
        """The chain's own coin that `account` holds, in wei."""
        return int(self.rpc("eth_getBalance", account, "latest"), 16)

    def send(self, sender: str, data: bytes, to: str | None = None, gas: int | None = None, value: int = 0) -> Receipt:
        """Sends a transaction and waits for it. Raises `ChainError` if it reverts; `Contract` turns that into `Reverted`.

        `value` is in wei.
        """
        transaction: dict[str, str] = {"from": sender, "data": "0x" + data.hex(), "value": hex(value)}
        if to is not None:
            transaction["to"] = to
        transaction["gas"] = hex(gas) if gas is not None else self.rpc("eth_estimateGas", transaction)
        return self.receipt(self.rpc("eth_sendTransaction", transaction))

    def receipt(self, digest: str) -> Receipt:
        """The receipt of a transaction, once it is mined. Raises `ChainError` if it reverted."""
        mined = self._mined(digest)
        if int(mined["status"], 16) != 1:
            raise ChainError(f"transaction {digest} reverted with {int(mined['gasUsed'], 16)} gas used")
        return Receipt(
            digest, int(mined["blockNumber"], 16), int(mined["gasUsed"], 16), mined["contractAddress"], mined["logs"]
        )

    def _mined(self, digest: str) -> dict[str, Value]:
        """The receipt of a transaction, once there is one."""
        end = time.monotonic() + MINING_LIMIT_SECONDS
        while time.monotonic() < end:
            receipt: dict[str, Value] | None = self.rpc("eth_getTransactionReceipt", digest)
            if receipt is not None:
                return receipt
            time.sleep(0.02)
        raise ChainError(f"transaction {digest} was not mined within {MINING_LIMIT_SECONDS} s")

    def next_block_at(self, time: int) -> None:
        """Sets the time of the next block, in seconds since 1970. Raises `ChainError` if it is past."""
        self.rpc("evm_setNextBlockTimestamp", time)

    def calldata(self, transaction: str) -> bytes:
        """What a mined transaction carried."""
        return bytes.fromhex(self.rpc("eth_getTransactionByHash", transaction)["input"][2:])

    def deploy(self, artifact: Artifact, *arguments: Value, sender: str | None = None) -> Contract:
        """Creates a contract from its artifact and constructor arguments."""
        return self.create(artifact, *arguments, sender=sender)[0]

    def create(self, artifact: Artifact, *arguments: Value, sender: str | None = None) -> tuple[Contract, Receipt]:
        """As `deploy`, with the receipt."""
        types = [_type(i) for entry in artifact.abi if entry["type"] == "constructor" for i in entry["inputs"]]
        receipt = _decoded(
            artifact.abi, lambda: self.send(sender or self.accounts[0], artifact.bytecode + encode(types, arguments))
        )
        if receipt.contract is None:
            raise ChainError(f"transaction {receipt.transaction} created no contract")
        return Contract(self, receipt.contract, artifact.abi), receipt


@contextmanager
def local_chain(
    hardfork: str = "prague",
    start: int | None = None,
    accounts: int = 10,
    epoch: int | None = None,
    every: int | None = None,
    port: int = 0,
) -> Iterator[LocalChain]:
    """Runs anvil on a port (0: a free one) while the context lasts, its clock set to `start` (seconds since 1970, None: now), with so many
    unlocked accounts. A block is final two epochs of `epoch` slots (None: 32) later. A transaction is mined at once, in a block
    of its own; with `every`, a block is mined every so many seconds as well.

    Raises `ChainError` if there is no anvil or it does not start.
    """
    anvil = TOOLS / "anvil"
    if not anvil.exists():
        raise ChainError(f"no {anvil}; run `make node`")
    command = [str(anvil), "--port", str(port), "--hardfork", hardfork, "--gas-limit", "1000000000"]
    command += ["--accounts", str(accounts)]
    if epoch is not None:
        command += ["--slots-in-an-epoch", str(epoch)]
    if start is not None:
        command += ["--timestamp", str(start)]
    if every is not None:
        command += ["--block-time", str(every), "--mixed-mining"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        # anvil writes a line a call; unread, they would fill the pipe and stop it.
        reader = threading.Thread(target=collections.deque, args=(process.stdout, 0), daemon=True)
        try:
            listening = _port_of(process)
            reader.start()
            yield LocalChain(listening)
        finally:
            process.terminate()
            if reader.is_alive():
                reader.join()  # it ends with anvil; the pipe must not be closed under it


def _port_of(process: subprocess.Popen[str]) -> int:
    if process.stdout is None:
        raise ChainError("anvil was started without a pipe")
    said = []
    for line in process.stdout:
        found = re.search(r"Listening on 127\.0\.0\.1:(\d+)", line)
        if found:
            return int(found[1])
        said.append(line)
        if len(said) > START_LIMIT_LINES:
            break
    raise ChainError("anvil did not start: " + "".join(said)[-500:])


# --------------------------------------------------------------------------------------------------------------- calls


@dataclass(frozen=True)
class Event:
    """A decoded log entry."""

    name: str
    values: dict[str, Any]


class Contract:
    """A deployed contract, called by the names of its functions with plain Python values (structs as tuples).

    `errors`: interfaces of the contracts whose refusals pass through this one.
    """

    def __init__(
        self, chain: LocalChain, address: str, abi: list[dict[str, Any]], errors: Iterable[dict[str, Any]] = ()
    ) -> None:
        self.chain = chain
        self.address = address
        self._block = "latest"
        self._abi = abi + [entry for entry in errors if entry["type"] == "error"]

    def at(self, block: int) -> Contract:
        """The contract as it was after a block: what is called answers from there."""
        then = Contract(self.chain, self.address, self._abi)
        then._block = hex(block)
        return then

    def call(self, name: str, *arguments: Value, sender: str | None = None, value: int = 0) -> Value:
        """Result of a function without sending anything; a tuple if it has several. Raises `Reverted`."""
        transaction = {
            "to": self.address,
            "data": "0x" + self.encoded(name, *arguments).hex(),
            "from": sender or self.chain.accounts[0],
            "value": hex(value),
        }
        answer: str = _decoded(self._abi, lambda: self.chain.rpc("eth_call", transaction, self._block))
        outputs = [_type(output) for output in self._function(name)["outputs"]]
        values = decode(outputs, bytes.fromhex(answer[2:]))
        return values[0] if len(values) == 1 else values

    def send(
        self, name: str, *arguments: Value, sender: str | None = None, gas: int | None = None, value: int = 0
    ) -> Receipt:
        """Sends a transaction that calls a function, with `value` wei. Raises `Reverted`."""
        data, sender = self.encoded(name, *arguments), sender or self.chain.accounts[0]
        return _decoded(self._abi, lambda: self.chain.send(sender, data, self.address, gas, value))

    def encoded(self, name: str, *arguments: Value) -> bytes:
        """Calldata of a call."""
        entry = self._function(name)
        return _selector(entry) + encode([_type(i) for i in entry["inputs"]], arguments)

    def decoded(self, name: str, calldata: bytes) -> tuple[Value, ...]:
        """Arguments of a function in the calldata of a call. Raises `ChainError` for a call of another function."""
        entry = self._function(name)
        if calldata[:4] != _selector(entry):
            raise ChainError(f"calldata that starts with 0x{calldata[:4].hex()} is no call of {name}")
        return decode([_type(i) for i in entry["inputs"]], calldata[4:])

    def event(self, receipt: Receipt, name: str) -> dict[str, Any]:
        """Values of the only event of that name in a transaction. Raises `ChainError` if there is none or several."""
        found = [event.values for event in self.events(receipt) if event.name == name]
        if len(found) != 1:
            raise ChainError(f"transaction {receipt.transaction} has {len(found)} events {name}")
        return found[0]

    def topic(self, name: str) -> str:
        """First topic of the logs of an event."""
        found = [entry for entry in self._abi if entry["type"] == "event" and entry["name"] == name]
        return "0x" + keccak(_signature(found[0]).encode()).hex()

    def events(self, receipt: Receipt) -> list[Event]:
        """The contract's own events of a transaction, in order."""
        known = {keccak(_signature(entry).encode()): entry for entry in self._abi if entry["type"] == "event"}
        own = [log for log in receipt.logs if log["address"].lower() == self.address.lower()]
        return [_event(known[bytes.fromhex(log["topics"][0][2:])], log) for log in own]

    def _function(self, name: str) -> dict[str, Any]:
        found = [entry for entry in self._abi if entry["type"] == "function" and entry["name"] == name]
        if len(found) != 1:
            raise ChainError(f"{self.address} has {len(found)} functions called {name!r}")
        return found[0]


def _event(entry: dict[str, Any], log: dict[str, Any]) -> Event:
    indexed = [i for i in entry["inputs"] if i["indexed"]]
    plain = [i for i in entry["inputs"] if not i["indexed"]]
    values = {
        i["name"]: decode([_type(i)], bytes.fromhex(topic[2:]))[0]
        for i, topic in zip(indexed, log["topics"][1:], strict=True)
    }
    data = decode([_type(i) for i in plain], bytes.fromhex(log["data"][2:]))
    values.update({i["name"]: value for i, value in zip(plain, data, strict=True)})
    return Event(entry["name"], values)


def _decoded(abi: list[dict[str, Any]], action: Callable[[], T]) -> T:
    """What `action` gives; a revert's data is read with the errors of `abi`."""
    try:
        return action()
    except ChainError as error:
        data = error.args[1] if len(error.args) > 1 else None
        if not isinstance(data, str):
            raise
        raise _reverted(abi, bytes.fromhex(data[2:])) from error


def _reverted(abi: list[dict[str, Any]], data: bytes) -> Reverted:
    for entry in abi:
        if entry["type"] == "error" and _selector(entry) == data[:4]:
            return Reverted(entry["name"], decode([_type(i) for i in entry["inputs"]], data[4:]), data)
    return Reverted("", (), data)


def _type(parameter: Mapping[str, Any]) -> str:
    """The canonical type of an ABI parameter, structs spelled out."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(part) for part in parameter['components'])}){kind.removeprefix('tuple')}"


def _signature(entry: Mapping[str, Any]) -> str:
    return f"{entry['name']}({','.join(_type(i) for i in entry['inputs'])})"


def _selector(entry: Mapping[str, Any]) -> bytes:
    return bytes(keccak(_signature(entry).encode())[:4])


def created_address(deployer: str, nonce: int) -> str:
    """Address of the contract created by transaction number `nonce` of `deployer`: the end of keccak(rlp([deployer, nonce]))."""
    number = b"" if nonce == 0 else nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = number if len(number) == 1 and number[0] < 0x80 else bytes([0x80 + len(number)]) + number
    body = b"\x94" + bytes.fromhex(deployer[2:]) + item
    return "0x" + keccak(bytes([0xC0 + len(body)]) + body)[12:].hex()
