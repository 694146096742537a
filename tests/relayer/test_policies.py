"""Policies are the same for every process, and only what exists can be set."""

from collections.abc import Iterator

import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from relayer.store import policies
from relayer.store.models import Base


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def test_nothing_is_paused_at_first(session: Session) -> None:
    assert policies.read(session) == policies.Policies()
    assert not policies.read(session).intake_paused


def test_a_change_leaves_the_other_policies_as_they_are(session: Session) -> None:
    policies.change(session, intake_paused=True)
    policies.change(session, close_orders=3)
    session.flush()
    session.expire_all()
    assert policies.read(session) == policies.Policies(intake_paused=True, close_orders=3)


@pytest.mark.parametrize("wrong", [{"paused": True}, {"close_orders": 0}, {"maximum_fee_gwei": -1}])
def test_a_policy_that_is_none_is_refused_and_changes_nothing(session: Session, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        policies.change(session, **wrong)
    assert policies.read(session) == policies.Policies()
