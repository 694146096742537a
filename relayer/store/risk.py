"""Risk tables with names, as the operator posts them: the chain has rows alone. A table counts once an epoch with its root is in force."""

from __future__ import annotations

from sqlalchemy.orm import Session

from relayer.store.clock import now_ms
from relayer.store.models import RiskDocument


def put(session: Session, root: bytes, document: str) -> bool:
    """Keeps a table under its root; False if it was there already, and nothing has changed."""
    if session.get(RiskDocument, root) is not None:
        return False
    session.add(RiskDocument(risk_root=root, document=document, created_at=now_ms()))
    return True
