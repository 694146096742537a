"""A queued transaction, signed: type 2 (EIP-1559), with the nonce, gas and fees that were decided elsewhere."""

from __future__ import annotations

from typing import Final

from eth_utils.address import to_checksum_address

from prover.hashing import keccak256
from relayer.signing import Signer
from relayer.store.outgoing import PUBLIC, Outgoing, Signed
from relayer.transactions.fees import Fees
from relayer.wallet import Account

EMPTY_GAS: Final = 21_000


def sign(
    signer: Signer, chain_id: int, wanted: Outgoing, nonce: int, gas: int, fees: Fees, channel: str, block: int
) -> Signed:
    """What was queued, with this nonce; ``block`` is the newest one."""
    raw = _raw(signer, chain_id, wanted.to, wanted.data, wanted.value, nonce, gas, fees)
    return Signed(keccak256(raw), raw, fees.most, fees.tip, channel, False, nonce, block)


def sign_empty(signer: Signer, chain_id: int, nonce: int, fees: Fees, block: int) -> Signed:
    """A transfer of nothing to the sender itself, which uses up a nonce. It has nothing to hide."""
    raw = _raw(signer, chain_id, signer.address, b"", 0, nonce, EMPTY_GAS, fees)
    return Signed(keccak256(raw), raw, fees.most, fees.tip, PUBLIC, True, nonce, block)


def _raw(signer: Signer, chain_id: int, to: str, data: bytes, value: int, nonce: int, gas: int, fees: Fees) -> bytes:
    fields = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "to": to_checksum_address(to),
        "value": value,
        "data": data,
        "gas": gas,
        "maxFeePerGas": fees.most,
        "maxPriorityFeePerGas": fees.tip,
    }
    return bytes(Account.sign_transaction(fields, signer.key).raw_transaction)
