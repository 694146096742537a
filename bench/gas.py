"""Gas of the vault's calls and of full batches of up to 64 segments in both modes of public data.

Proving 64 segments takes an hour; what they cost on chain does not depend on whose proofs they are. So forge settles full batches with
toy keys (`contracts/test/gas`), each call a transaction of its own, and says what each costs; real proofs of fewer segments, in
:mod:`bench.settling`, are beside it. Compiling the contracts is most of the time this takes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode

from demo.chain import CONTRACTS, ROOT, TOOLS, ChainError
from prover.hashing import keccak256

SUM: Final = "(uint256,uint256,uint256,uint256,uint256,uint256,uint256)"
TYPES: Final = ("string", "string", "bool", "uint256", "uint256", SUM)
TOPIC: Final = "0x" + keccak256(f"Measured({','.join(TYPES)})".encode()).hex()
BUILD: Final = ROOT / "build" / "gas"


@dataclass(frozen=True)
class Bill:
    """What a call, or several that belong together, cost.

    ``size`` is bytes of calldata, ``zeros`` of them zero; ``gas`` is without a least price of calldata, ``floored`` with it (EIP-7623).
    ``largest_gas`` and ``largest_size`` are of the largest transaction.
    """

    call: str
    params: str
    validium: bool
    segments: int
    orders: int
    transactions: int
    size: int
    zeros: int
    gas: int
    floored: int
    largest_gas: int
    largest_size: int


def bills(say: Callable[[str], None]) -> list[Bill]:
    """All bills, settlements by number of segments. Raises `ChainError` if forge cannot run or a call is refused."""
    forge = shutil.which("forge", path=str(TOOLS))
    if forge is None:
        raise ChainError(f"no forge in {TOOLS}; run `make node`")
    say("full batches of up to 64 segments, toy keys (forge compiles the contracts first)")
    command = [forge, "test", "--isolate", "--json", "-vv"]
    done = subprocess.run(command, cwd=CONTRACTS, env=_environment(), capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        raise ChainError(f"forge ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    found = list(_read(json.loads(done.stdout)))
    return sorted(found, key=lambda bill: (bill.params != "standard", bill.validium, bill.call, bill.segments))


def _environment() -> dict[str, str]:
    """Only what these tests need is compiled, beside what other tests have compiled; warnings are for `make check`."""
    return os.environ | {
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "FOUNDRY_TEST": "test/gas",
        "FOUNDRY_OUT": str(BUILD / "out"),
        "FOUNDRY_CACHE_PATH": str(BUILD / "cache"),
        "FOUNDRY_DENY": "never",
        "FOUNDRY_LINT_LINT_ON_BUILD": "false",
    }


def _read(report: dict[str, Any]) -> Iterator[Bill]:
    for suite in report.values():
        for name, test in suite["test_results"].items():
            if test["status"] != "Success":
                raise ChainError(f"{name}: {test['reason']}")
            for log in test["logs"]:
                if log["topics"][0] == TOPIC:
                    *named, figures = decode(TYPES, bytes.fromhex(log["data"][2:]))
                    yield Bill(*named, *figures)
