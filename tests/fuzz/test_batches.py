"""Differential: batches that hypothesis draws, through the executable reference and through the core; every output is the same.

The generator of `tests/reference` rolls its dice; here each of its rolls is hypothesis's choice, so that a disagreement
shrinks to the few accounts and orders that it takes.
"""

import json
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from prover import SealedBatch, State
from prover.batch import Cleared
from prover.errors import BatchError, RiskTableError, StateError, TacitError
from tests.fuzz.depth import depth
from tests.fuzz.documents import changed
from tests.reference.batch import Batch, Result, run_batch
from tests.reference.batch import State as ReferenceState
from tests.reference.errors import UnprovableError
from tests.reference.exchange import batch_from, batch_json, leaf_json, state_json
from tests.reference.generate import Case, Run, Shape
from tests.reference.params import DEV
from tests.reference.scene import scene

agreement = depth(25, 300, 40)
SMALL = Shape(accounts=5, touches=4, instruments=3)
"""Few choices a batch: hypothesis gives up on examples that take too many."""


class DrawnRun(Run):
    """A run whose every roll is drawn."""

    def __init__(self, rng: Random) -> None:  # the seed of the run is what hypothesis draws
        self.params, self.shape, self.rng = DEV, SMALL, rng
        self.state = scene(DEV).state
        self.batch = rng.randrange(1, 1000)
        self.last_void = rng.randrange(self.batch)
        self.marks, self.settlements = {}, {}
        self.indices = self.choose_indices()
        for _ in range(self.shape.instruments):
            self.list_instrument()  # the same id may be drawn again, and then there are fewer
        self.furnish()


drawn = st.randoms(note_method_calls=False, use_true_random=False).map(DrawnRun)


def cleared_by_core(state: ReferenceState, batch: dict[str, Any]) -> Cleared:
    return State.from_json(json.dumps(state_json(DEV, state))).clear(SealedBatch.from_json(json.dumps(batch)))


def told(result: Result) -> dict[str, Any]:
    """What the reference says, in the terms of the package."""
    return {
        "roots": (result.start_root, result.end_root, result.risk_root, result.seal_root.hex()),
        "auctions": [
            (auction.price, auction.cut, auction.cut_side.name == "BUY", auction.volume, auction.count)
            for auction in result.auctions
        ],
        "touches": [
            {
                "words": list(touch.words),
                "new": None if touch.new is None else leaf_json(touch.new),
                "cash": touch.cash,
                "claims": list(touch.admission.margin.claims),
                "losses": list(touch.admission.margin.differences),
                "paid": touch.paid,
                "fee credit": touch.fee_credit,
                "expiry": touch.expiry.value,
                "orders": [(each.fill, int(each.reason), each.survived, each.admitted) for each in touch.orders],
            }
            for touch in result.touches
        ],
        "state": state_json(DEV, result.state),
    }


def made(cleared: Cleared) -> dict[str, Any]:
    """What the core says, in the same terms."""
    native = cleared.native
    return {
        "roots": (cleared.start_root, cleared.end_root, cleared.risk_root, cleared.seal_root.hex()),
        "auctions": [tuple(values) for values in zip(*(column.tolist() for column in native.auctions), strict=True)],
        "touches": [
            {
                "words": touch["words"],
                "new": None if touch["new"] is None else json.loads(touch["new"]),
                "cash": touch["cash"],
                "claims": touch["claims"],
                "losses": touch["losses"],
                "paid": touch["paid"],
                "fee credit": touch["fee_credit"],
                "expiry": touch["expiry_value"],
                "orders": touch["orders"],
            }
            for touch in native.touches
        ],
        "state": json.loads(cleared.state.to_json()),
    }


def compare(case: Case) -> None:
    ours, theirs = told(case.result), made(cleared_by_core(case.state, batch_json(DEV, case.batch)))
    for name, value in ours.items():
        assert value == theirs[name], name


@agreement
@given(run=drawn)
def test_reference_and_core_agree_on_drawn_batches(run: DrawnRun) -> None:
    compare(run.next_batch())


@agreement
@given(run=drawn, data=st.data())
def test_reference_and_core_refuse_the_same_batches(run: DrawnRun, data: DataObject) -> None:
    """A batch changed after it was signed: statically wrong to both, or cleared by both to the same end."""
    case = run.next_batch()
    wire = data.draw(changed(batch_json(DEV, case.batch), 2))
    try:
        readable = json.loads(SealedBatch.from_json(json.dumps(wire)).to_json())
    except TacitError:
        return  # not of the format, so no batch at all
    if readable["params"] != DEV.name:
        return
    ours, theirs = by_reference(case.state, batch_from(readable)), by_core(case.state, readable)
    assert ours == theirs


def by_reference(state: ReferenceState, batch: Batch) -> dict[str, Any] | None:
    try:
        return told(run_batch(DEV, state, batch))
    except UnprovableError:
        return None


def by_core(state: ReferenceState, batch: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return made(cleared_by_core(state, batch))
    except (BatchError, RiskTableError, StateError):
        return None
