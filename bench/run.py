"""The whole measurement, part by part, with progress; what it gives is written down by :mod:`bench.document`.

Where two numbers of threads are compared, they take turns, so that a machine that slows down slows both.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import gas, machine, native, worker
from bench.machine import Machine
from bench.settling import Calls, Settled, settlements
from bench.text import counted
from bench.worker import Report
from prover.keys import Keys, inspect

THREADS: Final = (1, 2)


@dataclass(frozen=True)
class Extent:
    """How much is measured. ``rounds`` of proofs for each number of threads; ``sizes`` in segments; ``logs``: rows of the
    comparison with arkworks, as powers of two, none: no bench that cargo builds. ``large``: that set too, proven once and settled in
    ``large_sizes``, and gas of what takes too long to prove.
    """

    params: tuple[str, ...] = ("dev", "standard")
    rounds: int = 3
    sizes: tuple[int, ...] = (1, 4, 16)
    large_sizes: tuple[int, ...] = (1, 4)
    logs: tuple[int, ...] = (16, 18)
    large: bool = True


QUICK: Final = Extent(params=("dev",), rounds=1, sizes=(1, 2), logs=(), large=False)


@dataclass
class Results:
    """Everything measured; the dictionaries go by parameter set."""

    machine: Machine
    extent: Extent
    constraints: dict[str, dict[str, dict[str, object]]] = field(default_factory=dict)
    setups: dict[str, Report] = field(default_factory=dict)
    proofs: dict[str, dict[int, list[Report]]] = field(default_factory=dict)
    settled: dict[str, list[Settled]] = field(default_factory=dict)
    calls: dict[str, Calls] = field(default_factory=dict)
    bills: list[gas.Bill] = field(default_factory=list)
    native: native.Figures = field(default_factory=dict)
    loads: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


class _Watch:
    """Says what is being done, and notes how busy the machine is."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.start = time.monotonic()
        self.current = ""

    def part(self, name: str) -> None:
        """A part of the document begins."""
        self.current = name
        self.say(name)

    def say(self, text: str) -> None:
        """One line of progress, and a look at the load: the highest of each part is kept."""
        loads = self.results.loads
        loads[self.current] = max(loads.get(self.current, 0.0), machine.load())
        print(f"[{time.monotonic() - self.start:5.0f} s] {text}", file=sys.stderr, flush=True)


def run(extent: Extent) -> Results:
    """Measures everything in the extent."""
    results = Results(machine.describe(), extent)
    watch = _Watch(results)
    watch.part("Constraints")
    for params in ("dev", "standard", "large"):
        results.constraints[params] = inspect(params)
    with tempfile.TemporaryDirectory(prefix="tacit-bench-") as folder:
        _set_up(results, watch, Path(folder))
        _prove(results, watch, Path(folder))
        _settle(results, watch, Path(folder))
    if extent.large:
        watch.part("Gas of full batches")
        results.bills = gas.bills(watch.say)
    if extent.logs:
        watch.part("Core and Groth16")
        results.native = native.measure(extent.logs, watch.say)
    results.seconds = time.monotonic() - watch.start
    watch.say("done")
    return results


def _all_params(extent: Extent) -> tuple[str, ...]:
    return (*extent.params, "large") if extent.large else extent.params


def _set_up(results: Results, watch: _Watch, folder: Path) -> None:
    watch.part("Set-up")
    for params in _all_params(results.extent):
        watch.say(f"keys of {params}, made anew in a temporary folder")
        results.setups[params] = worker.measure("setup", params, str(folder))


def _prove(results: Results, watch: _Watch, folder: Path) -> None:
    watch.part("Proving")
    for params in _all_params(results.extent):
        reports: dict[int, list[Report]] = {threads: [] for threads in THREADS}
        for turn in range(1, (1 if params == "large" else results.extent.rounds) + 1):
            for threads in THREADS:
                watch.say(f"{params}: a segment and its closing proof, {counted(threads)}, turn {turn}")
                reports[threads].append(worker.measure("prove", params, str(folder), threads=threads))
        results.proofs[params] = reports


def _settle(results: Results, watch: _Watch, folder: Path) -> None:
    watch.part("Settlements")
    extent = results.extent
    for params in _all_params(extent):
        keys, sizes = Keys.load(folder, params), extent.large_sizes if params == "large" else extent.sizes
        results.settled[params], results.calls[params] = settlements(keys, sizes, watch.say)
