"""An owner reads its account from public data alone: the chain's transactions and its own key, nothing of the operator's.

The settlements are found by their events, their calldata is what anybody can fetch, and the words of the account's
touch open with the viewing key. Another key opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from demo.chain import Contract
from demo.errors import NotShown
from demo.market import PARAMS
from demo.traders import Trader
from prover.batch import Leaf, Params, Reading, State, read_touch
from prover.errors import ReadingError

INDEX_BITS = 21
LIVE = 1 << INDEX_BITS
WORD = 32
DATA_ARGUMENT = 2


@dataclass(frozen=True)
class OwnReading:
    """What a trader has read: its account, and of each settlement that touched it (transaction, reading)."""

    trader: str
    index: int
    leaf: Leaf
    readings: tuple[tuple[str, Reading], ...]
    bytes_read: int
    strangers_refused: int


def read_own_account(contract: Contract, transactions: tuple[str, ...], owner: Trader, stranger: Trader) -> OwnReading:
    """Reads every settlement with the owner's key, and tries the same with a stranger's."""
    assigned, index = contract.call("accountOf", owner.holder.owner)
    if not assigned:
        raise NotShown(f"the contract knows no account of {owner.name}")
    readings, size, refused = [], 0, 0
    for transaction in transactions:
        calldata = contract.chain.calldata(transaction)
        size += len(calldata)
        words = _touch_words(contract.decoded("settle", calldata)[DATA_ARGUMENT], index)
        readings.append((transaction, read_touch(PARAMS, words, owner.holder, contract.call("domain"), index)))
        refused += _refused(words, stranger, contract.call("domain"), index)
    if refused != len(transactions):
        raise NotShown("a stranger's key opened the account")
    return OwnReading(owner.name, index, readings[-1][1].leaf, tuple(readings), size, refused)


def agrees(reading: OwnReading, state: State) -> OwnReading:
    """The reading, if it is what the operator's state has."""
    if state.leaf(reading.index) != reading.leaf:
        raise NotShown("the owner's reading is not the operator's account")
    return reading


def _touch_words(data: bytes, index: int) -> list[int]:
    """The public words of an account's touch."""
    size = Params.named(PARAMS).words
    words = [int.from_bytes(data[at : at + WORD], "big") for at in range(0, len(data), WORD)]
    for at in range(0, len(words) - size + 1, size):
        if words[at] & LIVE and words[at] % LIVE == index:
            return words[at : at + size]
    raise NotShown(f"the settlement does not touch account {index}")


def _refused(words: list[int], stranger: Trader, domain: int, index: int) -> bool:
    try:
        read_touch(PARAMS, words, stranger.holder, domain, index)
    except ReadingError:
        return True
    return False
