"""What a person sees while the demo works: one line a step, a bar while proofs are made, and the times of both.

Everything goes to the error stream, so that the standard output holds results alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

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


class Watch:
    """Shows steps as they go and keeps their seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self._bar: Progress | None = None

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
    def proving(self, text: str) -> Iterator[None]:
        """A bar over the proofs of a batch, which :meth:`proven` moves on."""
        start = time.monotonic()
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as self._bar:
            self._bar.add_task(text, total=None)
            yield
        self._bar = None
        self.took(text, time.monotonic() - start)

    def proven(self, done: int, total: int) -> None:
        """So many proofs of the batch are made."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def took(self, text: str, time: float) -> None:
        """A piece of work that somebody else has done, and its time."""
        self._ended(text, time)

    def _ended(self, text: str, time: float) -> None:
        self.seconds[text] = time
        self.console.print(f"  [green]✓[/green] {text} [dim]{seconds(time)}[/dim]", highlight=False)


def seconds(time: float) -> str:
    """A duration for people."""
    return f"{time:.1f} s" if time >= 1 else f"{1000 * time:.0f} ms"
