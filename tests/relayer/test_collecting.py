"""The process that answers traders is not stopped to look through what start-up has made."""

from __future__ import annotations

import gc
import subprocess
import sys

from relayer.roles.collecting import LOTS

PROGRAM = """
import gc
from relayer.roles.collecting import collect_seldom

lasting = [[number] for number in range(50_000)]
collect_seldom()
seen = len(gc.get_objects())


class Ring:
    def __init__(self):
        self.own = self


for _ in range(200_000):
    ring = Ring()
most = sum(isinstance(each, Ring) for each in gc.get_objects())
print(seen, most, gc.get_threshold(), gc.isenabled())
"""


def test_what_start_up_made_is_not_looked_through_and_cycles_are_still_freed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    seen, left, rest = done.stdout.split(" ", 2)
    assert int(seen) < 1_000
    assert int(left) <= 2 * LOTS[0]
    assert rest.strip() == f"{LOTS} True"
    assert gc.get_threshold() != LOTS
