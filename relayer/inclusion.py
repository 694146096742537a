"""Whether a receipt was kept, judged as the contract `Bonds` judges an answer (docs/protocol.md section 14): for whoever holds the receipt.

The contract hears challenges only in time, and only from who stakes; a trader who is shown the same openings can judge them alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from prover.hashing import FIELD_ORDER, keccak256, sponge
from relayer.receipts import (
    SALT_TAG,
    SEQUENCE_BITS,
    SEQUENCES_PER_WORD,
    Answer,
    SignedReceipt,
    chain_start,
    chained,
    seal_leaf,
    sequence_words,
    touch_hash,
)

WORD = 32


def shows(signed: SignedReceipt, answer: Answer, *, orders: int, slots: int, domain: int) -> bool:
    """Whether an answer shows a receipt's order in the seal that it names, of ``orders`` orders with ``slots`` a touch. That root and h_n
    are the seal's is the caller's to compare.
    """
    receipt = signed.receipt
    slot = answer.slot
    if len(answer.hashes) != slots or len(answer.sequences) != -(-slots // SEQUENCES_PER_WORD) or not 0 <= slot < slots:
        return False
    if not all(0 <= each < FIELD_ORDER for each in (*answer.hashes, *answer.sequences, answer.salt)):
        return False
    word, place = divmod(slot, SEQUENCES_PER_WORD)
    number = answer.sequences[word] >> (SEQUENCE_BITS * place) & (2**SEQUENCE_BITS - 1)
    order = answer.hashes[slot]
    if (number, order.to_bytes(WORD, "big"), answer.account) != (receipt.sequence, receipt.order, receipt.account):
        return False
    return order != 0 and _chains(signed, answer, orders, domain) and _leads(answer)


def _chains(signed: SignedReceipt, answer: Answer, orders: int, domain: int) -> bool:
    """Condition 2: the chain of the receipts is the seal's."""
    receipt = signed.receipt
    own = chained(answer.previous, receipt.order)
    if own != receipt.chained or not 1 <= receipt.sequence <= orders:
        return False
    if receipt.sequence == 1 and answer.previous != chain_start(domain, receipt.batch):
        return False
    return receipt.sequence != orders or own == answer.receipts_hash


def _leads(answer: Answer) -> bool:
    """Condition 3: the touch's path leads to the root."""
    if not 0 <= answer.position < 1 << len(answer.path):
        return False
    node = seal_leaf(answer.account, touch_hash((answer.hashes, answer.sequences, answer.salt)))
    for height, sibling in enumerate(answer.path):
        left, right = (sibling, node) if answer.position >> height & 1 else (node, sibling)
        node = keccak256(b"\x01" + left + right)
    return node == answer.seal_root


def touch_of_receipts(
    receipts: Sequence[SignedReceipt], slots: int, viewing_key: int, domain: int, index: int, batch: int
) -> int | None:
    """L of the touch that holds exactly the orders of these receipts (by sequence), as the account's owner computes it; None where they
    are more than a touch has slots.
    """
    empty = slots - len(receipts)
    if empty < 0:
        return None
    hashes = [int.from_bytes(each.receipt.order, "big") for each in receipts] + empty * [0]
    numbers = [each.receipt.sequence for each in receipts] + empty * [0]
    salt = sponge(SALT_TAG, [viewing_key, domain, index, batch])
    return touch_hash((hashes, sequence_words(numbers), salt))
