"""One measurement in a process of its own, so that peak memory and the number of threads are its alone.

``python -m bench.worker setup PARAMS DIRECTORY`` or ``prove PARAMS [DIRECTORY]``; threads are those of ``RAYON_NUM_THREADS``.
The last line on standard output is one JSON object; times are in seconds, memory in bytes.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from bench.book import Book, require_all_admitted
from demo.chain import ROOT
from prover.keys import CIRCUITS, Keys, setup
from prover.orders import domain
from prover.proof import Progress, prove

KIB: Final = 1024
LOCAL_CHAIN: Final = 31337
SOMEWHERE: Final = "0x" + "11" * 20
SEGMENT: Final = "segment-0001"

Report = dict[str, Any]


class WorkerFailed(Exception):  # noqa: N818 - what happened
    """A measurement that ended otherwise than with a result."""


def measure(job: str, *arguments: str, threads: int | None = None) -> Report:
    """Runs a job in a process of its own on so many threads (None: one a core)."""
    environment = dict(os.environ)
    environment.pop("RAYON_NUM_THREADS", None)
    if threads is not None:
        environment["RAYON_NUM_THREADS"] = str(threads)
    command = [sys.executable, "-m", "bench.worker", job, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise WorkerFailed(
            f"bench.worker {job} {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr.strip()}"
        )
    report: Report = json.loads(done.stdout.splitlines()[-1])
    return report


def set_up(params: str, directory: str) -> Report:
    """Makes keys in a folder: seconds by phase, of the whole, and bytes of the files."""
    phases: dict[str, float] = {}
    start = time.perf_counter()
    keys = setup(params, directory, renew=True, progress=lambda phase, seconds: phases.update({phase: seconds}))
    total = time.perf_counter() - start
    return {"phases": phases, "total": total, "files": file_sizes(keys), "peak": _peak()}


def file_sizes(keys: Keys) -> dict[str, dict[str, int]]:
    """Bytes of the proving and the verifying key of both circuits."""
    return {
        circuit: {end: (keys.folder / f"{circuit}.{end}").stat().st_size for end in ("pk", "vk")}
        for circuit in CIRCUITS
    }


def prove_one(params: str, directory: str | None = None) -> Report:
    """Loads the keys and proves a full segment and its closing proof: seconds by phase of each."""
    start = time.perf_counter()
    keys = Keys.load(directory, params)
    keys.proving  # noqa: B018 - reading it loads it
    load = time.perf_counter() - start
    before = _peak()
    start = time.perf_counter()
    book = Book(params, domain(LOCAL_CHAIN, SOMEWHERE), 1)
    cleared = book.state.clear(book.batch(1, 2))
    require_all_admitted(cleared)
    clear = time.perf_counter() - start
    phases: dict[str, dict[str, float]] = {circuit: {} for circuit in CIRCUITS}

    def hear(event: Progress) -> None:
        if event.phase not in ("done", "stored"):
            phases["segment" if event.name == SEGMENT else "closing"][event.phase] = event.seconds

    prove(cleared, keys, progress=hear)
    return {"load": load, "loaded_peak": before, "clear": clear, "proofs": phases, "peak": _peak()}


def _peak() -> int:
    """The most memory that this program has held at once. Linux says it of the program; elsewhere the process counts, and its
    figure begins with that of the process it was forked from.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
    facts = dict(line.split(":", 1) for line in status.splitlines())
    return int(facts["VmHWM"].removesuffix("kB")) * KIB


def main(job: str, *arguments: str) -> None:
    """Runs the job that the command line names."""
    jobs = {"setup": set_up, "prove": prove_one}
    print(json.dumps(jobs[job](*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
