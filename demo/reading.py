"""An owner reads its account from public data alone: the chain's transactions and its own key, nothing of the operator's.

The calldata of settlements is what anybody can fetch, and the words of the account's touch open with the viewing key.
Another key opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from demo.chain import Contract, Value
from demo.errors import NotShown
from demo.market import PARAMS
from demo.traders import Trader
from prover.batch import Leaf, Params, Reading, State, read_touch
from prover.data import OPEN_WORDS, SegmentData, read_words
from prover.errors import ReadingError

INDEX_BITS = 21
LIVE = 1 << INDEX_BITS
PART_ARGUMENT, WORDS_MEMBER = 1, 1


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
        words = _touch_words(contract.decoded("settle", calldata)[PART_ARGUMENT], index)
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


def _touch_words(part: Value, index: int) -> list[int]:
    """The public words of an account's touch."""
    sizes = Params.named(PARAMS)
    words, opened = read_words(part[WORDS_MEMBER]), sizes.touches * OPEN_WORDS
    for at in range(0, len(words), sizes.touches * sizes.words):
        segment = words[at : at + sizes.touches * sizes.words]
        for touch in SegmentData(segment[:opened], segment[opened:]).touches:
            if touch[0] & LIVE and touch[0] % LIVE == index:
                return list(touch)
    raise NotShown(f"the settlement does not touch account {index}")


def _refused(words: list[int], stranger: Trader, domain: int, index: int) -> bool:
    try:
        read_touch(PARAMS, words, stranger.holder, domain, index)
    except ReadingError:
        return True
    return False
