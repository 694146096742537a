"""What the tests of the package share: development keys, the reference's batches, and settlements proven once."""

from collections.abc import Callable

import pytest

import prover
from prover import Expected, Keys
from tests.prover.material import ROOT, Case, Proven, read_cases


@pytest.fixture(scope="session")
def cases() -> dict[str, Case]:
    return read_cases("batches_dev.json") | read_cases("batches_standard.json")


@pytest.fixture(scope="session")
def keys() -> Keys:
    """Development keys of `dev`, those of the checkout if they fit."""
    return prover.setup("dev", ROOT / "keys")


@pytest.fixture(scope="session")
def prove_case(cases: dict[str, Case], keys: Keys) -> Callable[[str], Proven]:
    """Proves a case of `dev`, once a session."""
    proven: dict[str, Proven] = {}

    def prove(name: str) -> Proven:
        if name not in proven:
            cleared = cases[name].cleared
            settlement = prover.prove(cleared, keys, deposit_end=7, exit_end=3, beneficiary="0x" + 20 * "5a")
            proven[name] = Proven(cleared, settlement, Expected.of(cleared, deposit_end=7, exit_end=3))
        return proven[name]

    return prove


@pytest.fixture(scope="session")
def busy(prove_case: Callable[[str], Proven]) -> Proven:
    """Three segments with fills, a cut, an expiry, a withdrawal and refusals."""
    return prove_case("dev batch 494")


@pytest.fixture(scope="session")
def deposits(prove_case: Callable[[str], Proven]) -> Proven:
    """Accounts opened by deposits."""
    return prove_case("only deposits")


@pytest.fixture(scope="session")
def withdrawn(prove_case: Callable[[str], Proven]) -> Proven:
    """An exit that is paid in part."""
    return prove_case("exit of more than the cash")
