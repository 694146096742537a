"""An order shown in a sealed batch, to its owner: the opening of its account's touch and the touch's path to the seal's root."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from prover.batch import SealedBatch
from relayer.api import schemas
from relayer.api.forms import word
from relayer.api.problems import Refusal
from relayer.api.services import Services
from relayer.receipts import Challenge, Evidence, chained
from relayer.store.models import Batch, Order

KEPT: Final = 4
"""Batches whose evidence is kept in memory: making it hashes every order."""
NOBODY: Final = "0x" + 40 * "0"
WORD: Final = 32


class Inclusions:
    """Evidence of the batches that were asked for last. May be used from several threads."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, bytes], Evidence] = OrderedDict()

    def show(self, batch: Batch, order: Order) -> schemas.Inclusion:
        """The order in its sealed batch (``CONFLICT`` once the batch's content is deleted)."""
        if batch.batch_sealed is None or order.previous is None or order.sequence is None:
            raise Refusal("CONFLICT", f"what batch {batch.number} was sealed from is not kept any more")
        # As if challenged: the answer is what the contract would take.
        asked = Challenge(
            NOBODY, batch.number, order.sequence, 0, order.account, order.hash, chained(order.previous, order.hash)
        )
        answer = self._evidence(batch, batch.batch_sealed).answer(asked)
        return schemas.Inclusion(
            order=order.id,
            hash=word(order.hash),
            batch=batch.number,
            sequence=order.sequence,
            seal_root=word(answer.seal_root),
            receipts_hash=word(answer.receipts_hash),
            account=answer.account,
            position=answer.position,
            path=[word(each) for each in answer.path],
            slot=answer.slot,
            hashes=[word(each.to_bytes(WORD, "big")) for each in answer.hashes],
            sequences=[word(each.to_bytes(WORD, "big")) for each in answer.sequences],
            salt=word(answer.salt.to_bytes(WORD, "big")),
            previous=word(answer.previous),
        )

    def _evidence(self, batch: Batch, sealed: bytes) -> Evidence:
        key = batch.number, batch.seal_root or b""
        with self._lock:
            if key not in self._kept:
                text = self.services.sealer.open(f"batches.batch:{batch.number}", sealed).decode()
                self._kept[key] = Evidence(SealedBatch.from_json(text))
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]
