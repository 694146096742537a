"""Named places in the relayer's work where a process may die: before and after every commit, send and proof.

In service :func:`reached` does nothing. Tests install a hook that kills the process there, and then look whether the promises of
docs/relayer.md hold: what is on disk at each of these places decides whether they do.
"""

from __future__ import annotations

from collections.abc import Callable

Hook = Callable[[str], object]

_hook: Hook | None = None


def reached(name: str) -> None:
    """Says that the work has come to the place ``name`` (``seal.after-queue``: subject, a dot, where)."""
    if _hook is not None:
        _hook(name)


def install(hook: Hook | None) -> None:
    """Has every :func:`reached` of this process call ``hook``; None takes it away."""
    global _hook
    _hook = hook
