"""Settlements verified on request, as the vault verifies them: one that is another than what is trusted does not hold."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import prover
from prover import Expected, Keys
from prover.batch import Cleared
from prover.settlement import Settlement
from relayer.api.problems import Refusal
from relayer.api.schemas import VerificationAsked
from relayer.api.services import Services
from relayer.api.verification import Verifier
from relayer.history import History
from relayer.records import AccountAssigned, BatchSealed, DepositQueued, EpochPosted, Seal
from relayer.store.models import Batch, BatchState
from tests.prover.material import ROOT, read_cases
from tests.relayer.api.house import PLACE, SOMEBODY, VENUE, House, Told, opened


@pytest.fixture(scope="module")
def keys() -> Keys:
    return prover.setup("dev", ROOT / "keys")


@pytest.fixture(scope="module")
def proven(keys: Keys) -> tuple[Cleared, Settlement]:
    """A batch of deposits, proven once."""
    cleared = read_cases("batches_dev.json")["only deposits"].cleared
    count = sum(1 for touch in cleared.batch.touches if touch.deposit)
    return cleared, prover.prove(cleared, keys, deposit_end=count, beneficiary="0x" + 20 * "5a")


def told_of(cleared: Cleared, settlement: Settlement) -> History:
    """What the vault's events say of the batch."""
    made, context = History(), settlement.context
    for touch in cleared.batch.touches:
        made.add(AccountAssigned(PLACE, touch.index, touch.holder.owner))
        if touch.deposit:
            made.add(DepositQueued(PLACE, len(made.deposits), touch.index, SOMEBODY, touch.deposit))
    made.add(EpochPosted(PLACE, 1, settlement.risk_root, (), (), 1, cleared.batch.risk))
    seal = Seal(
        settlement.seal_root,
        context.batch,
        len(cleared.batch.touches),
        settlement.active_orders,
        settlement.deposit_end,
        0,
        context.last_void,
        1,
        context.time,
    )
    made.add(BatchSealed(PLACE, context.batch, settlement.start_root, seal, bytes(32)))
    return made


@pytest.fixture
def house(tmp_path: Path, keys: Keys, proven: tuple[Cleared, Settlement]) -> Iterator[House]:
    """A service of the vault that the settlement is of, in which it is mined."""
    cleared, settlement = proven
    context = settlement.context
    with opened(tmp_path) as made:
        venue = replace(VENUE, fee_rate=context.fee_rate, num=context.num, den=context.den, domain=context.domain)
        reading = Told(told_of(cleared, settlement), None)
        own = replace(made.services, keys=lambda: keys, reading=reading, venue=venue)
        with made.services.database.write() as session:
            text = settlement.to_json().encode()
            row = session.get(Batch, context.batch)
            if row is not None:
                session.delete(row)
                session.flush()
            session.add(
                Batch(
                    number=context.batch,
                    state=BatchState.MINED,
                    epoch=1,
                    proofs_done=0,
                    created_at=1,
                    updated_at=1,
                    settlement=text,
                )
            )
        yield replace(made, services=own)


def asked(house: House, **what: Any) -> Any:  # noqa: ANN401 - JSON
    return Verifier(house.services).verify(VerificationAsked.model_validate(what))


def test_a_settlement_of_the_vault_is_checked_against_the_vaults_own_record(
    house: House, proven: tuple[Cleared, Settlement]
) -> None:
    told = asked(house, batch=proven[1].context.batch)
    assert (told.valid, told.against, told.detail) == (True, "chain", None)
    assert int(told.end_root, 16) == proven[1].end_root


def test_a_record_that_says_otherwise_is_believed(house: House, proven: tuple[Cleared, Settlement]) -> None:
    number = proven[1].context.batch
    history = house.services.reading.history()
    history.seals[number] = replace(history.seals[number], root=5)
    told = asked(house, batch=number)
    assert (told.valid, told.against) == (False, "chain")
    assert told.detail


def test_a_settlement_is_checked_against_what_the_asker_trusts(
    house: House, proven: tuple[Cleared, Settlement]
) -> None:
    cleared, settlement = proven
    wire = json.loads(settlement.to_json())
    trusted = Expected.of(cleared, deposit_end=settlement.deposit_end)
    good = asked(house, settlement=wire, expected=json.loads(trusted.to_json()))
    assert (good.valid, good.against) == (True, "expected")
    other = replace(trusted, start_root=1)
    assert not asked(house, settlement=wire, expected=json.loads(other.to_json())).valid


def test_alone_it_is_checked_against_its_claims_and_a_changed_one_does_not_hold(
    house: House, proven: tuple[Cleared, Settlement]
) -> None:
    wire = json.loads(proven[1].to_json())
    told = asked(house, settlement=wire)
    assert (told.valid, told.against) == (True, "claims")
    changed = wire | {"active_orders": wire["active_orders"] + 1}
    assert not asked(house, settlement=changed).valid


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"batch": 1, "settlement": {}},
        {"batch": 1, "expected": {}},
        {"settlement": {"format": "tacit.settlement.1"}},
        {"settlement": {}, "expected": {}},
    ],
)
def test_what_is_no_settlement_is_refused(house: House, what: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        asked(house, **what)
    assert refused.value.code == "INVALID_REQUEST"


def test_a_batch_that_is_not_in_the_chain_is_not_there(house: House) -> None:
    with pytest.raises(Refusal) as refused:
        asked(house, batch=4_000)
    assert refused.value.code == "NOT_FOUND"


def test_without_keys_it_says_so(house: House, proven: tuple[Cleared, Settlement]) -> None:
    without: Services = replace(house.services, keys=lambda: None)
    with pytest.raises(Refusal) as refused:
        Verifier(without).verify(VerificationAsked(batch=proven[1].context.batch))
    assert refused.value.code == "NOT_READY"


def test_one_is_verified_at_a_time_and_others_are_told_to_come_again(
    house: House, proven: tuple[Cleared, Settlement], monkeypatch: pytest.MonkeyPatch
) -> None:
    from relayer.api import verification

    began, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> int:
        began.set()
        go_on.wait(10)
        return 0

    monkeypatch.setattr(verification, "verify", slow)
    monkeypatch.setattr(verification, "WAIT_SECONDS", 0.05)
    verifier, number = Verifier(house.services), proven[1].context.batch
    first = threading.Thread(target=verifier.verify, args=(VerificationAsked(batch=number),))
    first.start()
    began.wait(10)
    with pytest.raises(Refusal) as refused:
        verifier.verify(VerificationAsked(batch=number))
    go_on.set()
    first.join()
    assert refused.value.code == "BUSY"
    assert verifier.verify(VerificationAsked(batch=number)).valid
