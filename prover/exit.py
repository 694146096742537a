"""Exit requests: the owner of an account asks the contract for its free cash, with a proof of its own.

The contract knows an account's owner word only; :func:`prove_exit` shows that whoever opens that word signed exactly
this request (docs/protocol.md, section 13). A request moves cash, never positions. The proof takes a second or two
and needs the ``exit`` keys alone.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from prover import _native, eddsa
from prover.eddsa import Signature
from prover.errors import OwnerError, VerificationError
from prover.hashing import FIELD_ORDER
from prover.keys import Keys
from prover.orders import Holder
from prover.wire import ADDRESS_BYTES, read_bytes

Proof = tuple[int, ...]
"""Eight words: A.x, A.y, B.x imaginary, B.x real, B.y imaginary, B.y real, C.x, C.y."""
OwnerProgress = Callable[[str, float], object]
"""Called with each phase of a proof that has ended and its seconds."""

SEED_BYTES = 32


class OwnerProof(NamedTuple):
    """A proof and the public inputs it is of, as ``IAccountVerifier`` takes them."""

    inputs: tuple[int, ...]
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRequest:
    """A request for an account's free cash.

    ``domain`` is that of the vault, ``index`` the account (below 2²¹), ``recipient`` a ``0x`` address, ``amount`` the most
    to be paid in token units (below 2⁶⁴), ``number`` how many requests of the account the vault took before.
    """

    domain: int
    index: int
    recipient: str
    amount: int
    number: int

    def __post_init__(self) -> None:
        ranges = {"domain": FIELD_ORDER, "index": 2**21, "amount": 2**64, "number": 2**32}
        for name, end in ranges.items():
            require_range(name, getattr(self, name), end)
        address_bytes(self.recipient)

    @property
    def address(self) -> bytes:
        """The recipient's 20 bytes."""
        return address_bytes(self.recipient)

    @property
    def message(self) -> int:
        """What the owner signs with EdDSA-Poseidon: ``S(13; domain, index, recipient, amount, number)``."""
        return _native.exit_message(self)

    def inputs(self, owner: int) -> tuple[int, ...]:
        """The public inputs of its proof for the owner word that the vault recorded."""
        recipient = int.from_bytes(self.address, "big")
        return (self.domain, owner, self.index, recipient, self.amount, self.number)


def prove_exit(
    request: ExitRequest,
    holder: Holder,
    keys: Keys,
    *,
    seed: bytes | None = None,
    signature: Signature | None = None,
    progress: OwnerProgress | None = None,
) -> OwnerProof:
    """The proof of a request, signed by a 32-byte ``seed`` or with a ``signature`` of ``request.message``.

    Raises :class:`OwnerError` if the signature is not of the holder's key or not of this request.
    """
    signed = signature_of(request.message, seed, signature)
    inputs, proof = _native.prove_exit(
        request,
        json.dumps(holder.to_wire()),
        signed,
        keys.account_proving,
        secrets.token_bytes(SEED_BYTES),
        None,
        progress,
    )
    return OwnerProof(tuple(inputs), tuple(proof))


def verify_exit(proven: OwnerProof, request: ExitRequest, owner: int, keys: Keys) -> None:
    """Checks that the owner of this owner word signed this request.

    Raises :class:`VerificationError` for a proof of anything else.
    """
    if proven.inputs != request.inputs(owner):
        raise VerificationError("the proof is of another request or owner", {"inputs": proven.inputs})
    keys.account_verifying.verify_exit(list(proven.inputs), list(proven.proof))


def signature_of(message: int, seed: bytes | None, signature: Signature | None) -> Signature:
    """The signature given, or one under the seed: exactly one of both."""
    if (seed is None) == (signature is None):
        raise OwnerError("give either the seed that signs or a signature")
    return eddsa.sign(seed, message) if seed is not None else signature  # type: ignore[return-value]


def require_range(name: str, value: int, end: int) -> None:
    """Refuses a number outside 0 … end − 1."""
    if not 0 <= value < end:
        raise OwnerError(f"{name} {value} is not from 0 to {end - 1}", {name: value})


def address_bytes(text: str) -> bytes:
    """The 20 bytes of a ``0x`` address."""
    raw = read_bytes(text.lower(), ADDRESS_BYTES)
    if raw is None:
        raise OwnerError(f"{text[:60]!r} is no address: 0x and {2 * ADDRESS_BYTES} digits", {"recipient": text[:60]})
    return raw
