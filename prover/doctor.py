"""What the machine lacks for proving, and for the demo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from prover.errors import TacitError
from prover.keys import PARAMETER_SETS, Keys

Need = Literal["proving", "demo", "large"]

LEAST_PYTHON: Final = (3, 11)
LEAST_NODE: Final = 20
LEAST_MEMORY_GIB: Final = 2.0
LEAST_DISK_GIB: Final = 2.0
GIB: Final = 2**30
NODE_TOOLS: Final = ("anvil", "forge", "snarkjs")
RUST_TOOLS: Final = ("cargo",)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked for: what was found, what it is needed for, and what to do if it is lacking."""

    name: str
    ok: bool
    found: str
    needed_for: Need
    remedy: str

    def to_wire(self) -> dict[str, object]:
        """For programs."""
        return asdict(self)


def examine(keys: Path) -> list[Finding]:
    """Looks at the machine, and at the keys in a folder."""
    return [*_machine(), *_keys(keys), *_tools()]


def _machine() -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", sys.version_info >= LEAST_PYTHON, version, "proving", "install Python 3.11 or newer")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    remedy = f"{LEAST_MEMORY_GIB:g} GiB are needed for the standard parameter set"
    yield Finding("memory", memory >= LEAST_MEMORY_GIB, f"{memory:.1f} GiB", "proving", remedy)
    disk = shutil.disk_usage(Path.cwd()).free / GIB
    yield Finding(
        "disk", disk >= LEAST_DISK_GIB, f"{disk:.1f} GiB free", "proving", f"free {LEAST_DISK_GIB:g} GiB here"
    )
    yield Finding("processors", True, f"{os.cpu_count()}", "proving", "")


def _keys(folder: Path) -> Iterator[Finding]:
    for params in PARAMETER_SETS:
        ok, found = _state_of(folder, params)
        need: Need = "large" if params == "large" else "proving"
        yield Finding(f"{params} keys", ok, found, need, f"prover setup --params {params} --keys {folder}")


def _state_of(folder: Path, params: str) -> tuple[bool, str]:
    try:
        keys = Keys.load(folder, params)
        fits = keys.fits()
        if fits:
            keys.verifying  # noqa: B018 - reading it checks it
    except TacitError as error:
        return False, str(error)
    if not fits:
        return False, "made for another version of the circuits"
    return True, "development keys, INSECURE: for a local chain only" if keys.insecure else "ceremony keys"


def _tools() -> Iterator[Finding]:
    node = _version("node")
    ok = node is not None and int(node.lstrip("v").split(".")[0] or 0) >= LEAST_NODE
    yield Finding("node", ok, node or "not found", "demo", f"install Node {LEAST_NODE} or newer")
    for name in NODE_TOOLS:
        yield _tool(name, "npm ci (make node does it)")
    solc = next((each for each in _roots("node_modules/solc/package.json") if each.is_file()), None)
    yield Finding("solc", solc is not None, str(solc) if solc else "not found", "demo", "npm ci (make node does it)")
    for name in RUST_TOOLS:
        yield _tool(name, "install Rust, https://rustup.rs")


def _tool(name: str, remedy: str) -> Finding:
    found = shutil.which(name) or next(
        (str(each) for each in _roots(f"node_modules/.bin/{name}") if each.exists()), None
    )
    return Finding(name, found is not None, found or "not found", "demo", remedy)


def _roots(relative: str) -> Iterator[Path]:
    """A path below this folder and below those that hold it."""
    here = Path.cwd()
    return (folder / relative for folder in (here, *here.parents))


def _version(program: str) -> str | None:
    """What a program says of its version; None if it does not run."""
    found = shutil.which(program)
    if found is None:
        return None
    try:
        done = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
