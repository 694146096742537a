"""What a process holds in memory of the chain's records: of those that nothing takes back any more, only what is asked of them later.

Nearly all of a settlement is words, claims and proofs, and nearly all of an epoch its rows. Words are read from the database where state
is rebuilt of them (:func:`relayer.store.chain.whole`); rows are asked of the newest epoch, and of one that a batch is open or sealed under.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from relayer.records import (
    BatchOpened,
    BatchSettled,
    BatchVoided,
    Claim,
    EpochPosted,
    OpeningExpired,
    Record,
    SegmentsChecked,
)

NO_CLAIM: Final = Claim((), 0, 0, b"", "")


def held(records: Iterable[Record], sure: int) -> list[Record]:
    """The records in their order. Those up to block ``sure``, which must never be taken back, are without

    - words, claim and proofs: a settlement, which then has no ``segments``; and parts of one, once their batch is settled or void;
    - rows and instruments: an epoch that another has followed, once each batch that was opened under it is settled, void or expired.

    What went before is part of ``records``, whole or held already. They are taken one after another: no more is in memory than that.
    """
    holding = _Holding()
    for record in records:
        holding.add(record, record.at.block <= sure)
    return holding.records


class _Holding:
    """Records held so far, and where those are that may become smaller."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._parts: dict[int, list[int]] = {}
        self._opened: dict[int, int] = {}
        self._epochs: dict[int, int] = {}
        self._followed: set[int] = set()

    def add(self, record: Record, sure: bool) -> None:
        """Takes the next record; ``sure``: whether it is never taken back."""
        self.records.append(_header(record) if sure and isinstance(record, BatchSettled) else record)
        place = len(self.records) - 1
        match record:
            case SegmentsChecked() if record.segments:
                self._parts.setdefault(record.batch, []).append(place)
            case EpochPosted():
                if sure:
                    self._followed.update(self._epochs)
                if record.rows:
                    self._epochs[record.epoch] = place
                self._drop_rows()
            case BatchOpened():
                self._opened[record.batch] = record.epoch
            case BatchSettled() | BatchVoided() | OpeningExpired() if sure:
                self._end(record.batch)

    def _end(self, batch: int) -> None:
        """A batch is over for good."""
        for place in self._parts.pop(batch, ()):
            self._replace(place, claim=NO_CLAIM, segments=())
        self._opened.pop(batch, None)
        self._drop_rows()

    def _drop_rows(self) -> None:
        asked = set(self._opened.values())
        for epoch in sorted(self._followed - asked):
            self._replace(self._epochs.pop(epoch), rows=(), instruments=())
            self._followed.remove(epoch)

    def _replace(self, place: int, **fields: object) -> None:
        self.records[place] = replace(self.records[place], **fields)  # type: ignore[arg-type]  # by who knows its class


def _header(settlement: BatchSettled) -> BatchSettled:
    """A settlement without what its transactions carried."""
    if not settlement.segments:
        return settlement
    return replace(settlement, claim=NO_CLAIM, segments=(), closing_proof=(), closing_words=b"")
