"""The code that creates a vault's contracts, compiled from a checkout's `contracts` folder with verifiers generated from keys.

Settings are those of its `foundry.toml`, so the code is what `relayer audit --contracts` compares.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from prover.keys import Keys
from relayer.compiled import COMPILER_SECONDS, GENERATED
from relayer.errors import DeployError

WANTED: Final = ("Verifier", "AccountVerifier", "SettlementRules", "PoseidonConstants", "Vault")
DOLLAR: Final = "TestToken"
DOLLAR_SOURCE: Final = "test/helpers/TestToken.sol"
IMPORTED: Final = re.compile(r'(?:from|import)\s+"([^"]+)"')


def creation_code(contracts: Path, keys: Keys, names: Sequence[str] = WANTED) -> dict[str, bytes]:
    """Creation code of contracts by name, without constructor arguments (:class:`DeployError` if it does not compile)."""
    profile = tomllib.loads((contracts / "foundry.toml").read_text("utf-8"))["profile"]["default"]
    sources = _sources(contracts, keys, profile)
    answer = _compile(contracts, sources, profile, names)
    found: dict[str, bytes] = {}
    for file in answer["contracts"].values():
        found |= {
            name: bytes.fromhex(made["evm"]["bytecode"]["object"]) for name, made in file.items() if name in names
        }
    missing = [name for name in names if not found.get(name)]
    if missing:
        raise DeployError(f"{contracts} has no contract {', '.join(missing)}", {"missing": missing})
    return found


def _sources(contracts: Path, keys: Keys, profile: Mapping[str, Any]) -> dict[str, str]:
    paths = [*(contracts / "src").rglob("*.sol"), contracts / DOLLAR_SOURCE]
    files = {str(path.relative_to(contracts)): path.read_text("utf-8") for path in paths if path.is_file()}
    files = {name: text for name, text in files.items() if Path(name).stem not in GENERATED}
    files |= {"src/Verifier.sol": keys.solidity(), "src/AccountVerifier.sol": keys.account_solidity()}
    return files | _remapped(contracts, files.values(), profile.get("remappings", []))


def _remapped(contracts: Path, texts: Iterable[str], remappings: Iterable[str]) -> dict[str, str]:
    """Sources that are imported by a remapped name, by that name; they import nothing remapped themselves."""
    found: dict[str, str] = {}
    names = {name for text in texts for name in IMPORTED.findall(text)}
    for prefix, _, folder in (remapping.partition("=") for remapping in remappings):
        own = [name for name in names if name.startswith(prefix)]
        found |= {name: (contracts / folder / name.removeprefix(prefix)).read_text("utf-8") for name in own}
    return found


def _compile(
    contracts: Path, sources: Mapping[str, str], profile: Mapping[str, Any], names: Iterable[str]
) -> dict[str, Any]:
    settings = {
        "viaIR": profile.get("via_ir", False),
        "evmVersion": profile["evm_version"],
        "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
        "metadata": {"bytecodeHash": "none", "appendCBOR": False},
        "outputSelection": {"*": {name: ["evm.bytecode.object"] for name in names}},
    }
    content = {name: {"content": text} for name, text in sorted(sources.items())}
    request = json.dumps({"language": "Solidity", "sources": content, "settings": settings})
    solc = contracts / "tools" / "solc"
    try:
        done = subprocess.run(
            [str(solc), "--standard-json"], input=request, capture_output=True, text=True, timeout=COMPILER_SECONDS
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        what = f"{solc} does not compile: {type(error).__name__}; run `make node` in that checkout"
        raise DeployError(what, {"solc": str(solc)}) from error
    wrong = [each["formattedMessage"] for each in answer.get("errors", ()) if each["severity"] == "error"]
    if wrong:
        raise DeployError("the contracts do not compile:\n" + "\n".join(wrong[:3]), {})
    return answer
