"""Which keys orders may be encrypted to: those that the vault's receipt signer has signed, each for its time.

Who puts a key of its own in the operator's place reads what is encrypted to it. TLS stands against whoever is in between; this keeps
envelopes, and envelopes alone, from whoever gets past it, or answers in the service's place: the signer's address is the vault's to say,
and its signature is bound to that vault and chain (EIP-712, docs/protocol.md section 4, "Envelopes"). Answers are not encrypted but by
TLS: who ends it reads there what the relayer tells owners of their orders, and holds their sessions (docs/leakage.md).

Both sides are here: what is signed, and the trader's check. It says nothing of who *has* the key; that nothing else signs is the business
of whoever keeps the receipt key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode

from prover.hashing import keccak256
from relayer.chain import Address
from relayer.errors import EncryptionKeyError
from relayer.signing import signer_of

KEY_TYPE: Final = "EncryptionKey(bytes32 key,uint64 notBefore,uint64 notAfter)"
EARLY_SECONDS: Final = 300
"""How long before its time a key is taken: a trader's clock may be so far behind."""


@dataclass(frozen=True, slots=True)
class KeyInTime:
    """A public key (32 bytes), the second that it is in force from, and the one from which it opens nothing any more."""

    key: bytes
    not_before: int
    not_after: int

    def digest(self, separator: bytes) -> bytes:
        """What is signed for the vault with this domain separator."""
        types = ["bytes32", "bytes32", "uint64", "uint64"]
        content = encode(types, [keccak256(KEY_TYPE.encode()), self.key, self.not_before, self.not_after])
        return keccak256(b"\x19\x01" + separator + keccak256(content))

    def is_vouched(self, signature: bytes, signer: Address, separator: bytes) -> bool:
        """Whether the signature is this signer's, for this vault."""
        made = signer_of(self.digest(separator), signature)
        return made is not None and made.lower() == signer.lower()

    def check(self, signature: bytes, signer: Address, separator: bytes, now: int) -> KeyInTime:
        """The same, if orders may be encrypted to it at the second ``now`` (:class:`EncryptionKeyError`)."""
        if not self.is_vouched(signature, signer, separator):
            what = f"the encryption key is not signed by the vault's receipt signer {signer}: somebody else could read what is sent"
            raise EncryptionKeyError(what, {"signer": signer})
        if not self.not_before - EARLY_SECONDS <= now < self.not_after:
            what = f"the encryption key is for the seconds {self.not_before} to {self.not_after}, now is {now}: is this clock right?"
            raise EncryptionKeyError(what, {"not_before": self.not_before, "not_after": self.not_after})
        return self
