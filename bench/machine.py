"""What was measured on: processor, memory, load, versions, and the commit.

Figures without these cannot be compared with others; the document names them all.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from demo.chain import CONTRACTS, ROOT, TOOLS
from prover import __version__

GIB: Final = 2**30
UNKNOWN: Final = "unknown"


@dataclass(frozen=True)
class Machine:
    """The machine and what runs on it. ``memory`` in GiB; ``versions`` by name."""

    processor: str
    cores: int
    memory: float
    system: str
    date: str
    commit: str
    versions: dict[str, str]


def describe() -> Machine:
    """This machine, now."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_commit(),
        versions=_versions(),
    )


def load() -> float:
    """Processes that wanted a core in the last minute; of a measurement alone on the machine, its own threads."""
    return os.getloadavg()[0]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or UNKNOWN
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    family, model = facts.get("cpu family", "?"), facts.get("model", "?")
    return f"{facts.get('model name', UNKNOWN)} (family {family}, model {model}, {facts.get('cpu MHz', '?')} MHz)"


def _commit() -> str:
    name = said("git", "rev-parse", "--short=10", "HEAD")
    if name == UNKNOWN:
        return name
    changed = said(
        "git", "status", "--porcelain", "--untracked-files=no", "--", "rust", "circuits", "contracts", "prover"
    )
    return f"{name}, with changes" if changed else name


def _versions() -> dict[str, str]:
    return {
        "tacit": __version__,
        "Rust": _word(said("rustc", "--version"), "rustc "),
        "arkworks": _crate("ark-groth16"),
        "Python": platform.python_version(),
        "numpy": version("numpy"),
        "anvil": _word(said(str(TOOLS / "anvil"), "--version"), "Version: "),
        "solc": _word(said(str(CONTRACTS / "tools" / "solc"), "--version"), "Version: "),
    }


def _crate(name: str) -> str:
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    return next((str(each["version"]) for each in packages if each["name"] == name), UNKNOWN)


def _word(text: str, after: str) -> str:
    """The word that follows ``after``."""
    rest = text.partition(after)[2].split()
    return rest[0] if rest else UNKNOWN


def said(program: str, *arguments: str) -> str:
    """What a program prints, ``unknown`` if there is none such or it fails."""
    found = shutil.which(program)
    if found is None:
        return UNKNOWN
    done = subprocess.run([found, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else UNKNOWN
