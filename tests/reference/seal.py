"""Section 4: a touch, its commitment L, and the seal over all touches of a batch."""

from dataclasses import dataclass

from .account import Holder
from .field import Word, word
from .keccak import keccak
from .order import SealedOrder, order_hash
from .params import TAG_SEAL, TAG_TOUCH, Params
from .poseidon import sponge

ZERO_WORD = bytes(32)


@dataclass(frozen=True)
class Touch:
    """What a batch does with one account; amounts in token units, `exit` None when none is requested."""

    index: int
    holder: Holder
    deposit: int = 0
    exit: int | None = None
    orders: tuple[SealedOrder, ...] = ()


def sequence_words(params: Params, sequences: list[int]) -> list[int]:
    """Section 4: "σ_j = Σ_i 2^{32i}·s_{7j+i}"."""
    padded = sequences + [0] * (params.orders - len(sequences))
    return [sum(2 ** (32 * i) * s for i, s in enumerate(padded[j : j + 7])) for j in range(0, params.orders, 7)]


def touch_hash(params: Params, domain: int, batch: int, touch: Touch) -> int:
    """Section 4: "L = S(3; o_1 … o_O, σ_0 …, S(4; k, domain, index, batch))"; "o_i = s_i = 0 in inactive slots, active slots first"."""
    hashes = [order_hash(domain, sealed.order) for sealed in touch.orders]
    hashes += [0] * (params.orders - len(hashes))
    salt = sponge(TAG_SEAL, touch.holder.viewing_key, domain, touch.index, batch)
    return sponge(TAG_TOUCH, *hashes, *sequence_words(params, [sealed.sequence for sealed in touch.orders]), salt)


def seal_leaf(index: int, commitment: int) -> Word:
    """Section 4: "leaf keccak(0x00 ‖ index ‖ L) (one byte, two words)"."""
    return keccak(b"\x00" + word(index) + word(commitment))


def seal_root(entries: list[tuple[int, int]]) -> Word:
    """Section 4: "node keccak(0x01 ‖ left ‖ right), padded to a power of two with zero words (a tree of one leaf is that leaf)".

    `entries` are the pairs (index, L) of the live touches in order."""
    nodes = [seal_leaf(index, commitment) for index, commitment in entries]
    while len(nodes) & (len(nodes) - 1):
        nodes.append(ZERO_WORD)
    while len(nodes) > 1:
        nodes = [keccak(b"\x01" + nodes[i] + nodes[i + 1]) for i in range(0, len(nodes), 2)]
    return nodes[0]
