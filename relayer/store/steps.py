"""A batch comes to another state: its row, its step with the time, and what subscribers are told, together or not at all.

Which states follow which is for who moves a batch: the pipeline for the operator's own doing, :mod:`.standing` for what the chain says.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from relayer.store import events
from relayer.store.clock import now_ms
from relayer.store.models import Batch, BatchState, BatchStep

CHANNEL = "batches"


def move(session: Session, batch: Batch, state: BatchState, reason: str | None = None, **told: Any) -> None:  # noqa: ANN401
    """Brings a batch to a state, for a reason if one is to be kept; ``told`` are further public values of the event (JSON). The reason is
    the operator's: everybody may subscribe to the channel.
    """
    now = now_ms()
    batch.state, batch.reason, batch.updated_at = state, reason, now
    session.add(BatchStep(batch=batch.number, state=state, at=now))
    events.append(session, CHANNEL, {"batch": batch.number, "state": state.value, **told})
