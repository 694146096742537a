"""What an operator changes while the service runs: kept in the database, so that every process of it sees the same.

What is None leaves the setting of the same name as it is. A policy counts from the next look at it, which no process puts off for
longer than one step of its loop.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from relayer.store.models import Setting

NAME: Final = "policies"


class Policies(BaseModel):
    """``intake_paused``: no order is taken (PAUSED); ``proving_paused``: batches wait to be proven; ``sending_paused``: transactions
    wait to be sent. The rest stands for the settings of these names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    intake_paused: bool = False
    proving_paused: bool = False
    sending_paused: bool = False
    public_fallback: bool | None = None
    forecast: bool | None = None
    maximum_fee_gwei: Annotated[float, Field(gt=0)] | None = None
    maximum_priority_fee_gwei: Annotated[float, Field(gt=0)] | None = None
    close_seconds: Annotated[float, Field(gt=0)] | None = None
    close_orders: Annotated[int, Field(ge=1)] | None = None


def read(session: Session) -> Policies:
    """The policies in force."""
    found = session.get(Setting, NAME)
    return Policies() if found is None else Policies.model_validate_json(found.value)


def change(session: Session, **changes: object) -> Policies:
    """Sets some policies, in the caller's transaction, and gives out all (pydantic's ValidationError for what is none)."""
    policies = Policies.model_validate(read(session).model_dump() | changes)
    found = session.get(Setting, NAME)
    if found is None:
        session.add(Setting(name=NAME, value=policies.model_dump_json()))
    else:
        found.value = policies.model_dump_json()
    return policies
