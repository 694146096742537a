"""What the installed packages import is what pyproject.toml declares, each from where it is needed, and what requirements/runtime.in pins.

A package that is there only because another one needs it may be gone, or another, with that one's next version.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OWN = ("prover", "relayer")
RAY = Path("relayer/executor")
NOT_IMPORTED = {
    "eth-hash": "eth-utils and eth-keys look for its keccak",
    "httptools": "uvicorn looks for it",
    "psycopg": "SQLAlchemy takes it by the address of a database",
}
"""What is declared and imported by name nowhere here, and who does."""

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = packages_distributions()


def plain(requirement: str) -> str:
    """The name of a requirement, as indexes compare them."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


BASE = {plain(each) for each in PYPROJECT["dependencies"]}
EXTRAS = {extra: {plain(each) for each in named} for extra, named in PYPROJECT["optional-dependencies"].items()}


def declared_for(path: Path) -> set[str]:
    """What a file may import: a prover is installed without extras, and only the executor has Ray."""
    if path.parts[0] == "prover":
        return BASE
    return BASE | EXTRAS["relayer"] | (EXTRAS["ray"] if path.is_relative_to(RAY) else set())


def imports(source: str) -> Iterator[str]:
    """Top-level names of other packages' modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names and top not in OWN:
                yield top


def undeclared(path: Path, source: str) -> set[str]:
    """Modules that none of the packages brings which are declared for a file."""
    declared = declared_for(path)
    return {name for name in imports(source) if not {plain(each) for each in MODULES.get(name, ())} & declared}


def sources() -> list[Path]:
    found = [path.relative_to(ROOT) for own in OWN for path in (ROOT / own).rglob("*.py*") if path.suffix != ".pyc"]
    return [path for path in found if path.suffix in (".py", ".pyi")]


def test_every_import_is_declared() -> None:
    found = {str(path): undeclared(path, (ROOT / path).read_text(encoding="utf-8")) for path in sources()}
    assert {path: names for path, names in found.items() if names} == {}


def test_every_package_that_is_declared_is_imported_or_has_a_reason() -> None:
    used = {
        plain(each)
        for path in sources()
        for name in imports((ROOT / path).read_text(encoding="utf-8"))
        for each in MODULES.get(name, ())
    }
    declared = BASE.union(*EXTRAS.values())
    assert declared - used == set(NOT_IMPORTED)


def test_what_is_pinned_is_what_is_declared() -> None:
    lines = (ROOT / "requirements/runtime.in").read_text(encoding="utf-8").splitlines()
    pinned = {plain(line) for line in lines if line and not line.startswith(("#", "-"))}
    assert pinned == BASE | EXTRAS["relayer"]


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("relayer/a.py", "import numpy, starlette.types", set()),
        ("relayer/a.py", "import greenlet", {"greenlet"}),
        ("relayer/a.py", "def late():\n    from certifi import where", {"certifi"}),
        ("relayer/a.py", "from nowhere.at.all import x", {"nowhere"}),
        ("relayer/a.py", "from . import certifi\nfrom relayer import chain\nimport json", set()),
        ("relayer/a.py", "import ray", {"ray"}),
        ("relayer/executor/ray.py", "import ray", set()),
        ("prover/a.py", "import numpy", set()),
        ("prover/a.py", "import fastapi", {"fastapi"}),
    ],
)
def test_an_import_that_is_not_declared_is_found(path: str, source: str, found: set[str]) -> None:
    assert undeclared(Path(path), source) == found
