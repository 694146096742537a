"""How long each property is tried: a sample in `make test`, more in `make test-full`, rounds of many in `make fuzz`."""

import os

from hypothesis import HealthCheck, settings


def depth(sample: int, full: int, fuzz: int) -> settings:
    """Settings of a property: so many examples by depth. The same ones each time but in `make fuzz`."""
    fuzzing = bool(os.environ.get("TACIT_FUZZ"))
    count = fuzz if fuzzing else full if os.environ.get("TACIT_FULL") else sample
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=not fuzzing,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
