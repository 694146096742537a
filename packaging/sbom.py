"""Writes what is in the relayer's wheel and what it runs with, as CycloneDX JSON: `python packaging/sbom.py FILE`, or `make sbom`.

Everything comes from the lock files, nothing from a network or from what happens to be installed: Python packages of the wheel's
dependencies and the extra `relayer` with the hashes that installing demands, crates that are built into the extension, JavaScript that
the page carries. What only builds, tests or judges is left out. The same lock files give the same bytes.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
EXTENSION: Final = "tacit-bindings"
VENDORED: Final = re.compile(r"@noble/(ciphers|curves|hashes)")
PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ \\;]+)")
HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def component(kind: str, name: str, version: str, hashes: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A library by its package URL, with the hashes (algorithm, hex) of its archives."""
    url = f"pkg:{kind}/{name.replace('@', '%40')}@{version}"
    found = [{"alg": algorithm, "content": content} for algorithm, content in sorted(hashes)]
    return {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url, "hashes": found}


def python(text: str) -> Iterator[dict[str, Any]]:
    """Packages of a requirements file with hashes."""
    for block in re.split(r"\n(?=\S)", text):
        found = PIN.match(block)
        if found is not None:
            yield component(
                "pypi", found["name"], found["version"], (("SHA-256", each) for each in HASH.findall(block))
            )


def rust(lock: dict[str, Any], built: set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Crates of a Cargo.lock that are built into the extension; our own have no checksum."""
    for each in lock["package"]:
        if (each["name"], each["version"]) in built and "checksum" in each:
            yield component("cargo", each["name"], each["version"], [("SHA-256", each["checksum"])])


def built_in(tree: str) -> set[tuple[str, str]]:
    """Names and versions that `cargo tree --prefix none` printed."""
    pairs = (line.split() for line in tree.splitlines() if line.strip())
    return {(words[0], words[1].removeprefix("v")) for words in pairs}


def javascript(lock: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Packages of a package-lock.json whose files the page carries."""
    for place, each in lock["packages"].items():
        name = place.removeprefix("node_modules/")
        if VENDORED.fullmatch(name):
            algorithm, digest = each["integrity"].split("-", 1)
            content = base64.b64decode(digest).hex()
            yield component("npm", name, each["version"], [(algorithm.upper().replace("SHA", "SHA-"), content)])


def bill(root: Path, tree: str) -> dict[str, Any]:
    """The document of a checkout."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = tomllib.loads((root / "Cargo.lock").read_text(encoding="utf-8"))
    parts = [
        *python((root / "requirements/runtime.txt").read_text(encoding="utf-8")),
        *rust(lock, built_in(tree)),
        *javascript(json.loads((root / "package-lock.json").read_text(encoding="utf-8"))),
    ]
    own = {"type": "application", "name": project["name"], "version": project["version"]}
    licence = [{"expression": project["license"]}]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own | {"licenses": licence}},
        "components": sorted(parts, key=lambda each: str(each["purl"])),
    }


def tree_of(root: Path) -> str:
    """The crates that the extension is built from, as cargo resolves them from its lock."""
    command = ["cargo", "tree", "--locked", "--package", EXTENSION, "--edges", "normal,build", "--prefix", "none"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


def main(target: str) -> None:
    """Writes the document."""
    Path(target).write_text(json.dumps(bill(ROOT, tree_of(ROOT)), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
