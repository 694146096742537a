"""A finding of slither is explained as it stands, or `make check-slither` fails."""

from pathlib import Path
from typing import Any

import pytest

from tests import check_slither
from tests.check_slither import Finding

ONE: dict[str, Any] = {
    "check": "timestamp",
    "description": "Vault.open() (src/Vault.sol#10-20) uses timestamp\n\t- block.timestamp > until (src/Vault.sol#12)\n",
    "elements": [{"type": "function", "name": "open"}, {"type": "node", "name": "block.timestamp >\n  until"}],
}
EXPLAINED = """
[[aside]]
check = "assembly"
why = "says where it stands and nothing else"

[[explained]]
check = "timestamp"
why = "seconds of the block clock are meant"
[explained.findings]
"Vault.open()" = ["block.timestamp > until"]
"""
ASSEMBLY: dict[str, Any] = {
    "check": "assembly",
    "description": "Vault._f() (src/Vault.sol#1-2) uses assembly",
    "elements": [],
}


def differences(*detectors: dict[str, Any], text: str = EXPLAINED) -> list[str]:
    found = check_slither.findings([*detectors, ASSEMBLY])
    return list(check_slither.differences(found, check_slither.explanations(text)))


def test_a_finding_that_is_explained_passes() -> None:
    assert differences(ONE) == []


def test_the_same_finding_on_other_lines_passes() -> None:
    assert differences(ONE | {"description": ONE["description"].replace("#1", "#3")}) == []


def test_a_new_finding_fails() -> None:
    (said,) = differences(ONE, ONE | {"check": "reentrancy-eth"})
    assert said.startswith("not explained:\n# reentrancy-eth")


def test_an_explained_finding_that_points_at_one_more_expression_fails() -> None:
    more = ONE | {"elements": [*ONE["elements"], {"type": "node", "name": "block.timestamp < from"}]}
    (said,) = differences(more)
    assert said.startswith("explained of other expressions")
    assert "block.timestamp < from" in said


def test_a_second_finding_of_the_same_element_fails() -> None:
    assert len(differences(ONE, ONE)) == 1


def test_a_finding_that_vanished_fails() -> None:
    assert differences() == ["explained, but no longer found: timestamp of Vault.open()"]


def test_a_check_set_aside_for_nothing_fails() -> None:
    found = check_slither.findings([ONE])
    said = list(check_slither.differences(found, check_slither.explanations(EXPLAINED)))
    assert said == ["nothing to set aside: assembly finds nothing"]


@pytest.mark.parametrize("why", ["", "fine"])
def test_an_explanation_needs_a_reason(why: str) -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        check_slither.explanations(EXPLAINED.replace("seconds of the block clock are meant", why))


def test_a_planted_fault_is_found(tmp_path: Path) -> None:
    """A contract that sends coins to whoever asks is analysed by slither itself."""
    (tmp_path / "src").mkdir()
    (tmp_path / "foundry.toml").write_text("[profile.default]\nsrc = 'src'\n", encoding="utf-8")
    (tmp_path / "src" / "Open.sol").write_text(
        "// SPDX-License-Identifier: MIT OR Apache-2.0\npragma solidity ^0.8.28;\n"
        "contract Open {\n    function take() external {\n        payable(msg.sender).transfer(1);\n    }\n}\n",
        encoding="utf-8",
    )
    assert Finding("arbitrary-send-eth", "Open.take()") in check_slither.analyse(tmp_path)
