"""Writes the contracts' interfaces into the package: `python -m tests.relayer.write_interfaces`.

An installed package has no compiler, so what it needs of the compiled contracts lies in it as JSON, in one canonical form; `make check`
wants this command to change nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from demo.chain import Artifact, compile_contracts

FOLDER: Final = Path(__file__).resolve().parents[2] / "relayer" / "interfaces"
SOURCES: Final = {
    "Vault": ("Vault", "IVault"),
    "Bonds": ("Bonds", "IBonds"),
    "SettlementRules": ("SettlementRules", "ISettlementRules"),
    "AccountVerifier": ("IAccountVerifier",),
    "Verifier": ("IVerifier", "Groth16"),
}
"""Of each file the contracts whose interfaces it joins, as far as they exist: the implementation has errors of its libraries too."""

TOKEN: Final[tuple[tuple[str, list[tuple[str, str]], list[tuple[str, str]], str], ...]] = (
    ("balanceOf", [("account", "address")], [("", "uint256")], "view"),
    ("allowance", [("owner", "address"), ("spender", "address")], [("", "uint256")], "view"),
    ("decimals", [], [("", "uint8")], "view"),
    ("approve", [("spender", "address"), ("amount", "uint256")], [("", "bool")], "nonpayable"),
    ("transfer", [("to", "address"), ("amount", "uint256")], [("", "bool")], "nonpayable"),
)
"""ERC-20 as far as it is called."""

Entry = dict[str, Any]


def joined(artifacts: dict[str, Artifact], names: tuple[str, ...]) -> list[Entry]:
    """Functions, events and errors of the contracts, each once, by kind and name."""
    entries: dict[str, Entry] = {}
    for name in names:
        for entry in artifacts[name].abi if name in artifacts else ():
            if entry["type"] in ("function", "event", "error"):
                kept = bare(entry)
                entries[json.dumps([kept["type"], kept["name"], [each["type"] for each in kept["inputs"]]])] = kept
    return sorted(entries.values(), key=lambda entry: (entry["type"], entry["name"], json.dumps(entry)))


def bare(entry: Entry) -> Entry:
    """An entry without the compiler's names of its own types, which encoding does not depend on."""
    return {
        name: [bare(part) for part in value] if name in ("inputs", "outputs", "components") else value
        for name, value in entry.items()
        if name != "internalType"
    }


def token() -> list[Entry]:
    """The interface of the token."""

    def parts(named: list[tuple[str, str]]) -> list[Entry]:
        return [{"name": name, "type": kind} for name, kind in named]

    return [
        {"type": "function", "name": name, "inputs": parts(inputs), "outputs": parts(outputs), "stateMutability": kind}
        for name, inputs, outputs, kind in TOKEN
    ]


def main() -> None:
    """Compiles and writes."""
    artifacts = compile_contracts()
    files = {name: joined(artifacts, names) for name, names in SOURCES.items()} | {"Token": token()}
    FOLDER.mkdir(exist_ok=True)
    for name, entries in files.items():
        (FOLDER / f"{name}.json").write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
