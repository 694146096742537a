"""When this process stops to look for garbage.

The collector looks through everything that lives whenever a quarter as much was added, and all threads wait: with a vault of many accounts
in memory that is hundreds of milliseconds, in which nobody is answered. What start-up has made lives as long as the process, so it is put
out of the collector's sight; and young objects are looked through in larger lots, since nearly all that a request makes is gone with it by
counting references alone. Cycles are still found: memory held by them is bounded by the size of a lot.
"""

from __future__ import annotations

import gc
from typing import Final

LOTS: Final = (20_000, 20, 20)
"""Objects made and not gone before the youngest are looked through, and how often before the next older are."""


def collect_seldom() -> None:
    """To be called when start-up is done, once a process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*LOTS)
