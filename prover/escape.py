"""Leaving a frozen vault without the operator: what an account is worth, proven by its owner.

An :class:`Escape` holds what the owner knows: the leaf and the path to it (from chain data), the risk table of the
last settled batch's epoch and the settlement values recorded by then. :func:`prove_escape` values every position
exactly once and proves the sum (docs/protocol.md, section 13); the vault pays each account once. The proof takes some
seconds on a laptop and needs the ``escape`` keys alone.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from prover import _native
from prover.batch import Leaf, Params, RiskRow, risk_text
from prover.eddsa import Point, Signature
from prover.errors import OwnerError, VerificationError
from prover.exit import SEED_BYTES, OwnerProgress, OwnerProof, address_bytes, require_range, signature_of
from prover.hashing import FIELD_ORDER
from prover.keys import Keys
from prover.orders import Holder
from prover.risk import RiskTable

SETTLED_A_WORD = 3
SETTLED_BITS = 69
ID_BITS = 27
FIRST_SETTLED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Escape:
    """An account that leaves.

    ``params`` names the parameter set, ``recipient`` is the ``0x`` address to be paid. ``path`` holds the eight children of
    every node above the leaf, leaf level first: :func:`leaf_path`. ``risk`` is the whole risk table, ``settled`` settlement
    values (price units a contract) by instrument; values of instruments the account does not hold do not matter.
    """

    params: str
    domain: int
    index: int
    recipient: str
    holder: Holder = field(repr=False)
    leaf: Leaf = field(repr=False)
    path: Sequence[Sequence[int]] = field(repr=False)
    risk: RiskTable | tuple[RiskRow, ...] = field(repr=False)
    settled: Mapping[int, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        require_range("domain", self.domain, FIELD_ORDER)
        require_range("index", self.index, 8 ** Params.named(self.params).depth)
        address_bytes(self.recipient)
        if any(len(children) != 8 for children in self.path):
            raise OwnerError("a node of the path does not have eight children", {"index": self.index})
        for instrument, value in self.settled.items():
            require_range("instrument", instrument, 2**ID_BITS)
            require_range("settlement value", value, 2**42)

    @property
    def message(self) -> int:
        """What the owner signs with EdDSA-Poseidon: ``S(14; domain, index, recipient)``."""
        return escape_message(self.domain, self.index, self.recipient)


@dataclass(frozen=True, slots=True)
class EscapeStatement:
    """What a proof says, in the order of its public inputs; ``equity`` in token units, below 2⁶⁴."""

    domain: int
    root: int
    risk_root: int
    index: int
    recipient: str
    equity: int
    settled_words: tuple[int, ...]

    @classmethod
    def from_inputs(cls, inputs: Sequence[int]) -> EscapeStatement:
        """The statement of public inputs."""
        domain, root, risk_root, index, recipient, equity = inputs[:FIRST_SETTLED]
        return cls(domain, root, risk_root, index, f"0x{recipient:040x}", equity, tuple(inputs[FIRST_SETTLED:]))

    @property
    def inputs(self) -> tuple[int, ...]:
        """The public inputs."""
        recipient = int.from_bytes(address_bytes(self.recipient), "big")
        return (self.domain, self.root, self.risk_root, self.index, recipient, self.equity, *self.settled_words)

    @property
    def settled(self) -> dict[int, int]:
        """Settlement values by instrument that the proof relies on: the vault must have recorded each."""
        slots = (
            word >> SETTLED_BITS * i & 2**SETTLED_BITS - 1 for word in self.settled_words for i in range(SETTLED_A_WORD)
        )
        return {slot % 2**ID_BITS: slot >> ID_BITS for slot in slots if slot}


@dataclass(frozen=True, slots=True)
class _Told:
    """An escape as the Rust side takes it."""

    params: str
    domain: int
    index: int
    address: bytes
    holder: str
    signature: tuple[Point, int]
    leaf: str
    path: list[list[int]]
    risk: str
    settled: dict[int, int]


def escape_message(domain: int, index: int, recipient: str) -> int:
    """What the owner of an account signs to leave to a ``0x`` address."""
    return _native.escape_message(domain, index, address_bytes(recipient))


def leaf_path(params: str, leaves: Mapping[int, int], index: int) -> tuple[int, list[list[int]]]:
    """Root of the state tree over leaf hashes by account, and the path to one of them.

    The hashes are data word 2 of each account's last touch, and leaf 0's of genesis. Raises :class:`OwnerError` for an
    account that has none.
    """
    if not leaves.get(index):
        raise OwnerError(f"account {index} has no leaf in this state: nobody opened it", {"index": index})
    tree = _native.Tree.empty(params).updated(list(leaves.items()))
    return tree.root, tree.path(index)


def escape_statement(
    escape: Escape, *, seed: bytes | None = None, signature: Signature | None = None
) -> EscapeStatement:
    """What :func:`prove_escape` would prove, checked as the circuit checks it; raises the same errors."""
    return EscapeStatement.from_inputs(_native.escape_inputs(_told(escape, seed, signature)))


def prove_escape(
    escape: Escape,
    keys: Keys,
    *,
    seed: bytes | None = None,
    signature: Signature | None = None,
    progress: OwnerProgress | None = None,
) -> OwnerProof:
    """The proof of an escape, signed by a 32-byte ``seed`` or with a ``signature`` of ``escape.message``.

    Raises :class:`OwnerError` if holder, signature, leaf and path do not belong together, or a position has no value or
    two; :class:`prover.errors.RiskTableError` and :class:`prover.errors.StateError` for a table or a leaf that is none.
    """
    told = _told(escape, seed, signature)
    inputs, proof = _native.prove_escape(told, keys.account_proving, secrets.token_bytes(SEED_BYTES), None, progress)
    return OwnerProof(tuple(inputs), tuple(proof))


def verify_escape(proven: OwnerProof, statement: EscapeStatement, keys: Keys) -> None:
    """Checks that the owner of the account signed to leave and that it is worth what the statement says.

    That root, risk root and settlement values are the vault's is for the caller to compare. Raises
    :class:`VerificationError` for a proof of anything else.
    """
    if proven.inputs != statement.inputs:
        raise VerificationError("the proof is of another escape", {"inputs": proven.inputs})
    keys.account_verifying.verify_escape(list(proven.inputs), list(proven.proof))


def _told(escape: Escape, seed: bytes | None, signature: Signature | None) -> _Told:
    r8, s = signature_of(escape.message, seed, signature)
    return _Told(
        params=escape.params,
        domain=escape.domain,
        index=escape.index,
        address=address_bytes(escape.recipient),
        holder=json.dumps(escape.holder.to_wire()),
        signature=(r8, s),
        leaf=escape.leaf.to_json(),
        path=[list(children) for children in escape.path],
        risk=risk_text(escape.params, escape.risk),
        settled=dict(escape.settled),
    )
