"""The built wheel stands alone: it installs outside the checkout and works there, next to its locked dependencies."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import prover
from tests.prover.material import read_cases

ROOT = Path(__file__).resolve().parent.parent
FIRST_REVISION = "relayer/store/migrations/versions/revision_0001.py"


def run(command: list[str | Path], cwd: Path) -> str:
    """Runs a command without our PYTHONPATH and gives its output."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    maturin = Path(sys.executable).with_name("maturin")
    run([maturin, "build", "--quiet", "--release", "--locked", "--out", folder], ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that has the wheel and borrows our locked dependencies, not our checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel],
        folder,
    )
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def test_the_wheel_holds_the_packages_their_types_and_the_licences_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"prover", "relayer"}
    assert {"prover/py.typed", "prover/_native.pyi", "relayer/py.typed", "relayer/interfaces/Vault.json"} <= set(names)
    web = "relayer/web/static"
    assert {f"{web}/index.html", f"{web}/operator.html", f"{web}/vendor/curves/LICENSE"} <= set(names)
    assert FIRST_REVISION in names
    assert len([name for name in names if name.endswith(".so")]) == 1
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE-MIT", "LICENSE-APACHE"}


def test_the_package_imports_from_the_wheel_and_not_from_the_checkout(elsewhere: Path) -> None:
    found = run([elsewhere, "-c", "import prover._native; print(prover.__file__)"], elsewhere.parent)
    assert Path(found.strip()).is_relative_to(elsewhere.parent.parent)


def test_the_command_lines_are_installed(elsewhere: Path) -> None:
    assert "verify" in run([elsewhere.with_name("prover"), "--help"], elsewhere.parent)
    assert "rebuild" in run([elsewhere.with_name("relayer"), "--help"], elsewhere.parent)


FIVE_LINES = """\
import prover
keys = prover.Keys.load("keys", "dev")
settlement = prover.Settlement.load("settlement.json")
expected = prover.Expected.load("expected.json")
prover.verify(settlement, keys, expected)
"""


def test_a_settlement_is_verified_in_five_lines_outside_the_checkout(elsewhere: Path, tmp_path: Path) -> None:
    """The verifying keys and the settlement are all that is taken along."""
    case = read_cases("batches_dev.json")["nothing at all"]
    keys = prover.setup("dev", ROOT / "keys")
    prover.prove(case.cleared, keys).save(tmp_path / "settlement.json")
    prover.Expected.of(case.cleared).save(tmp_path / "expected.json")
    (tmp_path / "keys").mkdir()
    for name in ("segment.vk", "segment.json", "closing.vk", "closing.json"):
        shutil.copy(keys.folder / name, tmp_path / "keys" / name)
    run([elsewhere, "-c", FIVE_LINES], tmp_path)
    other = FIVE_LINES.replace("prover.verify(", "import dataclasses; prover.verify(dataclasses.replace(", 1)
    other = other.replace("settlement, keys", "settlement, start_root=1), keys")
    with pytest.raises(AssertionError, match="VerificationError: start root"):
        run([elsewhere, "-c", other], tmp_path)
