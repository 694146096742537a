"""What the properties start from: a batch of the reference, and a settlement of it that was proven."""

import pytest

import prover
from prover import Expected, Keys
from prover.proof import prove
from tests.prover.material import ROOT, Case, Proven, read_cases

BUSY = "dev batch 494"


@pytest.fixture(scope="session")
def keys() -> Keys:
    return prover.setup("dev", ROOT / "keys")


@pytest.fixture(scope="session")
def case() -> Case:
    """Three segments with fills, a cut, an expiry, a withdrawal and refusals."""
    return read_cases("batches_dev.json")[BUSY]


@pytest.fixture(scope="session")
def proven(case: Case, keys: Keys) -> Proven:
    cleared = case.cleared
    settlement = prove(cleared, keys, deposit_end=7, exit_end=3, beneficiary="0x" + 20 * "5a")
    return Proven(cleared, settlement, Expected.of(cleared, deposit_end=7, exit_end=3))
