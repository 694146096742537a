"""Which code a generated verifier compiles to, and whether that is the code on chain.

With the contracts' sources and the compiler at hand (a checkout of the repository after ``make node``) the generated source
is compiled as `forge` does it, and the runtime code is compared byte for byte. Without, every word of the verifying keys must
stand in the deployed code: that shows which keys it holds, and not what it does with them.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

from relayer.errors import AuditError

WORDS: Final = re.compile(r'(?:0x|hex")((?:[0-9a-f]{64})+)\b')
WORD_DIGITS: Final = 64
COMPILER_SECONDS: Final = 600
GENERATED: Final = ("Verifier", "AccountVerifier")


def compiled_runtime(contracts: Path, sources: dict[str, str]) -> dict[str, bytes]:
    """Runtime code of generated contracts, by name, compiled beside the sources in ``contracts/src``."""
    files = {
        f"src/{path.relative_to(contracts / 'src')}": path.read_text("utf-8")
        for path in (contracts / "src").rglob("*.sol")
    }
    files = {
        name: text for name, text in files.items() if not name.endswith(tuple(f"/{each}.sol" for each in GENERATED))
    }
    files |= {f"src/{name}.sol": source for name, source in sources.items()}
    needed = _needed(files, [f"src/{name}.sol" for name in sources])
    answer = _compile(contracts, {name: files[name] for name in needed})
    return {
        name: bytes.fromhex(answer["contracts"][f"src/{name}.sol"][name]["evm"]["deployedBytecode"]["object"])
        for name in sources
    }


def missing_words(source: str, code: bytes) -> list[str]:
    """Words of a generated source that the code does not hold."""
    runs = [match[1] for match in WORDS.finditer(source)]
    words = {run[at : at + WORD_DIGITS] for run in runs for at in range(0, len(run), WORD_DIGITS)}
    return sorted(word for word in words if bytes.fromhex(word).lstrip(b"\0") not in code)


def _needed(files: dict[str, str], roots: list[str]) -> list[str]:
    """The files that some import, directly or not."""
    seen: list[str] = []
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        if name not in files:
            raise AuditError(
                f"the generated verifier imports {name}, which the contracts' folder lacks", {"file": name}
            )
        seen.append(name)
        for path in re.findall(r'from "([^"]+)"', files[name]):
            todo.append(path if path.startswith("src/") else _resolved(name, path))
    return seen


def _resolved(importer: str, path: str) -> str:
    parts = importer.split("/")[:-1]
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _compile(contracts: Path, files: dict[str, str]) -> dict[str, Any]:
    profile = tomllib.loads((contracts / "foundry.toml").read_text("utf-8"))["profile"]["default"]
    settings = {
        "viaIR": profile.get("via_ir", False),
        "evmVersion": profile["evm_version"],
        "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
        "metadata": {"bytecodeHash": "none", "appendCBOR": False},
        "outputSelection": {"*": {"*": ["evm.deployedBytecode.object"]}},
    }
    content = {name: {"content": text} for name, text in sorted(files.items())}
    request = json.dumps({"language": "Solidity", "sources": content, "settings": settings})
    solc = contracts / "tools" / "solc"
    command = [str(solc), "--standard-json"]
    try:
        done = subprocess.run(
            command, input=request, capture_output=True, text=True, timeout=COMPILER_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise AuditError(
            f"{solc} does not compile: {error}; run `make node` in that checkout", {"solc": str(solc)}
        ) from error
    answer: dict[str, Any] = json.loads(done.stdout)
    wrong = [each["formattedMessage"] for each in answer.get("errors", ()) if each["severity"] == "error"]
    if wrong:
        raise AuditError("the generated verifier does not compile:\n" + "\n".join(wrong[:3]), {})
    return answer
