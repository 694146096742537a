"""What a person sees while the demo works: one line a step, a bar while proofs are made, and the times of both.

Everything goes to the error stream, so that the standard output holds results alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from prover.proof import Progress as Event

PHASES: Final = {
    "witness": "witness",
    "witness_map": "quotient",
    "a": "A",
    "b1": "B in G1",
    "b2": "B in G2",
    "l": "private wires",
    "h": "quotient terms",
    "check": "own check",
}
"""The phases of a proof, in words."""
NEXT: Final = dict(zip(PHASES, (*list(PHASES.values())[1:], "done"), strict=True))
"""What follows a phase that has ended."""


class Watch:
    """Shows steps as they go and keeps their seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self.phases: dict[str, float] = dict.fromkeys(PHASES, 0.0)

    def say(self, text: str) -> None:
        """A heading."""
        self.console.print(f"\n[bold]{text}[/bold]")

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """A piece of work, announced, then timed."""
        start = time.monotonic()
        with self.console.status(f"{text} …"):
            yield
        self._ended(text, time.monotonic() - start)

    @contextmanager
    def proving(self, text: str, proofs: int) -> Iterator[Callable[[Event], None]]:
        """A bar over all phases of all proofs of a settlement; gives what takes their progress."""
        start = time.monotonic()
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            TextColumn("{task.fields[now]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as bars:
            task = bars.add_task(text, total=proofs * len(PHASES), now="")

            def hear(event: Event) -> None:
                if event.phase == "done":
                    elapsed = time.monotonic() - start
                    bars.console.print(
                        f"  {event.done}/{proofs} {_proof(event.name)}, {elapsed:.1f} s", highlight=False
                    )
                elif event.phase in PHASES:
                    self.phases[event.phase] += event.seconds
                    bars.update(task, advance=1, now=f"{_proof(event.name)}: {NEXT[event.phase]}")

            yield hear
        self._ended(text, time.monotonic() - start)

    def _ended(self, text: str, time: float) -> None:
        self.seconds[text] = time
        self.console.print(f"  [green]✓[/green] {text} [dim]{seconds(time)}[/dim]", highlight=False)


def seconds(time: float) -> str:
    """A duration for people."""
    return f"{time:.1f} s" if time >= 1 else f"{1000 * time:.0f} ms"


def _proof(name: str) -> str:
    """A proof's name as people write it."""
    kind, _, number = name.partition("-")
    return f"{kind} {int(number)}" if number else f"{kind} proof"
