"""The reference's batches, and development keys."""

import pytest

import prover
from prover import Keys
from tests.prover.material import ROOT, Case, read_cases


@pytest.fixture(scope="session")
def case() -> Case:
    """Two segments."""
    return read_cases("batches_dev.json")["position turned round"]


@pytest.fixture(scope="session")
def keys() -> Keys:
    """Development keys of `dev`, those of the checkout if they fit."""
    return prover.setup("dev", ROOT / "keys")
