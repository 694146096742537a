"""What the operator seals: touches put together from the orders that have arrived, the one hash over them, and h_n.

The seal goes on chain before anything is cleared, so the root is computed here from the orders alone
(docs/protocol.md section 4). The core computes it again in clearing; a seal that differed could not be proven.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from demo.market import PARAMS
from demo.story import Request
from demo.traders import Trader
from prover.batch import Params
from prover.hashing import keccak256, sponge
from prover.orders import SealedOrder, Touch

TOUCH_TAG = 3
SEAL_TAG = 4
ORDERS_A_WORD = 7
SEQUENCE_BITS = 32
WORD = 32


def put_together(
    requests: Sequence[Request],
    traders: Sequence[Trader],
    deposits: Mapping[int, int],
    exits: Mapping[int, int],
    domain: int,
) -> tuple[Touch, ...]:
    """The touches of a batch: the fund's and that of everybody who has an order, a deposit or an exit request.

    Orders are signed here by their owners; their sequence numbers are their places in the order of arrival.
    """
    orders: dict[int, list[SealedOrder]] = {}
    for sequence, request in enumerate(requests, 1):
        signed = request.order.sealed(traders[request.account].seed, domain, sequence)
        orders.setdefault(request.account, []).append(signed)
    touched = sorted({0, *orders, *deposits, *exits})
    return tuple(
        Touch(index, traders[index].holder, deposits.get(index, 0), exits.get(index), tuple(orders.get(index, ())))
        for index in touched
    )


def seal_root(touches: Sequence[Touch], domain: int, batch: int) -> bytes:
    """The keccak root over the touches."""
    leaves = [keccak256(b"\0" + _word(touch.index) + _word(_touch_hash(touch, domain, batch))) for touch in touches]
    while len(leaves) & (len(leaves) - 1):
        leaves.append(bytes(WORD))
    while len(leaves) > 1:
        leaves = [keccak256(b"\1" + leaves[i] + leaves[i + 1]) for i in range(0, len(leaves), 2)]
    return leaves[0]


def receipts_hash(touches: Sequence[Touch], domain: int, batch: int) -> bytes:
    """h_n: the chain over the hashes of all orders in sequence, which receipts are links of."""
    orders = sorted((order for touch in touches for order in touch.orders), key=lambda order: order.sequence)
    chained = keccak256(_word(domain) + _word(batch))
    for order in orders:
        chained = keccak256(chained + _word(order.order.hash(domain)))
    return chained


def _touch_hash(touch: Touch, domain: int, batch: int) -> int:
    """L: the hashes of the orders, their sequence numbers, and a salt that only owner and operator know."""
    places = Params.named(PARAMS).orders
    hashes = [order.order.hash(domain) for order in touch.orders]
    sequences = [order.sequence for order in touch.orders] + [0] * (places - len(hashes))
    words = [_packed(sequences[start : start + ORDERS_A_WORD]) for start in range(0, places, ORDERS_A_WORD)]
    salt = sponge(SEAL_TAG, [touch.holder.viewing_key, domain, touch.index, batch])
    return sponge(TOUCH_TAG, [*hashes, *[0] * (places - len(hashes)), *words, salt])


def _packed(sequences: Sequence[int]) -> int:
    return sum(sequence << (SEQUENCE_BITS * place) for place, sequence in enumerate(sequences))


def _word(value: int) -> bytes:
    return value.to_bytes(WORD, "big")
