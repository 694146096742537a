"""Which nonce an order gets (docs/protocol.md section 4, test 3): a slot of the account's epoch that is neither used nor taken by an order
that may still be executed.

A slot is used up by a fill, and free again after an order that was not filled, once its window is over. When more than half of an
epoch's slots are used and no order of it lives, the next epoch is taken; it ends every older order, so it is never taken while one lives.
"""

from __future__ import annotations

from collections.abc import Iterable

from relayer.client.problems import NoNonce

SLOTS = 64
ENOUGH = 32
"""Used slots from which a new epoch is begun when it ends nothing."""


def free_nonce(epoch: int, bitmap: int, living: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Epoch and slot for the next order. ``bitmap``: used slots of ``epoch``; ``living``: nonces of orders that may be executed.

    :class:`NoNonce` while every slot is used or taken and orders live.
    """
    taken = set(living)
    newest = max([epoch, *(e for e, _ in taken)])
    lives = any(e == newest for e, _ in taken)
    if newest == epoch and not lives and bitmap.bit_count() >= ENOUGH:
        return epoch + 1, 0
    used = bitmap if newest == epoch else 0
    for slot in range(SLOTS):
        if not used >> slot & 1 and (newest, slot) not in taken:
            return newest, slot
    what = f"all {SLOTS} nonces of epoch {newest} are used or taken: wait until an order's window is over, or end all with cancel_order"
    raise NoNonce(what, {"epoch": newest, "living": len(taken)})
