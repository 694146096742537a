"""How the demo can end other than well; `__main__` turns each into a message and an exit code."""

from __future__ import annotations


class NotReady(Exception):  # noqa: N818 - a state, not a fault
    """Something that the demo needs is missing; the message says what makes it."""


class NotShown(Exception):  # noqa: N818 - it says what was promised and did not happen
    """Something that the demo is there to show did not happen."""
