"""A vault in memory: a chain of blocks whose logs and transactions are encoded as the contracts encode them, behind `Chain.request`.

State and words come from clearing, so that what is read is what an operator would publish; no proof among them would verify, and
nothing here asks one to. Blocks can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eth_abi.abi import encode

from prover import Context, Holder, Order, Params, SealedBatch, State, Touch, risk_root
from prover.batch import Cleared, RiskRow, SettledRow
from prover.hashing import keccak256
from relayer.chain import Chain
from relayer.errors import RpcError
from relayer.interface import Interface, kind, signature
from relayer.seed import Seed
from relayer.signing import Signer
from relayer.vault import OPEN_WORDS, Vault

CHAIN_ID: Final = 31_337
ADDRESSES: Final = {
    name: f"0x{at:040x}" for at, name in enumerate(("vault", "rules", "verifier", "bonds", "token", "accounts"), 0xA0)
}
OPERATOR_KEY: Final = b"\x0b" * 32
OPERATOR: Final = Signer(OPERATOR_KEY).address
PARAMS: Final = "dev"
SIZES: Final = Params.named(PARAMS)
DOLLAR: Final = 10**6
CONTRACT: Final = 10**4
PROOF: Final = tuple(range(1, 9))
FEE_RATE, NUM, DEN = 30, 5, 4
GAS_USED, GAS_PRICE = 500_000, 10**9


@dataclass
class Mined:
    """A transaction and what it logged."""

    hash: bytes
    to: str
    data: bytes
    logs: list[tuple[list[bytes], bytes]]
    inner: list[bytes] = field(default_factory=list)


@dataclass
class MemoryBlock:
    """A block of the memory chain."""

    number: int
    hash: bytes
    parent: bytes
    mined: list[Mined]


class MemoryChain(Chain):
    """A chain whose blocks are a list."""

    def __init__(self) -> None:
        super().__init__("http://memory:1")
        self.blocks: list[MemoryBlock] = []
        self.answers: dict[tuple[str, str], Any] = {}
        self.salt = 0
        self.final = 0
        self.requests: list[str] = []
        self.mine([])

    def mine(self, mined: list[Mined]) -> None:
        """Adds a block."""
        parent = self.blocks[-1].hash if self.blocks else bytes(32)
        content = b"".join(each.hash for each in mined)
        digest = keccak256(parent + content + self.salt.to_bytes(8, "big"))
        self.blocks.append(MemoryBlock(len(self.blocks), digest, parent, mined))

    def take_back(self, count: int) -> None:
        """Removes the last blocks; those mined next are others, whatever they hold."""
        del self.blocks[-count:]
        self.salt += 1

    def request(self, method: str, *params: Any) -> Any:  # noqa: ANN401 - JSON
        """What a node would answer."""
        self.requests.append(method)
        found = getattr(self, f"answer_{method}", None)
        if found is None:
            raise RpcError(f"no {method} here")
        return found(*params)

    def answer_eth_chainId(self) -> str:  # noqa: N802 - the method's own name
        return hex(CHAIN_ID)

    def answer_eth_getCode(self, address: str, at: str) -> str:  # noqa: N802
        first = next((b.number for b in self.blocks if b.mined), None)
        known = address in ADDRESSES.values() and first is not None and (at == "latest" or int(at, 16) >= first)
        return "0x60" if known else "0x"

    def answer_eth_getBlockByNumber(self, at: str, _full: bool) -> Mapping[str, str] | None:  # noqa: N802
        tags = {"latest": len(self.blocks) - 1, "finalized": self.final}
        number = tags[at] if at in tags else int(at, 16)
        if number >= len(self.blocks):
            return None
        block = self.blocks[number]
        hashes = {"hash": "0x" + block.hash.hex(), "parentHash": "0x" + block.parent.hex()}
        return {"number": hex(number), "timestamp": hex(1_700_000_000 + 12 * number), **hashes}

    def answer_eth_getLogs(self, query: Mapping[str, Any]) -> list[Mapping[str, Any]]:  # noqa: N802
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        return [log for block in self.blocks[first : last + 1] for log in self._logs(block)]

    def _logs(self, block: MemoryBlock) -> Iterable[Mapping[str, Any]]:
        index = 0
        for mined in block.mined:
            for topics, data in mined.logs:
                yield {
                    "address": ADDRESSES["vault"],
                    "topics": ["0x" + topic.hex() for topic in topics],
                    "data": "0x" + data.hex(),
                    "blockNumber": hex(block.number),
                    "blockHash": "0x" + block.hash.hex(),
                    "transactionHash": "0x" + mined.hash.hex(),
                    "logIndex": hex(index),
                }
                index += 1

    def answer_eth_getTransactionByHash(self, digest: str) -> Mapping[str, Any] | None:  # noqa: N802
        for block in self.blocks:
            for mined in block.mined:
                if mined.hash.hex() == digest[2:]:
                    place = {"hash": digest, "blockHash": "0x" + block.hash.hex()}
                    return {**place, "from": OPERATOR, "to": mined.to, "input": "0x" + mined.data.hex()}
        return None

    def answer_eth_getTransactionReceipt(self, digest: str) -> Mapping[str, str] | None:  # noqa: N802
        for block in self.blocks:
            if any(mined.hash.hex() == digest[2:] for mined in block.mined):
                place = {"blockNumber": hex(block.number), "blockHash": "0x" + block.hash.hex(), "status": "0x1"}
                return {**place, "gasUsed": hex(GAS_USED), "effectiveGasPrice": hex(GAS_PRICE)}
        return None

    def answer_debug_traceTransaction(self, digest: str, _options: object) -> Mapping[str, Any]:  # noqa: N802
        mined = next(each for block in self.blocks for each in block.mined if each.hash.hex() == digest[2:])
        calls = [{"type": "CALL", "to": ADDRESSES["vault"], "input": "0x" + data.hex()} for data in mined.inner]
        return {"type": "CALL", "to": mined.to, "input": "0x" + mined.data.hex(), "calls": calls}

    def answer_eth_call(self, query: Mapping[str, str], _at: str) -> str:
        for (name, function), value in self.answers.items():
            entries = {entry["name"]: entry for entry in Interface.load(name).entries if entry["type"] == "function"}
            entry = entries[function]
            called = keccak256(signature(entry).encode())[:4].hex()
            if query["to"] == ADDRESSES[_PLACES[name]] and query["data"][2:10] == called:
                values = value if len(entry["outputs"]) > 1 else (value,)
                return "0x" + encode([kind(each) for each in entry["outputs"]], values).hex()
        raise RpcError(f"no answer for {query}")


_PLACES: Final = {"Vault": "vault", "SettlementRules": "rules", "Verifier": "verifier"}


@dataclass(frozen=True)
class Person:
    """Somebody with a seed and an account."""

    seed: Seed
    index: int
    holder: Holder


class Scene:
    """A vault with its operator's state; each step is a block."""

    def __init__(self, validium: bool = False) -> None:
        self.chain = MemoryChain()
        self.vault = Vault(self.chain, ADDRESSES["vault"])
        self.validium = validium
        self._answer()
        self.domain = Vault(self.chain, ADDRESSES["vault"]).domain
        self.fund = self.person(0)
        self.state = State.genesis(PARAMS, self.fund.holder, self.domain)
        self.rows: tuple[RiskRow, ...] = ()
        self.settled: dict[int, int] = {}
        self.epoch = self.batch = self.entries = self._sequence = 0
        self.cleared: list[Cleared] = []
        self.cipher: dict[tuple[int, int], bytes] = {}
        config = {"fundOwner": self.fund.holder.owner}
        self.happen(
            self.log("Genesis", root=self.state.root, domain=self.domain, config=config, bonds=ADDRESSES["bonds"])
        )

    def person(self, index: int) -> Person:
        """Who has account `index`."""
        seed = Seed(bytes([index]) * 32)
        return Person(seed, index, seed.holder(self.domain))

    def ciphertext(self, digest: bytes) -> bytes | None:
        """What a replica would give."""
        return next((words for words in self.cipher.values() if keccak256(words) == digest), None)

    # ---- the chain

    def happen(
        self, *logs: tuple[list[bytes], bytes], data: bytes = b"", inner: bool = False, shown: bytes = b""
    ) -> Mined:
        """A block with one transaction to the vault, or to a contract that makes the call, whose own input is `shown`."""
        digest = keccak256(data + repr(logs).encode() + len(self.chain.blocks).to_bytes(8, "big"))
        to = ADDRESSES["token"] if inner else ADDRESSES["vault"]
        mined = Mined(digest, to, shown if inner else data, list(logs), [data] if inner and not shown else [])
        self.chain.mine([mined])
        return mined

    def log(self, name: str, **values: Any) -> tuple[list[bytes], bytes]:  # noqa: ANN401 - what an ABI carries
        """An event of the vault; what is left out of a struct is 0."""
        entry = next(e for e in Interface.load("Vault").entries if e["type"] == "event" and e["name"] == name)
        topics, plain = [keccak256(signature(entry).encode())], []
        for each in entry["inputs"]:
            value = filled(each, values[each["name"]])
            (topics.append(encode([kind(each)], [value])) if each["indexed"] else plain.append((kind(each), value)))
        return topics, encode([k for k, _ in plain], [v for _, v in plain])

    # ---- the vault

    def open_account(self, index: int) -> Person:
        """The owner's first deposit is queued."""
        person = self.person(index)
        self.happen(
            self.log("AccountAssigned", index=index, owner=person.holder.owner),
            self.log("DepositQueued", entry=self.entries, index=index, payer=OPERATOR, amount=1_000 * DOLLAR),
        )
        self.entries += 1
        return person

    def post_epoch(self, rows: Sequence[RiskRow], settled: Sequence[SettledRow] = (), through: str = "") -> None:
        """Puts a risk table in force, directly or `through` a contract that makes the call (`hidden`) or passes it on (`shown`)."""
        self.epoch += 1
        root, ids = risk_root(PARAMS, tuple(rows)), [row.instrument for row in rows]
        previous = [row.instrument for row in self.rows]
        words = b"".join(word.to_bytes(32, "big") for row in rows for word in row_words(row))
        time = 1_700_000_000 + self.epoch
        post = (self.epoch, root, ids, previous, [tuple(row) for row in settled], words, time)
        event = {"epoch": self.epoch, "riskRoot": root, "instruments": ids, "settled": [tuple(r) for r in settled]}
        data = Interface.load("Vault").call("postEpoch", post, b"")
        spoof = Interface.load("Vault").call("postEpoch", (*post[:5], words[:-1] + b"\7", time), b"")
        spoof += Interface.load("Vault").call("postEpoch", (*post[:5], words[:-32], time), b"")
        shown = b"\1\2\3\4" + data[:4] + bytes(40) + spoof + data + b"\xff" * 5 if through == "shown" else b""
        self.happen(self.log("EpochPosted", **event, time=time), data=data, inner=bool(through), shown=shown)
        self.rows = tuple(rows)
        self.settled |= {row.instrument: row.value for row in settled}

    def order(self, person: Person, **fields: Any) -> Order:  # noqa: ANN401 - an order's fields
        """An order that accepts the vault's fee rate."""
        return Order(account=person.index, max_fee_rate=FEE_RATE, **fields)

    def run(self, touches: Sequence[tuple[Person, int, Sequence[Order]]], parts: int = 0) -> Cleared:
        """Opens, seals, clears and settles a batch, in one call or in `parts` of segments at a time."""
        self.batch += 1
        sequence = iter(range(1, 1_000))
        sealed = [Touch(0, self.fund.holder)] + [
            Touch(
                person.index,
                person.holder,
                deposit,
                orders=tuple(each.sealed(person.seed.signing_key, self.domain, next(sequence)) for each in orders),
            )
            for person, deposit, orders in touches
        ]
        context = Context(
            domain=self.domain, batch=self.batch, last_void=0, time=1_700_000_000, fee_rate=FEE_RATE, num=NUM, den=DEN
        )
        held = {p.instrument for t in sealed if (leaf := self.state.leaf(t.index)) for p in leaf.positions}
        rows = tuple(SettledRow(each, self.settled[each]) for each in sorted(held & self.settled.keys()))
        cleared = self.state.clear(SealedBatch(PARAMS, context, self.rows, tuple(sealed), rows))
        seal = {
            "sealRoot": cleared.seal_root,
            "batch": self.batch,
            "touches": len(sealed),
            "orders": cleared.active_orders,
            "depositEnd": self.entries,
            "epoch": self.epoch,
            "time": 1_700_000_000,
        }
        self.happen(self.log("BatchOpened", batch=self.batch, epoch=self.epoch))
        root = self.state.root
        self.happen(self.log("BatchSealed", batch=self.batch, root=root, seal=seal, receiptsHash=bytes(32)))
        self._settle(cleared, parts)
        self.state = cleared.state
        self.cleared.append(cleared)
        return cleared

    def _settle(self, cleared: Cleared, parts: int) -> None:
        data = segment_words(cleared)
        for number, (_, cipher) in enumerate(data):
            self.cipher[self.batch, number] = cipher
        closing = bytes(32 * (SIZES.rows + SIZES.settled))
        hashes = [keccak256(opened + keccak256(cipher)) for opened, cipher in data]
        claims = [(cleared.end_root, 1, 2, 3, digest) for digest in hashes]
        claim = (claims, 4, 5, keccak256(closing), OPERATOR)
        r1 = keccak256(self.batch.to_bytes(4, "big"))
        settled = self.log(
            "BatchSettled",
            batch=self.batch,
            rootBefore=cleared.start_root,
            rootAfter=cleared.end_root,
            dataHash=keccak256(b"".join(hashes) + keccak256(closing)),
            r1=r1,
            beneficiary=OPERATOR,
        )
        interface, vault = self.vault.contract.interface, self
        if not parts:
            call = interface.call("settle", claim, vault.part(data), PROOF, closing)
            self.happen(settled, data=call)
            return
        taken = next(each for each in interface.entries if each.get("name") == "finishSettlement")["inputs"]
        progress = filled(next(each for each in taken if each["name"] == "progress"), {})
        for first in range(0, len(data), parts):
            run = data[first : first + parts]
            call = interface.call("advanceSettlement", claim, progress, vault.part(run))
            event = self.log("SegmentsChecked", batch=self.batch, r1=r1, first=first, count=len(run))
            self.happen(event, data=call)
        self.happen(settled, data=interface.call("finishSettlement", claim, progress, PROOF, closing))

    def part(self, data: Sequence[tuple[bytes, bytes]]) -> tuple[Any, ...]:
        """Proofs and words of a run of segments."""
        proofs = [PROOF for _ in data]
        if self.validium:
            words = b"".join(opened + keccak256(cipher) for opened, cipher in data)
            return proofs, words, [7 for _ in data], b""
        return proofs, b"".join(opened + cipher for opened, cipher in data), [], b""

    def _answer(self) -> None:
        vault = {"rules": ADDRESSES["rules"], "verifier": ADDRESSES["verifier"]}
        self.chain.answers |= {("Vault", name): value for name, value in vault.items()}
        self.chain.answers["Vault", "domain"] = _domain()
        self.chain.answers["SettlementRules", "validium"] = self.validium
        sizes = (
            SIZES.depth,
            SIZES.touches,
            SIZES.orders,
            SIZES.words,
            SIZES.rows,
            SIZES.settled,
            0,
            bytes(32),
            bytes(32),
            True,
        )
        self.chain.answers["Verifier", "parameters"] = sizes


def _domain() -> int:
    preimage = (
        b"tacit.domain.1".ljust(32, b"\0")
        + CHAIN_ID.to_bytes(32, "big")
        + bytes.fromhex(ADDRESSES["vault"][2:]).rjust(32, b"\0")
    )
    return (
        int.from_bytes(keccak256(preimage), "big")
        % 21888242871839275222246405745257275088548364400416034343698204186575808495617
    )


def segment_words(cleared: Cleared) -> list[tuple[bytes, bytes]]:
    """Open and ciphertext words of each segment, padding included."""
    touches = [each.words for each in cleared.touches]
    touches += [[0] * SIZES.words] * (-len(touches) % SIZES.touches)
    segments = [touches[at : at + SIZES.touches] for at in range(0, len(touches), SIZES.touches)]

    def joined(rows: list[list[int]]) -> bytes:
        return b"".join(word.to_bytes(32, "big") for row in rows for word in row)

    return [(joined([t[:OPEN_WORDS] for t in s]), joined([t[OPEN_WORDS:] for t in s])) for s in segments]


def row_words(row: RiskRow) -> list[int]:
    """A risk row as the protocol packs it (section 6)."""
    packed = [
        sum(value << 42 * at for at, value in enumerate(row.values[start : start + 6]))
        for start in range(0, len(row.values), 6)
    ]
    return [row.instrument + (row.mark << 27) + (row.short_minimum << 69), row.greeks, *packed]


def risk_row(instrument: int, mark: int) -> RiskRow:
    """An option that loses or gains a tenth in the scenarios."""
    values = (mark * 9 // 10, mark * 95 // 100, mark * 105 // 100, mark * 11 // 10)
    return RiskRow(instrument, mark, mark // 10, 77, values)


def filled(parameter: Mapping[str, Any], value: Any) -> Any:  # noqa: ANN401 - what an ABI carries
    """A struct given by some of its names, the rest 0."""
    if parameter["type"] != "tuple" or not isinstance(value, Mapping):
        return value
    return tuple(filled(part, value.get(part["name"], _zero(part))) for part in parameter["components"])


def _zero(parameter: Mapping[str, Any]) -> Any:  # noqa: ANN401
    name: str = parameter["type"]
    if name.endswith("]"):
        return []
    if name == "tuple":
        return {}
    return "0x" + 40 * "0" if name == "address" else bytes(32) if name == "bytes32" else 0
