"""What an owner signs to a relayer besides orders: a challenge, to be known, and the cancelling of an order that has no receipt.

Both are EdDSA-Poseidon signatures of field elements under tags of their own (docs/protocol.md, sections 2 and 4), bound to the vault's
domain, so neither is ever an order, an exit or the other. Signatures travel packed, as 64 bytes. How long a challenge lives and
that it is used once is its giver's business.
"""

from __future__ import annotations

from typing import Final

from prover import eddsa
from prover.eddsa import Point
from prover.errors import FieldError, PointError
from prover.hashing import sponge

CANCEL_TAG: Final = 11
AUTH_TAG: Final = 12


def challenge_message(domain: int, challenge: int) -> int:
    """What is signed to a challenge, a field element: S(12; domain, challenge)."""
    return sponge(AUTH_TAG, [domain, challenge])


def cancel_message(domain: int, order: int) -> int:
    """What is signed to cancel the order with this hash: S(11; domain, order)."""
    return sponge(CANCEL_TAG, [domain, order])


def sign_challenge(key: bytes, domain: int, challenge: int) -> bytes:
    """The answer to a challenge, 64 bytes, with an EdDSA key of 32 bytes."""
    return eddsa.pack_signature(eddsa.sign(key, challenge_message(domain, challenge)))


def sign_cancel(key: bytes, domain: int, order: int) -> bytes:
    """The cancelling of an order by its hash, 64 bytes, with an EdDSA key of 32 bytes."""
    return eddsa.pack_signature(eddsa.sign(key, cancel_message(domain, order)))


def verify_challenge(key: Point, domain: int, challenge: int, signature: bytes) -> bool:
    """Whether a challenge was answered with the key; False for what is no signature."""
    return _holds(key, challenge_message(domain, challenge), signature)


def verify_cancel(key: Point, domain: int, order: int, signature: bytes) -> bool:
    """Whether the key cancelled the order with this hash; False for what is no signature."""
    return _holds(key, cancel_message(domain, order), signature)


def _holds(key: Point, message: int, signature: bytes) -> bool:
    try:
        return eddsa.verify(key, message, eddsa.unpack_signature(signature))
    except (PointError, FieldError):
        return False
