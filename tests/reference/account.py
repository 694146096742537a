"""Section 3: owner, leaf, and the reading of a leaf sealed for its owner."""

from dataclasses import dataclass

from .babyjub import Point
from .field import MODULUS
from .params import CASH_BOUND, POSITION_BOUND, TAG_IV, TAG_LEAF, TAG_PAD, Params
from .poseidon import poseidon, sponge, sponge8


@dataclass(frozen=True)
class Holder:
    """Who holds an account: key A, viewing key k, subaccount."""

    key: Point
    viewing_key: int
    subaccount: int


def owner(holder: Holder) -> int:
    """Section 3: "owner = H_4(A.x, A.y, k, subaccount)"."""
    return poseidon(holder.key.x, holder.key.y, holder.viewing_key, holder.subaccount)


@dataclass(frozen=True)
class Position:
    """A net position; quantity in lots, never 0, negative when short."""

    instrument: int
    quantity: int


@dataclass(frozen=True)
class Leaf:
    """An account; cash in 10⁻¹⁴ quote, positions by increasing instrument, without empties."""

    owner: int
    cash: int = 0
    epoch: int = 0
    bitmap: int = 0
    updates: int = 0
    salt: int = 0
    positions: tuple[Position, ...] = ()


EMPTY_LEAF = 0
"""Section 3: "An empty leaf is the value 0"."""


def slots(params: Params, leaf: Leaf) -> list[tuple[int, int]]:
    """Section 3: "P positions (id, q): empties (0, 0) first, then ids strictly increasing"."""
    held = [(position.instrument, position.quantity) for position in leaf.positions]
    return [(0, 0)] * (params.positions - len(held)) + held


def cash_word(leaf: Leaf) -> int:
    """Section 3: "w_1 = (cash + 2⁹¹) + 2⁹²·epoch + 2¹²⁴·bitmap"."""
    return (leaf.cash + CASH_BOUND) + 2**92 * leaf.epoch + 2**124 * leaf.bitmap


def position_words(params: Params, leaf: Leaf) -> list[int]:
    """Section 3: "w_{4+j} = Σ_{i<4} 2^{63i}·(id_{4j+i} + 2²⁷·(q_{4j+i} + 2³⁵))"."""
    entries = [instrument + 2**27 * (quantity + POSITION_BOUND) for instrument, quantity in slots(params, leaf)]
    return [sum(2 ** (63 * i) * entry for i, entry in enumerate(entries[j : j + 4])) for j in range(0, len(entries), 4)]


def leaf_words(params: Params, leaf: Leaf) -> list[int]:
    """Section 3: w_0 … w_{3+P/4}; "liquidation start … and standing …, both 0 in version 1", leave w_2 = updates."""
    return [leaf.owner, cash_word(leaf), leaf.updates, leaf.salt, *position_words(params, leaf)]


def leaf_hash(params: Params, leaf: Leaf | None) -> int:
    """Section 3: "leaf = S(1; w_0 … w_{3+P/4})"; None is the empty leaf."""
    if leaf is None:
        return EMPTY_LEAF
    return sponge(TAG_LEAF, *leaf_words(params, leaf))


def state_word(leaf: Leaf, index: int) -> int:
    """Section 3: "state* = w_1 + 2¹⁸⁸·index + 2²⁰⁹·updates"."""
    return cash_word(leaf) + 2**188 * index + 2**209 * leaf.updates


@dataclass(frozen=True)
class SealedReading:
    """What a live touch of an existing account publishes, and the salt it gives its leaf."""

    iv: int
    cipher: tuple[int, ...]
    salt: int


def pads(params: Params, viewing_key: int, domain: int, index: int, iv: int) -> list[int]:
    """Section 3: "pad_{8b} … pad_{8b+7} = S₈(6; k, domain, index, v + b), b < B"."""
    blocks = [sponge8(TAG_PAD, viewing_key, domain, index, (iv + b) % MODULUS) for b in range(params.pad_blocks)]
    return [pad for block in blocks for pad in block]


def seal_reading(
    params: Params, domain: int, viewing_key: int, index: int, leaf: Leaf, outcomes: list[int]
) -> SealedReading:
    """Section 3: "v = S(5; k, domain, state*, w_4 …, u_0 …)", "c_i = x_i + pad_i", "salt of the new leaf = pad_{8B−1}".

    The salt already in `leaf` plays no part."""
    plain = [state_word(leaf, index), *position_words(params, leaf), *outcomes]
    iv = sponge(TAG_IV, viewing_key, domain, *plain)
    pad = pads(params, viewing_key, domain, index, iv)
    cipher = tuple((x + mask) % MODULUS for x, mask in zip(plain, pad, strict=False))
    return SealedReading(iv, cipher, pad[-1])


def open_reading(
    params: Params, domain: int, viewing_key: int, index: int, iv: int, cipher: tuple[int, ...]
) -> list[int]:
    """The plain words state*, w_4 …, u_0 … as the owner recovers them from public data."""
    pad = pads(params, viewing_key, domain, index, iv)
    return [(c - mask) % MODULUS for c, mask in zip(cipher, pad, strict=False)]


def genesis_leaf(params: Params, domain: int, fund: Holder) -> Leaf:
    """Section 3, Genesis: "an owner, every other number 0, and the salt of the rule above for outcome words 0 and updates 0"."""
    bare = Leaf(owner(fund))
    reading = seal_reading(params, domain, fund.viewing_key, 0, bare, [0] * params.outcome_words)
    return Leaf(bare.owner, salt=reading.salt)
