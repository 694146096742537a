"""Section 14: the receipt that the operator signs (EIP-712), and the encryption key that the same key vouches for."""

from dataclasses import dataclass

from .field import word
from .keccak import keccak

DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
KEY = b"EncryptionKey(bytes32 key,uint64 notBefore,uint64 notAfter)"
RECEIPT = b"Receipt(bytes32 order,uint32 sequence,uint32 account,uint32 batch,bytes32 previous)"


@dataclass(frozen=True)
class Receipt:
    """(o, s, i, b, h_{s−1})."""

    order: int
    sequence: int
    account: int
    batch: int
    previous: bytes


def separator(chain_id: int, vault: int) -> bytes:
    """Domain (name "tacit", version "1", chain id, vault)."""
    return keccak(keccak(DOMAIN) + keccak(b"tacit") + keccak(b"1") + word(chain_id) + word(vault))


def digest(separator: bytes, receipt: Receipt) -> bytes:
    numbers = word(receipt.sequence) + word(receipt.account) + word(receipt.batch)
    return keccak(b"\x19\x01" + separator + keccak(keccak(RECEIPT) + word(receipt.order) + numbers + receipt.previous))


def key_digest(separator: bytes, key: bytes, not_before: int, not_after: int) -> bytes:
    """Section 4, "Envelopes": a key that orders are encrypted to, for a time."""
    return keccak(b"\x19\x01" + separator + keccak(keccak(KEY) + key + word(not_before) + word(not_after)))


def start(domain: int, batch: int) -> bytes:
    """h_0 = keccak(domain, b)."""
    return keccak(word(domain) + word(batch))


def chained(receipt: Receipt) -> bytes:
    """h_s = keccak(h_{s−1} ‖ o_s)."""
    return keccak(receipt.previous + word(receipt.order))
