"""The benches of the Rust crates: each prints one JSON object, read here.

They measure what Python would blur: the core alone, and Groth16 beside arkworks on the same rows. Cargo builds them first, with the
same profile as the extension.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any, Final

from demo.chain import ROOT

BENCHES: Final = (
    ("tacit-core", "tree", ()),
    ("tacit-core", "clearing", ()),
    ("tacit-core", "accounts", ()),
    ("tacit-circuits", "verification", ("1", "2", "4", "6", "10")),
)
GROTH16: Final = ("tacit-circuits", "groth16")

Figures = dict[str, Any]


class BenchFailed(Exception):  # noqa: N818 - what happened
    """A bench that cargo could not build or run; what it said has gone to the error stream."""


def measure(logs: tuple[int, ...], say: Callable[[str], None]) -> Figures:
    """All of them: ``tree``, ``primitives``, ``clearing``, ``batch``, ``accounts``, ``verification``, and ``groth16`` for systems
    of 2^log rows.
    """
    figures: Figures = {}
    for crate, name, arguments in BENCHES:
        say(f"{crate}: {name} (cargo builds it first)")
        figures |= _run(crate, name, arguments)
    for log in logs:
        say(f"tacit-circuits: Groth16 beside arkworks, 2^{log} rows")
        figures.setdefault("groth16", {}).update(_run(*GROTH16, (str(log),)))
    return figures


def _run(crate: str, name: str, arguments: tuple[str, ...]) -> Figures:
    cargo = shutil.which("cargo")
    if cargo is None:
        raise BenchFailed("there is no cargo: CONTRIBUTING.md says what building needs")
    command = [cargo, "bench", "--locked", "--quiet", "--package", crate, "--bench", name, "--", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise BenchFailed(f"cargo bench of {crate} {name} ended with {done.returncode}, for the reason above")
    figures: Figures = json.loads(done.stdout)
    return figures
