"""Nothing that is imported takes the readers' protection against deeply nested texts away."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASKED = """
import sys
before = sys.getrecursionlimit()
import {module}
assert sys.getrecursionlimit() == before, sys.getrecursionlimit()
"""


@pytest.mark.parametrize(
    "module",
    [
        "relayer.wallet",
        "relayer.keystore",
        "relayer.cli",
        "relayer.serve",
        "relayer.replica_http",
        "demo.vault",
        "prover.cli",
    ],
)
def test_the_recursion_limit_stays_as_it_was(module: str) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASKED.format(module=module)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, asked.stderr


def test_only_the_wallet_imports_what_raises_it() -> None:
    raising = tuple(
        f"{how} {package}" for how in ("from", "import") for package in ("eth_account", "eth_keyfile", "py_ecc")
    )
    found = [
        str(path.relative_to(ROOT))
        for folder in ("prover", "relayer", "demo", "bench", "examples", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if any(line.startswith(raising) for line in path.read_text().splitlines())
    ]
    assert found == ["relayer/wallet.py"]
