"""Imports go one way, and what the commands need that is not installed is said in one line."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ABOVE = {"prover": {"relayer", "demo", "bench", "tests"}, "relayer": {"demo", "bench", "tests"}}


def imported(path: Path) -> set[str]:
    """The packages that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", ABOVE)
def test_nothing_imports_what_is_above_it(package: str) -> None:
    for path in (ROOT / package).glob("*.py"):
        assert not imported(path) & ABOVE[package], path


@pytest.mark.parametrize("command", [["-m", "relayer", "--help"], ["-m", "prover.cli"]])
def test_what_is_not_installed_is_said(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "eth_abi.py").write_text("raise ModuleNotFoundError(name='eth_abi')\n")
    run = "from prover.cli import app; app(['audit', '--rpc', 'http://127.0.0.1:9', '--vault', '0x' + 40 * 'a'])"
    arguments = command if command[1] == "relayer" else ["-c", run]
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "pip install 'tacit-prover[relayer]'" in done.stderr) == (2, True), done
