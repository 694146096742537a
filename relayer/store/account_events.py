"""What owners are told of their accounts as the chain goes on: deposits, exit requests, withdrawals, and what a reorganisation took back.

All of it stands on chain for everybody; who it concerns is still told to nobody else. Owners who are not registered are told nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from relayer.history import History
from relayer.ledger import Change
from relayer.records import (
    AccountAssigned,
    DepositQueued,
    DepositReturned,
    ExitAnswered,
    ExitRequested,
    Record,
    WithdrawalCredited,
)
from relayer.store import events, orders
from relayer.store.crypt import Sealer

WORD = 32


def tell_accounts(session: Session, changes: Sequence[Change], before: History, after: History, sealer: Sealer) -> None:
    """Adds an event for each change of an account whose owner is registered; amounts are token units as decimal text."""
    told = []
    for change in changes:
        history = before if change.withdrawn else after
        found = _account(change.record, history)
        if found is not None and found[0] in history.owners:
            told.append((history.owners[found[0]].to_bytes(WORD, "big"), change, *found))
    registered = orders.keys(session, sorted({owner for owner, *_ in told}))
    for owner, change, index, payload in told:
        if owner in registered:
            whole = {"account": index, **payload, "block": change.record.at.block, "withdrawn": change.withdrawn}
            events.append(session, "account", whole, owner, sealer)


def _account(record: Record, history: History) -> tuple[int, dict[str, Any]] | None:
    """Whose account a record changes, and what is told of it."""
    match record:
        case AccountAssigned():
            return record.index, {"what": "assigned"}
        case DepositQueued():
            return record.index, {"what": "deposit", "amount": str(record.amount), "entry": record.entry}
        case DepositReturned():
            return record.index, {"what": "deposit_returned", "amount": str(record.amount), "entry": record.entry}
        case ExitRequested():
            amount, deadline = str(record.amount), record.deadline
            return record.index, {
                "what": "exit_requested",
                "amount": amount,
                "entry": record.entry,
                "deadline": deadline,
            }
        case ExitAnswered() if record.entry in history.exits:
            index, paid = history.exits[record.entry].index, str(record.paid)
            return index, {"what": "exit_answered", "paid": paid, "entry": record.entry, "batch": record.batch}
        case WithdrawalCredited():
            paid_to = {"recipient": record.recipient, "batch": record.batch}
            return record.index, {"what": "withdrawal", "amount": str(record.amount), **paid_to}
        case _:
            return None
