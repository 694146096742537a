"""Who trades: the fund and forty holders, with seeds from public words so that every run is the same story.

Keys made from public words protect nothing; that is right for a local chain and for nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from prover.hashing import FIELD_ORDER
from prover.orders import Holder
from relayer.seed import Seed

_ROLL: Final = (
    "Ada Amir Anna Ben Bo Cara Carl Dana Dev Elif Emil Finn Gina Hugo Ida Ines Ivo Jana Jon Kai "
    "Kira Lea Liam Max Mei Nils Nora Olga Omar Pia Raj Rosa Sven Tara Theo Uma Vera Wanda Wim Zoe"
)
NAMES: Final = tuple(_ROLL.split())


def secret(*label: object) -> bytes:
    """32 bytes that every run derives alike, standing for what a person would draw at random."""
    return hashlib.sha256(" ".join(["tacit demo", *map(str, label)]).encode()).digest()


def secret_element(*label: object) -> int:
    """A field element of the same kind."""
    return int.from_bytes(secret(*label), "big") % FIELD_ORDER


@dataclass(frozen=True)
class Trader:
    """A holder with the seed that all its keys follow from. ``index`` is its account's: 0 is the fund."""

    name: str
    index: int
    secret: Seed = field(repr=False)
    holder: Holder

    @property
    def seed(self) -> bytes:
        """What it signs with."""
        return self.secret.signing_key


def _trader(name: str, index: int, domain: int) -> Trader:
    own = Seed(secret("seed", name))
    return Trader(name, index, own, own.holder(domain))


def make_traders(domain: int) -> tuple[Trader, ...]:
    """The fund at 0, then the traders by name: the order in which they will make their first deposit in the vault of a domain."""
    return tuple(_trader(name, index, domain) for index, name in enumerate(("the fund", *NAMES)))
