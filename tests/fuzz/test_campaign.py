"""The campaign itself: a round that cannot start would look like one find, and was one once."""

import subprocess

import pytest

from tests.fuzz.campaign import PROPERTIES, ROOT, round_of


@pytest.mark.parametrize("file", PROPERTIES)
def test_a_round_of_properties_starts(file: str) -> None:
    started = subprocess.run([*round_of(file), "--collect-only"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stdout + started.stderr
    assert f"tests/fuzz/{file}::" in started.stdout
