"""The bench at its smallest: it measures what it says, and its document has every part and no figure by hand."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bench import text
from demo.chain import ROOT

HEADINGS = (
    "Constraints",
    "Set-up and keys",
    "Proving by phase",
    "Groth16 beside arkworks",
    "Settlements, from orders to proofs",
    "Verification",
    "Gas by number of segments",
    "The core alone",
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The document of a quick run."""
    out = tmp_path_factory.mktemp("bench") / "measurements.md"
    command = [sys.executable, "-m", "bench", "--quick", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out.read_text(encoding="utf-8")


def test_the_document_has_every_part(written: str) -> None:
    assert tuple(re.findall(r"^## (.*)$", written, re.MULTILINE)) == HEADINGS


def test_the_document_names_machine_date_and_versions(written: str) -> None:
    for name in ("machine", "date", "commit", "versions", "highest load in each part"):
        assert re.search(rf"^\| {name} \| .+ \|$", written, re.MULTILINE), name


def test_every_phase_has_times_of_one_and_two_threads_and_their_ratio(written: str) -> None:
    for phase in ("witness", "quotient", "A", "B in G1", "B in G2", "private wires", "quotient terms", "own check"):
        row = re.search(rf"^\| {phase} \| (.+) \|$", written, re.MULTILINE)
        assert row is not None, phase
        assert re.fullmatch(r"(\S+ \S?s \| \S+ \S?s \| \d+\.\d\d×( \| )?){2}", row[1]), row[0]


def test_every_row_of_a_table_is_as_wide_as_its_head(written: str) -> None:
    tables = re.findall(r"(?:^\|.*\|\n)+", written, re.MULTILINE)
    assert len(tables) > len(HEADINGS)
    for lines in (table.splitlines() for table in tables):
        assert {line.count("|") for line in lines} == {lines[0].count("|")}, lines[0]


def test_the_document_in_git_is_one_that_the_bench_wrote() -> None:
    committed = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^## (.*)$", committed, re.MULTILINE)) == HEADINGS
    assert "quick run" not in committed


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.144, "2.14 s"),
        (0.5312, "531 ms"),
        (12e-6, "12.0 µs"),
        (5e-8, "50.0 ns"),
        (1234.0, "1,234 s"),
        (0.0, "0.00 ns"),
    ],
)
def test_times_have_three_digits_that_count(value: float, expected: str) -> None:
    assert text.seconds(value) == expected
