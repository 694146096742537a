"""Transactions of a command line: estimated, signed, sent, waited for. One at a time; a service that must never lose one
needs more than this.

The chain's coins for gas are the sender's: a key in a file, signed with here, or an account that a local chain has unlocked.
"""

from __future__ import annotations

from typing import Final, Protocol

from eth_utils.address import to_checksum_address

from relayer.chain import Address, Chain, Contract, Receipt
from relayer.errors import TransactionError
from relayer.interface import Value
from relayer.signing import Signer
from relayer.wallet import Account

PATIENCE: Final = 180.0
"""Seconds that a transaction has to be mined."""
GAS_MARGIN: Final = (6, 5)
"""What is sent along of the estimate, as a ratio: state may have moved by the time of mining."""
FEE_ROOM: Final = 2
"""Base fees that a transaction offers to pay, so that it is still mined when they rise."""


class Sender(Protocol):
    """Who pays for transactions."""

    @property
    def address(self) -> Address:
        """The account that sends."""

    def submit(self, chain: Chain, to: Address, data: bytes, value: int, gas: int) -> bytes:
        """Sends; the transaction's hash."""


class KeySender:
    """Signs with a key of its own."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def address(self) -> Address:
        """The key's account."""
        return self._signer.address

    def submit(self, chain: Chain, to: Address, data: bytes, value: int, gas: int) -> bytes:
        """Signs a transaction of type 2 and sends it."""
        base, tip = chain.fees()
        fields = {
            "type": 2,
            "chainId": chain.chain_id(),
            "nonce": chain.nonce(self.address),
            "to": to_checksum_address(to),
            "value": value,
            "data": data,
            "gas": gas,
            "maxFeePerGas": FEE_ROOM * base + tip,
            "maxPriorityFeePerGas": tip,
        }
        signed = Account.sign_transaction(fields, self._signer.key)
        return chain.send_raw(bytes(signed.raw_transaction))


class UnlockedSender:
    """Has the endpoint sign, which only local chains do."""

    def __init__(self, address: Address) -> None:
        self._address = address.lower()

    @property
    def address(self) -> Address:
        """The unlocked account."""
        return self._address

    def submit(self, chain: Chain, to: Address, data: bytes, value: int, gas: int) -> bytes:
        """Asks the endpoint."""
        return chain.send_unlocked(self._address, to, data, value, gas)


def transact(contract: Contract, sender: Sender, function: str, *arguments: Value, value: int = 0) -> Receipt:
    """Calls a function in a transaction and waits for it.

    :class:`relayer.errors.RevertedError` if the contract refuses it (then nothing was sent), :class:`TransactionError` if it
    was mined and failed.
    """
    return concluded(contract, function, submitted(contract, sender, function, *arguments, value=value))


def submitted(contract: Contract, sender: Sender, function: str, *arguments: Value, value: int = 0) -> bytes:
    """Sends such a transaction; its hash."""
    chain, data = contract.chain, contract.interface.call(function, *arguments)
    gas = chain.gas(sender.address, contract.address, data, value)
    return sender.submit(chain, contract.address, data, value, gas * GAS_MARGIN[0] // GAS_MARGIN[1])


def concluded(contract: Contract, function: str, digest: bytes) -> Receipt:
    """Waits for a transaction that was sent. :class:`relayer.errors.RpcError` where it is not known to be mined: it still may be."""
    receipt = contract.chain.mined(digest, PATIENCE)
    if not receipt.succeeded:
        what = f"{function} was mined in 0x{digest.hex()} and failed: the vault's state changed meanwhile; run the command again"
        raise TransactionError(what, {"transaction": "0x" + digest.hex()})
    return receipt
