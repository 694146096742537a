"""Progress on stderr: a bar where a person looks on, a line for each thing done where not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rich.progress as bars
from rich.console import Console

from prover.keys import SetupProgress
from prover.proof import Progress, ProveProgress

SETUP_PHASES = 3
PROOF_PHASES = 8


@contextmanager
def setting_up() -> Iterator[SetupProgress]:
    """Shows the phases of a set-up."""
    with _bar("setting up") as advance:

        def show(phase: str, seconds: float) -> None:
            advance(f"{phase} {seconds:.1f} s", 1, SETUP_PHASES, True)

        yield show


@contextmanager
def in_ceremony() -> Iterator[Callable[[str, str, float], object]]:
    """Shows the phases of a step of a ceremony, by circuit; how many there are depends on the file of powers."""
    with _bar("ceremony") as advance:

        def show(circuit: str, phase: str, seconds: float) -> None:
            advance(f"{circuit}, {phase} {seconds:.1f} s", 1, None, True)

        yield show


@contextmanager
def proving() -> Iterator[ProveProgress]:
    """Shows the phases of proofs, and how many there are."""
    with _bar("proving") as advance:

        def show(event: Progress) -> None:
            whole = {"stored": PROOF_PHASES, "done": 0}.get(event.phase, 1)
            text = f"{event.done}/{event.total} proofs, {event.name} {event.phase}"
            advance(text, whole, event.total * PROOF_PHASES, event.phase in ("stored", "done"))

        yield show


Advance = Callable[[str, int, int | None, bool], None]
"""Takes a text, the steps it stands for, how many there are if that is known, and whether it is worth a line of its own."""


@contextmanager
def _bar(title: str) -> Iterator[Advance]:
    """Hands out what moves the bar."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(title, console)
        return
    columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), bars.TimeElapsedColumn())
    with bars.Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=None)

        def advance(text: str, steps: int, total: int | None, _line: bool) -> None:
            progress.update(task, description=f"{title}: {text}", total=total, advance=steps)

        yield advance


def _lines(title: str, console: Console) -> Advance:
    start = time.monotonic()

    def advance(text: str, _steps: int, _total: int | None, line: bool) -> None:
        if line:
            console.print(f"{title}: {text} ({time.monotonic() - start:.0f} s)", highlight=False, soft_wrap=True)

    return advance
