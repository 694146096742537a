"""Who trades: the fund and forty holders, with keys from a fixed seed so that every run is the same story.

Keys made from public words protect nothing; that is right for a local chain and for nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from prover.hashing import FIELD_ORDER
from prover.orders import Holder

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
    """A holder with the seed it signs with. ``index`` is its account's: 0 is the fund."""

    name: str
    index: int
    seed: bytes = field(repr=False)
    holder: Holder


def _trader(name: str, index: int) -> Trader:
    seed = secret("signing key", name)
    return Trader(name, index, seed, Holder.from_seed(seed, secret_element("viewing key", name)))


def make_traders() -> tuple[Trader, ...]:
    """The fund at 0, then the traders by name: the order in which they will make their first deposit."""
    return tuple(_trader(name, index) for index, name in enumerate(("the fund", *NAMES)))
