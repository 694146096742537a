"""Into how many parts a settlement goes that outgrows a transaction: each must fit, also with what it hands on."""

import pytest

from relayer.pipeline.policy import Policy
from relayer.pipeline.settling import BYTE_GAS, CONCERNED_BYTES, PROGRESS_BYTES, handed_on, segments_a_part

INDEX, LIVE, EXIT, OPENS = 5, 1 << 21, 1 << 22, 1 << 23
POLICY = Policy(settle_bytes=120_000, settle_gas=15_000_000)


@pytest.mark.parametrize("more", [EXIT, OPENS, 1 << 24, 1 << 88], ids=["exit", "opens", "deposit", "paid"])
def test_touches_that_concern_the_vault_are_handed_on_from_part_to_part(more: int) -> None:
    plain, concerned = [INDEX | LIVE, 0, 0], [INDEX | LIVE | more, 0, 0]
    assert handed_on([plain, plain]) == PROGRESS_BYTES
    assert handed_on([plain, concerned, concerned]) == PROGRESS_BYTES + 2 * CONCERNED_BYTES


def test_a_part_fits_by_bytes_with_what_it_hands_on_and_by_gas() -> None:
    assert segments_a_part(POLICY, 64, 64 * 20_000, 10_000_000, PROGRESS_BYTES) == 5
    assert segments_a_part(POLICY, 64, 64 * 20_000, 10_000_000, 80_000) == 2, (
        "2 segments and 80,000 bytes of those before"
    )
    assert segments_a_part(POLICY, 64, 64 * 5_000, 60_000_000, PROGRESS_BYTES) == 16
    assert segments_a_part(POLICY, 64, 64 * 20_000, 10_000_000, 119_000) == 1, "less than a segment cannot be sent"
    assert segments_a_part(POLICY, 2, 2_000, 1_000, PROGRESS_BYTES) == 2


@pytest.mark.parametrize("gas", [None, 9_000_000], ids=["not known", "known"])
@pytest.mark.parametrize(("most", "bytes_each"), [(15_000_000, 1_300), (5_000_000, 12_500), (2_000_000, 3_100)])
def test_a_part_fits_by_gas_also_where_nobody_says_what_the_whole_would_use(
    most: int, bytes_each: int, gas: int | None
) -> None:
    fixed, each = 682_000, 92_000 + BYTE_GAS * bytes_each  # docs/measurements.md, at the floor price
    policy = Policy(settle_bytes=10_000_000, settle_gas=most)
    found = segments_a_part(policy, 64, 64 * bytes_each, gas, PROGRESS_BYTES)
    assert fixed + found * each + BYTE_GAS * PROGRESS_BYTES <= most
    assert found > 1, "nor are there more parts than that takes"
