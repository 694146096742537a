"""The time as every table keeps it: milliseconds since 1970."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Now, in milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000
