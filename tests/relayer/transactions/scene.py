"""An anvil that mines when told, a database, and a sender of transactions with a key of its own: one a test, so that nonces begin at 0."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from demo.chain import LocalChain
from prover.hashing import keccak256
from relayer.chain import Chain
from relayer.signing import Signer
from relayer.store import events, outgoing, transactions
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.store.models import Attempt, ChainTransaction
from relayer.store.policies import Policies
from relayer.transactions.endpoints import Endpoints
from relayer.transactions.manager import Manager
from relayer.transactions.policy import ETHER, Policy
from relayer.transactions.private import Relays

COUNTS: Final = "0x5f546001015f5500"
"""Code that adds one to its first word at every call."""
REFUSES: Final = "0x63" + keccak256(b"NoSeal()")[:4].hex() + "5f526004601cfd"
"""Code that refuses every call as the vault does without a seal."""
CREATED: Final = itertools.count(1)


def url_of(chain: LocalChain) -> str:
    """Where an anvil listens."""
    return f"http://127.0.0.1:{chain._port}"


@dataclass
class Scene:
    """What a test works with; ``policy`` may be replaced while the sender runs."""

    chain: LocalChain
    database: Database
    urls: Sequence[str] = ()
    policy: Policy = field(default_factory=Policy)
    relays: Relays | None = None
    holder: str = "first"
    timeout: float = 5.0
    quorum: int = 1
    signer: Signer = field(init=False)
    target: str = field(init=False)

    def __post_init__(self) -> None:
        number = next(CREATED)
        self.signer = Signer(keccak256(f"sender {number}".encode()))
        self.target = "0x" + keccak256(f"target {number}".encode())[12:].hex()
        self.chain.rpc("anvil_setBalance", self.signer.address, hex(1000 * ETHER))
        self.chain.rpc("anvil_setCode", self.target, COUNTS)
        self.urls = self.urls or [url_of(self.chain)]
        self.endpoints = self.connect()
        self.manager = self.sender(self.holder)

    def connect(self) -> Endpoints:
        """The endpoints, looked at anew in every step."""
        return Endpoints.open(list(self.urls), timeout=self.timeout, every=0.0, depth=1, quorum=self.quorum)

    def sender(self, holder: str, endpoints: Endpoints | None = None) -> Manager:
        """A sender of transactions of some process."""
        return Manager(
            self.database,
            Leases(self.database, holder),
            endpoints or self.endpoints,
            {self.signer.address: self.signer},
            self._policy,
            self.relays,
        )

    def _policy(self, given: Policies) -> Policy:
        return replace(self.policy, paused=given.sending_paused)

    def close(self) -> None:
        """Ends what was opened."""
        self.endpoints.close()
        if self.relays is not None:
            self.relays.close()

    # ---- doing

    def queue(self, purpose: str, data: bytes = b"\1", **given: Any) -> str:  # noqa: ANN401 - what queue takes
        """Queues a call of the target."""
        options: dict[str, Any] = {"private": False, "to": self.target, "sender": self.signer.address} | given
        with self.database.write() as session:
            return transactions.queue(session, purpose=purpose, data=data, **options)

    def step(self, count: int = 1) -> None:
        """Some steps of the sender."""
        for _ in range(count):
            self.manager.step()

    def mine(self, blocks: int = 1) -> None:
        """Blocks with what the mempool has."""
        for _ in range(blocks):
            self.chain.rpc("evm_mine")

    def turn(self, count: int) -> None:
        """Blocks, and a step after each."""
        for _ in range(count):
            self.mine()
            self.step()

    def base_fee(self, wei: int) -> None:
        """Sets the next block's base fee."""
        self.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))

    def refuse(self) -> None:
        """From now on the target refuses everything."""
        self.chain.rpc("anvil_setCode", self.target, REFUSES)

    def obey(self) -> None:
        """The target counts again."""
        self.chain.rpc("anvil_setCode", self.target, COUNTS)

    # ---- looking

    def row(self, purpose: str) -> ChainTransaction:
        """A transaction as it is kept."""
        with self.database.read() as session:
            found = transactions.find(session, purpose)
            assert found is not None
            return found

    def state(self, purpose: str) -> str:
        """Its state."""
        return self.row(purpose).state.value

    def attempts(self, purpose: str) -> list[Attempt]:
        """Its attempts by rising fees."""
        with self.database.read() as session:
            rows = session.query(Attempt).filter_by(transaction=self.row(purpose).id).all()
            return sorted(rows, key=lambda row: int(row.max_fee_wei))

    def following(self) -> int | None:
        """The next nonce."""
        with self.database.read() as session:
            return outgoing.following(session, self.signer.address)

    def used(self) -> int:
        """Nonces that the chain has used."""
        return self.chain.nonce(self.signer.address)

    def count(self) -> int:
        """Calls that the target has counted."""
        return int(self.chain.rpc("eth_getStorageAt", self.target, "0x0", "latest"), 16)

    def waiting(self) -> list[str]:
        """Hashes of the sender's transactions in anvil's mempool."""
        pool = self.chain.rpc("txpool_content")
        found: list[str] = []
        for part in pool.values():
            for sender, by_nonce in part.items():
                if sender.lower() == self.signer.address:
                    found += [each["hash"] for each in by_nonce.values()]
        return found

    def drop(self) -> None:
        """The mempool forgets what the sender has in it."""
        for each in self.waiting():
            self.chain.rpc("anvil_dropTransaction", each)

    def told(self, channel: str = "alerts") -> list[dict[str, Any]]:
        """Events of a channel."""
        with self.database.read() as session:
            return [each.payload for each in events.since(session, 0, channels=[channel])]

    def alarms(self) -> list[str]:
        """Names of the alarms that were raised, in order."""
        return [each["name"] for each in self.told() if each["state"] == "raised"]

    def block(self, number: int) -> dict[str, Any]:
        """A block."""
        found: dict[str, Any] = self.chain.rpc("eth_getBlockByNumber", hex(number), False)
        return found

    def reader(self) -> Chain:
        """One plain endpoint."""
        return Chain(url_of(self.chain))
