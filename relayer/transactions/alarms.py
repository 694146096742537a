"""What an operator must be told about sending: raised once when it begins to hold, cleared once when it ends.

An alarm has a code and a subject (a transaction's id, a sender, an endpoint); each change is an event on the channel ``alerts`` and a line
in the log. Which ones are raised is this process's memory: who takes over the work raises again what still holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Final

from sqlalchemy.orm import Session

from relayer.store import events

log = logging.getLogger(__name__)

Write = Callable[[], AbstractContextManager[Session]]

ENDPOINT: Final = "endpoint_aside"
UNSETTLED: Final = "endpoints_unsettled"
DISPUTED: Final = "receipt_disputed"
FEE_CAP: Final = "transaction_fee_cap"
REFUSED: Final = "transaction_refused"
FAILED: Final = "transaction_failed"
BALANCE: Final = "sender_balance_low"
UNPAYABLE: Final = "sender_balance_insufficient"
NO_KEY: Final = "sender_without_key"
FOREIGN: Final = "nonce_used_elsewhere"
REWOUND: Final = "nonce_of_a_final_transaction_free"
NO_RELAY: Final = "private_endpoint_missing"
RELAY: Final = "private_endpoint_refuses"
DROPPED: Final = "private_transaction_dropped"
PUBLIC: Final = "private_transaction_public"
WARNINGS: Final = (ENDPOINT, REFUSED, BALANCE, RELAY, PUBLIC)
"""Codes that leave time to look; the others stop something."""


class Alarms:
    """The alarms of one sender of transactions."""

    def __init__(self) -> None:
        self._raised: dict[tuple[str, str], str] = {}

    @property
    def raised(self) -> MappingProxyType[tuple[str, str], str]:
        """What holds now: message by code and subject."""
        return MappingProxyType(self._raised)

    def holds(self, write: Write, code: str, subject: str, message: str) -> bool:
        """Something holds; told if it did not before, which the answer says."""
        if (code, subject) in self._raised:
            return False
        with write() as session:
            tell(session, code, subject, message)
        self._raised[code, subject] = message
        log.warning("alarm", extra={"alert": code})
        return True

    def told(self, code: str, subject: str, message: str) -> None:
        """Something holds, and was told (:func:`tell`) in the write that made it so."""
        self._raised[code, subject] = message
        log.warning("alarm", extra={"alert": code})

    def over(self, write: Write, code: str, subject: str) -> None:
        """Something holds no longer; told if it did."""
        if (code, subject) not in self._raised:
            return
        with write() as session:
            events.append(session, "alerts", {"name": code, "subject": subject, "state": "cleared"})
        self._raised.pop((code, subject), None)

    def done_with(self, write: Write, subject: str) -> None:
        """Nothing of a subject holds any longer."""
        for code, other in list(self._raised):
            if other == subject:
                self.over(write, code, subject)


def tell(session: Session, code: str, subject: str, message: str) -> None:
    """An alarm as an event, in the caller's transaction."""
    severity = "warning" if code in WARNINGS else "critical"
    told = {"name": code, "subject": subject, "severity": severity, "message": message, "state": "raised"}
    events.append(session, "alerts", told)
