"""A vault as it was made: the facts that never change, read once by calls to the chain.

A parameter set is recognised by the sizes of the vault's verifier; one that this program does not know is refused, since nothing of
such a vault could be read. What happens in a vault is told by :mod:`relayer.ledger`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from prover.batch import Params
from prover.keys import PARAMETER_SETS
from prover.orders import domain
from relayer.chain import Address, Chain, Contract
from relayer.errors import LedgerError, RpcError
from relayer.interface import Struct

OPEN_WORDS: Final = 5
"""Words 0 … 4 of a touch stand in calldata in both modes; the others are ciphertext (docs/protocol.md section 8)."""
LOCAL_CHAINS: Final = (31_337, 1_337)
"""Chains on which a vault takes development keys: they run on one machine, for tests."""
WORD: Final = 32
VALUES_A_WORD: Final = 6


@dataclass(frozen=True, slots=True)
class Layout:
    """How the public words of a segment lie in calldata."""

    touches: int
    words: int

    @property
    def open_bytes(self) -> int:
        """Bytes of a segment's open words."""
        return self.touches * OPEN_WORDS * WORD

    @property
    def cipher_words(self) -> int:
        """Ciphertext words of a touch."""
        return self.words - OPEN_WORDS

    @property
    def cipher_bytes(self) -> int:
        """Bytes of a segment's ciphertext words."""
        return self.touches * self.cipher_words * WORD


class Vault:
    """A vault at an address, and what of it is fixed for ever."""

    def __init__(self, chain: Chain, address: Address) -> None:
        self.chain, self.address = chain, address.lower()
        self.contract = Contract(chain, address, "Vault")

    @cached_property
    def chain_id(self) -> int:
        """Number of the chain."""
        return self.chain.chain_id()

    @cached_property
    def domain(self) -> int:
        """Domain of orders and proofs; what the vault says must be what follows from chain and address."""
        said, follows = self.contract.call("domain"), domain(self.chain_id, self.address)
        if said != follows:
            what = f"{self.address} says that its domain is {said:#x}, and its chain and address give {follows:#x}: no vault"
            raise LedgerError(what, {"vault": self.address})
        return follows

    @cached_property
    def rules(self) -> Contract:
        """The contract that checks its settlements."""
        return Contract(self.chain, self.contract.call("rules"), "SettlementRules")

    @cached_property
    def verifier(self) -> Contract:
        """The verifier of its batches' proofs."""
        return Contract(self.chain, self.contract.call("verifier"), "Verifier")

    @cached_property
    def account_verifier(self) -> Contract:
        """The verifier of what owners prove alone."""
        return Contract(self.chain, self.contract.call("accountVerifier"), "AccountVerifier")

    @cached_property
    def bonds(self) -> Contract:
        """The operator's bonds."""
        return Contract(self.chain, self.contract.call("bonds"), "Bonds")

    @cached_property
    def token(self) -> Contract:
        """The settlement token."""
        return Contract(self.chain, self.contract.call("token"), "Token")

    @cached_property
    def parameters(self) -> Struct:
        """Sizes and fingerprints that the verifier was made for."""
        found: Struct = self.verifier.call("parameters")
        return found

    @cached_property
    def params(self) -> str:
        """Name of the parameter set."""
        for name in PARAMETER_SETS:
            if _sizes(Params.named(name)) == _told(self.parameters):
                return name
        what = f"the vault's verifier is of no parameter set that this program knows: {_told(self.parameters)}"
        raise LedgerError(what, {"vault": self.address})

    @cached_property
    def sizes(self) -> Params:
        """Sizes of the parameter set."""
        return Params.named(self.params)

    @cached_property
    def layout(self) -> Layout:
        """How its public data lies in calldata."""
        return Layout(self.sizes.touches, self.sizes.words)

    @cached_property
    def validium(self) -> bool:
        """Whether ciphertexts are at replicas and only their hashes on chain."""
        return bool(self.rules.call("validium"))

    @cached_property
    def replicas(self) -> tuple[tuple[Address, ...], int]:
        """The replicas by increasing address, and how many must sign; none in rollup mode."""
        found = self.rules.call("replicas")
        return tuple(each.lower() for each in found["addresses"]), found["threshold"]

    @cached_property
    def separator(self) -> bytes:
        """EIP-712 domain separator."""
        return bytes(self.contract.call("separator"))

    @cached_property
    def terms(self) -> Struct:
        """Fee rate and margin ratio of every batch."""
        found: Struct = self.contract.call("terms")
        return found

    @cached_property
    def bond_terms(self) -> Struct:
        """What bonds cost in wei, and how long things take in seconds (`IBonds.Terms`)."""
        found: Struct = self.bonds.call("terms")
        return found

    @cached_property
    def delays(self) -> Struct:
        """How long things may take, in seconds."""
        found: Struct = self.contract.call("delays")
        return found

    @cached_property
    def roles(self) -> Struct:
        """Operator, receipt signer and epoch signers."""
        found: Struct = self.contract.call("roles")
        return found

    @cached_property
    def row_words(self) -> int:
        """Words of a risk row in calldata."""
        return 2 + -(-self.sizes.scenarios // VALUES_A_WORD)

    @cached_property
    def first_block(self) -> int:
        """Block in which the vault was deployed; 0 where the endpoint keeps no old state to find it by."""
        low, high = 0, self.chain.head().number
        try:
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if self.chain.code(self.address, middle) else (middle + 1, high)
        except RpcError:
            return 0
        return low


def _sizes(params: Params) -> tuple[int, ...]:
    return params.depth, params.touches, params.orders, params.words, params.rows, params.settled


def _told(parameters: Struct) -> tuple[int, ...]:
    names = ("depth", "touches", "orders", "wordsPerTouch", "riskRows", "settledRows")
    return tuple(int(parameters[name]) for name in names)
