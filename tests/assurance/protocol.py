"""Section 12 of `docs/protocol.md`, read: which check holds which promise, and its plain twin."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.assurance.records import CIRCUITS, Unit

ROOT: Final = Path(__file__).resolve().parents[2]
PROTOCOL: Final = ROOT / "docs" / "protocol.md"
CRATES: Final = {"tacit_core": ROOT / "rust" / "core" / "src", "tacit_circuits": ROOT / "circuits" / "src"}

_HEAD: Final = re.compile(r"\| (?P<circuit>\w+) circuit: promise \(of section 1\) \| checks \| plain twin \|")
_QUOTED: Final = re.compile(r"`([^`]+)`")
_ITEM: Final = r"\b(?:fn|struct|enum|type|const|trait)\s+{name}\b"


@dataclass(frozen=True)
class Promise:
    """A row of section 12."""

    circuit: str
    text: str
    checks: tuple[str, ...]
    twin: str


def promises(path: Path = PROTOCOL) -> list[Promise]:
    """All rows of section 12."""
    text = path.read_text(encoding="utf-8")
    section = text[text.index("\n## 12.") + 1 :].partition("\n## ")[0]
    return list(_rows(section.splitlines()))


def _rows(lines: Iterable[str]) -> Iterator[Promise]:
    circuit = ""
    for line in lines:
        if head := _HEAD.fullmatch(line.strip()):
            circuit = head["circuit"]
        elif circuit and line.startswith("| "):
            text, checks, twin = (cell.strip() for cell in line.strip().strip("|").split("|"))
            yield Promise(circuit, text, tuple(_QUOTED.findall(checks)), twin)


def faults(found: list[Promise], inventory: Iterable[Unit]) -> list[str]:
    """Checks that stand in no row or in several, names of checks or twins that do not exist."""
    wrong = []
    units = list(inventory)
    for circuit in CIRCUITS:
        named = Counter(check for promise in found if promise.circuit == circuit for check in promise.checks)
        real = {unit.check for unit in units if unit.circuit == circuit}
        wrong += [f"section 12 does not name `{check}` of the {circuit} circuit" for check in sorted(real - set(named))]
        wrong += [
            f"section 12 names `{check}`, no check of the {circuit} circuit" for check in sorted(set(named) - real)
        ]
        wrong += [f"section 12 names `{check}` ({circuit}) in {n} rows" for check, n in sorted(named.items()) if n > 1]
    twins = {twin for promise in found for twin in _QUOTED.findall(promise.twin)}
    wrong += [f"section 12 names the twin `{twin}`, which does not exist" for twin in sorted(twins) if not exists(twin)]
    wrong += [f"section 12 names no twin: {promise.text}" for promise in found if not promise.twin]
    return wrong


def exists(path: str) -> bool:
    """Whether a path such as `tacit_core::admission::admit` or `tacit_core::tree::StateTree::path` names an item in the sources."""
    crate, *modules = path.split("::")
    if crate not in CRATES or not modules:
        return False
    file = CRATES[crate]
    while modules and (deeper := _module(file, modules[0])):
        file, modules = deeper, modules[1:]
    source = file if file.is_file() else file.with_suffix(".rs")
    if not source.is_file():
        return False
    text = source.read_text(encoding="utf-8")
    return bool(modules) and all(re.search(_ITEM.format(name=re.escape(name)), text) for name in modules)


def _module(folder: Path, name: str) -> Path | None:
    inner = (folder if folder.is_dir() else folder.with_suffix("")) / name
    return inner.with_suffix(".rs") if inner.with_suffix(".rs").is_file() else None
