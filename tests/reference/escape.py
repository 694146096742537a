"""Section 13, Escape: what an account is worth at the marks of an epoch, and what a proof of it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import tree
from .account import Holder, Leaf, leaf_hash, owner, slots
from .eddsa import Signature, verify
from .errors import UnprovableError
from .exit import ADDRESS_BITS
from .params import CASH_PER_TOKEN, CASH_PER_VALUE, PRICE_BITS, TAG_ESCAPE, Params
from .poseidon import sponge
from .risk import RiskRow, risk_root

LARGEST_EQUITY = 2**64 - 1


@dataclass(frozen=True)
class Escape:
    """An account that leaves: what its owner knows. `leaves` are the values of all leaves of the state by index."""

    domain: int
    index: int
    recipient: int
    holder: Holder
    signature: Signature
    leaf: Leaf
    leaves: Mapping[int, int]
    table: Sequence[RiskRow]
    settled: Mapping[int, int]


def escape_message(domain: int, index: int, recipient: int) -> int:
    """Section 13: "S(14; domain, index, recipient)"."""
    return sponge(TAG_ESCAPE, domain, index, recipient)


def value_places(params: Params, escape: Escape) -> list[tuple[int, int, int, bool]]:
    """(id, quantity, value, settled) of each place: "a place is empty (id 0), listed or settled"."""
    marks = {row.instrument: row.mark for row in escape.table}
    places = []
    for instrument, quantity in slots(params, escape.leaf):
        listed, settled = instrument in marks, instrument in escape.settled
        if instrument == 0:
            places.append((0, quantity, 0, False))
        elif listed and settled:
            raise UnprovableError(f"instrument {instrument} is in the table and settled")
        elif listed:
            places.append((instrument, quantity, marks[instrument], False))
        elif settled:
            places.append((instrument, quantity, escape.settled[instrument], True))
        else:
            raise UnprovableError(f"instrument {instrument} has no value")
    return places


def settled_words(places: Sequence[tuple[int, int, int, bool]]) -> list[int]:
    """Section 13: "settled_j = Σ_{i<3} 2^{69i}·(settled place 3j+i ? id + 2²⁷·v : 0)"."""
    published = [instrument + 2**27 * value if settled else 0 for instrument, _, value, settled in places]
    return [
        sum(2 ** (69 * i) * word for i, word in enumerate(published[j : j + 3])) for j in range(0, len(published), 3)
    ]


def worth(cash: int, places: Sequence[tuple[int, int, int, bool]]) -> int:
    """Section 13: "E = cash + 10⁴·Σ q·v over all places"."""
    return cash + CASH_PER_VALUE * sum(quantity * value for _, quantity, value, _ in places)


def equity(amount: int) -> int:
    """Section 13: "min(2⁶⁴ − 1, max(0, ⌊E/10⁸⌋))"."""
    return min(LARGEST_EQUITY, max(0, amount // CASH_PER_TOKEN))


def escape_inputs(params: Params, escape: Escape) -> list[int]:
    """Public inputs "in order: domain, root, risk root, index, recipient, equity, settled_0 …".

    Raises UnprovableError for what no owner could prove."""
    if not 0 <= escape.index < params.capacity or not 0 <= escape.recipient < 2**ADDRESS_BITS:
        raise UnprovableError(f"account {escape.index} or its recipient is out of range")
    if escape.leaf.owner != owner(escape.holder):
        raise UnprovableError(f"the holder does not own account {escape.index}")
    message = escape_message(escape.domain, escape.index, escape.recipient)
    if not verify(escape.holder.key, message, escape.signature):
        raise UnprovableError(f"the escape of account {escape.index} is not signed by its holder")
    if escape.leaves.get(escape.index) != leaf_hash(params, escape.leaf):
        raise UnprovableError(f"account {escape.index} has another leaf")
    places = value_places(params, escape)
    if any(not 0 <= value < 2**PRICE_BITS for _, _, value, _ in places):
        raise UnprovableError("a value is out of range")
    root = tree.root(escape.leaves, params.depth)
    amount = equity(worth(escape.leaf.cash, places))
    head = [escape.domain, root, risk_root(params, escape.table), escape.index, escape.recipient, amount]
    return head + settled_words(places)
