"""How many orders of each batch the operator's free bond covers: what intake gives receipts up to.

The bond contract takes ``per_order`` for each order from the free bond when a batch is sealed (``base`` went when it was opened),
and refuses a seal that it cannot take it for; then the opening runs out and all receipts of the batch are broken. So each batch
that is not sealed carries how many orders the free bond covers beside what is promised already. It is written with the decision
to open, and looked at anew in every turn, since the bond grows by funding and shrinks when its operator takes coins out. Intake
reads it again in the write that stores receipts.

Bond and stages of batches are read at one block, so a seal or opening counts exactly once: in what is free, or in what will be
taken. A batch that has receipts for more than is covered, since its operator took out what it relied on, gives no more of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from relayer import points
from relayer.pipeline.desk import Desk, Turn
from relayer.store import batches
from relayer.store.models import BatchState

NOT_OPENED: Final = 0
OPENED: Final = 1
"""IBonds.Stage.None and Opened: what is sealed, ended or lost takes nothing more."""
EVERY: Final = 2**32 - 1
"""Orders that are covered where an order takes nothing: as many as a seal can count."""


@dataclass(frozen=True, slots=True)
class Promised:
    """A batch and how much of the bond it will still take: ``stage`` of its bond, orders that have its receipts."""

    batch: int
    stage: int
    orders: int


def covered(free: int, base: int, per_order: int, promised: Iterable[Promised]) -> Iterator[tuple[int, int]]:
    """Each batch that is still to be sealed, in their order, and how many orders of it ``free`` covers after those before it; in wei."""
    for each in promised:
        if each.stage not in (NOT_OPENED, OPENED):
            continue
        if each.stage == NOT_OPENED:
            free -= base
        yield each.batch, orders_covered(free, per_order)
        free -= per_order * each.orders


def orders_covered(free: int, per_order: int) -> int:
    """Orders that so many wei are enough for."""
    return min(max(free, 0) // per_order, EVERY) if per_order else EVERY


def of_opening(desk: Desk, session: Session, batch: int) -> int:
    """Orders of a batch that will be covered once its opening, which is still to be queued, is mined."""
    held = {batch: 0} | _held(session)
    return dict(_seen(desk, sorted(held.items()))).get(batch, 0)


def cover(desk: Desk, turn: Turn) -> bool:
    """Brings what is covered up to date in every batch that is to be sealed; whether anything was another."""
    with desk.database.read() as session:
        known = {row.number: row.covered for row in batches.in_states(session, batches.TAKING)}
        held = _held(session) if known else {}
    seen = dict(_seen(desk, sorted(held.items())))
    changed = {number: seen[number] for number in known.keys() & seen.keys() if seen[number] != known[number]}
    if not changed:
        return False
    with desk.database.write() as session:
        turn.check(session)
        for number, orders in changed.items():
            batches.require(session, number).covered = orders
        points.reached("cover.before-commit")
    points.reached("cover.after-commit")
    return True


def _held(session: Session) -> dict[int, int]:
    """Receipts of each batch that may still take something: those sealed already too, since an endpoint may be behind the watcher."""
    return {
        row.number: sum(batches.order_counts(session, row.number).values())
        for row in batches.unfinished(session)
        if row.state is not BatchState.MINED
    }


def _seen(desk: Desk, held: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Batches that are still to be sealed, of some by number, each with its receipts, and what is covered of them, at one block."""
    terms, bonds = desk.vault.bond_terms, desk.vault.bonds
    if not held or not terms.perOrder:
        return [(number, EVERY) for number, _ in held]
    block = desk.vault.chain.head().number
    free = bonds.call("free", at=block)
    promised = [Promised(number, bonds.call("bonds", number, at=block).stage, orders) for number, orders in held]
    return list(covered(free, terms.base, terms.perOrder, promised))


def lacking(desk: Desk, batch: int, orders: int) -> int:
    """Wei by which the free bond is short of what the seal of an opened batch with so many orders takes."""
    terms, bonds = desk.vault.bond_terms, desk.vault.bonds
    if not terms.perOrder or not orders:
        return 0
    block = desk.vault.chain.head().number
    if bonds.call("bonds", batch, at=block).stage != OPENED:
        return 0
    return max(0, int(terms.perOrder * orders - bonds.call("free", at=block)))
