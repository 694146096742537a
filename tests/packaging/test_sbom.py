"""The bill of materials names what is shipped, with the hashes that installing demands, and nothing that only builds or tests."""

from __future__ import annotations

import importlib.util
import json
import re
from types import ModuleType
from typing import Any

import pytest

from tests.prover.material import ROOT

TREE = """tacit-bindings v0.1.0 (/somewhere/rust/bindings)
ark-ff v0.6.0
ahash v0.8.12
ark-ff v0.6.0 (*)
"""


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "packaging/sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bill(sbom: ModuleType) -> dict[str, Any]:
    made: dict[str, Any] = sbom.bill(ROOT, TREE)
    return made


def of_kind(bill: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in bill["components"] if each["purl"].startswith(f"pkg:{kind}/")}


def test_every_pinned_package_is_named_with_all_of_its_hashes(bill: dict[str, Any]) -> None:
    text = (ROOT / "requirements/runtime.txt").read_text(encoding="utf-8")
    found = of_kind(bill, "pypi")
    assert {f"{each['name']}=={each['version']}" for each in found.values()} == set(
        re.findall(r"^[A-Za-z0-9._-]+==[^ \\]+", text, re.MULTILINE)
    )
    hashes = [digest["content"] for each in found.values() for digest in each["hashes"]]
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", text))
    assert "pytest" not in found


def test_crates_are_those_that_are_built_in_with_their_checksum(bill: dict[str, Any]) -> None:
    found = of_kind(bill, "cargo")
    assert set(found) == {"ark-ff", "ahash"}
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    for each in found.values():
        (digest,) = each["hashes"]
        assert f'version = "{each["version"]}"' in lock
        assert f'checksum = "{digest["content"]}"' in lock


def test_javascript_is_what_the_page_carries(bill: dict[str, Any]) -> None:
    found = of_kind(bill, "npm")
    carried = {path.name for path in (ROOT / "relayer/web/static/vendor").iterdir() if path.is_dir()}
    assert set(found) == {f"@noble/{name}" for name in carried}
    assert all(
        digest["alg"] == "SHA-512" and len(digest["content"]) == 128 for e in found.values() for digest in e["hashes"]
    )


def test_the_same_locks_give_the_same_bytes_and_each_part_once(sbom: ModuleType, bill: dict[str, Any]) -> None:
    assert json.dumps(sbom.bill(ROOT, TREE)) == json.dumps(bill)
    references = [each["bom-ref"] for each in bill["components"]]
    assert references == sorted(set(references))
    assert bill["metadata"]["component"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
