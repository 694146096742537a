"""Private relays: transactions that nobody sees before they stand in a block.

``eth_sendPrivateTransaction`` leaves a transaction with a relay for some blocks, ``eth_sendBundle`` offers transactions in their order for
one block and is said again for the next. Requests are signed with a key that owns nothing (``X-Flashbots-Signature``: the address, and
its EIP-191 signature of the hexadecimal Keccak hash of the body), by which relays know a searcher again. A relay that says yes has promised
nothing: whether a transaction is mined is seen on chain alone. Nothing of a transaction but its hash is in what this says.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from eth_utils.address import to_checksum_address

from prover.hashing import keccak256
from relayer.chain import Chain, Connect
from relayer.errors import RevertedError, RpcError
from relayer.interface import Value
from relayer.signing import Signer

HEADER: Final = "X-Flashbots-Signature"
PERSONAL: Final = b"\x19Ethereum Signed Message:\n"


class Method(StrEnum):
    """How a relay is spoken to."""

    TRANSACTION = "transaction"
    BUNDLE = "bundle"


@dataclass(frozen=True, slots=True)
class Refused:
    """A relay that did not take what it was sent."""

    relay: str
    error: str


class Relay(Chain):
    """One private relay."""

    def __init__(self, url: str, signer: Signer | None, timeout: float = 5.0, connect: Connect | None = None) -> None:
        super().__init__(url, timeout, (), connect)
        self._signer = signer

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = super()._headers(body)
        return headers if self._signer is None else headers | {HEADER: signature(self._signer, body)}

    def send_transaction(self, raw: bytes, last_block: int) -> None:
        """Leaves a signed transaction with the relay, to be mined in a block up to ``last_block``."""
        said = self.request("eth_sendPrivateTransaction", {"tx": "0x" + raw.hex(), "maxBlockNumber": hex(last_block)})
        self._require(said == "0x" + keccak256(raw).hex(), "eth_sendPrivateTransaction", "the transaction's hash")

    def send_bundle(self, raws: Sequence[bytes], block: int) -> None:
        """Offers signed transactions, in this order, for one block."""
        said = self.request("eth_sendBundle", {"txs": ["0x" + raw.hex() for raw in raws], "blockNumber": hex(block)})
        self._require(isinstance(said, dict) and "bundleHash" in said, "eth_sendBundle", "a bundle's hash")

    def cancel(self, digest: bytes) -> None:
        """Asks the relay to forget a transaction."""
        self.request("eth_cancelPrivateTransaction", {"txHash": "0x" + digest.hex()})

    def _require(self, holds: bool, method: str, what: str) -> None:
        if not holds:
            raise RpcError(f"{self.name} answered {method} without {what}", {"endpoint": self.name, "method": method})


class Relays:
    """All relays that are configured, each asked at the same time."""

    def __init__(self, relays: Sequence[Relay], method: Method = Method.TRANSACTION) -> None:
        self._relays, self.method = tuple(relays), method
        self._threads = ThreadPoolExecutor(max(1, len(self._relays)), thread_name_prefix="relay")

    @classmethod
    def open(
        cls,
        urls: Sequence[str],
        method: str,
        signer: Signer | None,
        timeout: float = 5.0,
        connect: Connect | None = None,
    ) -> Self:
        """The relays at these URLs; a bundle needs a ``signer``."""
        if urls and signer is None and method == Method.BUNDLE:
            raise RpcError("relays take bundles from a known searcher alone: set keys.searcher", {"method": method})
        return cls([Relay(url, signer, timeout, connect) for url in urls], Method(method))

    def __len__(self) -> int:
        return len(self._relays)

    @property
    def names(self) -> list[str]:
        """Their hosts."""
        return [relay.name for relay in self._relays]

    def close(self) -> None:
        """Closes the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for relay in self._relays:
            relay.close()

    def send(self, raws: Sequence[bytes], head: int, blocks: int) -> list[Refused]:
        """Sends signed transactions, in the order of their nonces, to every relay: for ``blocks`` blocks after ``head``, or as a bundle for
        the next. The relays that did not take them; all did if none.
        """

        def send(relay: Relay) -> None:
            if self.method is Method.BUNDLE:
                relay.send_bundle(raws, head + 1)
                return
            for raw in raws:
                relay.send_transaction(raw, head + blocks)

        return self._all(send)

    def cancel(self, digests: Sequence[bytes]) -> list[Refused]:
        """Asks every relay to forget transactions. One that does not has still lost them once their nonce is used."""

        def cancel(relay: Relay) -> None:
            for digest in digests:
                relay.cancel(digest)

        return [] if self.method is Method.BUNDLE else self._all(cancel)

    def _all(self, action: Value) -> list[Refused]:
        asked = [(relay, self._threads.submit(action, relay)) for relay in self._relays]
        refused = []
        for relay, future in asked:
            try:
                future.result()
            except (RpcError, RevertedError) as error:
                refused.append(Refused(relay.name, str(error)))
        return refused


def signature(signer: Signer, body: bytes) -> str:
    """The value of the header that says who sends a body."""
    said = ("0x" + keccak256(body).hex()).encode()
    digest = keccak256(PERSONAL + str(len(said)).encode() + said)
    return f"{to_checksum_address(signer.address)}:0x{signer.sign(digest).hex()}"
